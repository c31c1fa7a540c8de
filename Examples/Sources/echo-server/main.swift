// Sends every message back, in a task for each connection.
import WebSockets

var server = WebSocketServer(port: 8080)
server.on("/echo") { socket in
    for try await message in socket {
        try await socket.send(message)
    }
}
try await server.run { print("listening on ws://\($0.host):\($0.port)/echo") }
