import Logging
package import NIOCore
package import NIOHTTP1
import NIOSSL
import Synchronization
import WebSocketCore

/// A server without listeners: opens WebSockets on channels that somebody else has accepted. What `WebSocketsNIO` is made
/// of.
package final class ForeignChannels: Sendable {
    private let state: ServerState
    private let isStopping = Atomic<Bool>(false)
    private let stopped = Latch()

    /// - Parameter server: its routes and settings count, its listeners do not.
    package init(_ server: WebSocketServer) {
        self.state = ServerState(configuration: server.configuration, routes: server.routes, respond: server.respond)
    }

    package var connectionCount: Int { self.state.connectionCount }

    package var isReady: Bool { self.state.isReady }

    /// Puts NIO's HTTP handlers to the end of the pipeline, with the limits of the opening handshake.
    package func installHTTP(in pipeline: ChannelPipeline.SynchronousOperations) throws {
        try pipeline.addHandlers([
            HTTPResponseEncoder(), HTTPRequestHandler.makeDecoder(self.state.configuration.socket.limits.handshake),
            HTTPServerPipelineHandler(), NIOHTTPResponseHeadersValidator(), HTTPServerProtocolErrorHandler(),
        ])
    }

    /// Whether `head` asks for a WebSocket.
    package static func isUpgrade(_ head: HTTPRequestHead) -> Bool {
        head.headers[canonicalForm: "Upgrade"].contains { $0.lowercased() == "websocket" }
    }

    /// Opens a WebSocket, or refuses it and closes the channel. On the channel's loop.
    package func open(
        _ channel: any Channel, _ head: HTTPRequestHead, removing handlers: [any RemovableChannelHandler]
    ) {
        let loop = self.state.loop(LoopServices.on(channel.eventLoop))
        ForeignOpening(loop, channel: channel, removing: handlers).begin(head)
    }

    /// Closes all connections, as ``RunningServer/drain()`` does. Whoever owns the event loops ends them afterwards.
    package func drain() async {
        guard self.isStopping.exchange(true, ordering: .relaxed) == false else {
            await self.stopped.wait()
            return
        }
        // Whoever drains may be cancelled already; the connections have their time all the same.
        await Task {
            _ = self.state.becomeUnready()
            let delay = self.state.configuration.drainDelay
            if delay > .zero { try? await Task.sleep(for: delay) }
            _ = await self.state.drainAll()
            self.stopped.open()
        }.value
    }

    package func drainSoon() {
        Task { await self.drain() }
    }

    /// Returns when it has drained.
    package func waitUntilStopped() async { await self.stopped.wait() }
}
