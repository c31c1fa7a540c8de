// Sends every message to all connections. Nobody waits for a slow reader: who does not read is disconnected.
import WebSockets

let room = Room()
var server = WebSocketServer(port: 8080)
server.on("/chat") { socket in
    room.join(socket)
    defer { room.leave(socket) }
    for try await message in socket { room.say(message) }
}
try await server.run { print("listening on ws://\($0.host):\($0.port)/chat") }
