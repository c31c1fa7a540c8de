// Sends each argument behind the address as a message, and prints what comes back for it.
import WebSockets

let arguments = CommandLine.arguments.dropFirst()
let url = arguments.first ?? "ws://127.0.0.1:8080/echo"
do {
    try await WebSocketClient().withConnection(to: url) { socket in
        for line in arguments.dropFirst() {
            try await socket.send(line)
            if case .text(let answer) = try await socket.receive() { print(answer) }
        }
    }
} catch let error as WebSocketError {
    print(explanation(of: error))
}
