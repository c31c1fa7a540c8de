// Hummingbird serves the page, and what else its router has; the chat's WebSockets are opened on its connections.
import Hummingbird
import Logging
import ServiceLifecycle
import UnixSignals
import WebSockets
import WebSocketsNIO

let room = Room()
var sockets = WebSocketServer(listeners: [])
sockets.on("/chat") { socket in
    room.join(socket)
    defer { room.leave(socket) }
    for try await message in socket { room.say(message) }
}
let upgrader = WebSocketUpgrader(sockets)

let router = Router()
router.get("/") { _, _ in
    Response(status: .ok, headers: [.contentType: "text/html; charset=utf-8"], body: .init(byteBuffer: page))
}
router.get("/people") { _, _ in "\(upgrader.connectionCount)" }

let port = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 8080
let application = Application(
    router: router, server: .http1(openingWebSocketsWith: upgrader),
    configuration: .init(address: .hostname("127.0.0.1", port: port)))

// The last one ends first: the WebSockets are closed while Hummingbird's event loops still run.
let group = ServiceGroup(
    services: [application, upgrader], gracefulShutdownSignals: [.sigterm, .sigint], logger: Logger(label: "chat"))
try await group.run()
