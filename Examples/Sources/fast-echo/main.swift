// Sends every message back, in callbacks on the event loop: no task, no allocation and no copy for a message.
import WebSocketCore
import WebSockets

struct Echo: MessageReceiver {
    mutating func received(_ message: RawSpan, _ kind: MessageKind, _ socket: LoopSocket) {
        socket.send(message, as: kind)
    }
}

var server = WebSocketServer(port: 8080)
server.on("/echo", receiver: { _ in Echo() })
try await server.run { print("listening on ws://\($0.host):\($0.port)/echo") }
