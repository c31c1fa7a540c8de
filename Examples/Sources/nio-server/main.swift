// A server on plain SwiftNIO that answers its own requests, and opens WebSockets on the same port.
import NIOCore
import NIOHTTP1
import NIOPosix
import WebSockets
import WebSocketsNIO

var sockets = WebSocketServer(listeners: [])
sockets.on("/echo") { socket in
    for try await message in socket { try await socket.send(message) }
}
let upgrader = WebSocketUpgrader(sockets)

let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
    .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
    .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
            let pages = Pages()
            try upgrader.install(in: channel.pipeline.syncOperations, removing: [pages])
            try channel.pipeline.syncOperations.addHandler(pages)
        }
    }
    .bind(host: "127.0.0.1", port: 8080).get()
try await listener.closeFuture.get()
