import Logging
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization
import WebSocketCore

/// A server that listens.
public final class RunningServer: Sendable {
    /// The port that was opened, also where 0 had been asked for.
    public let port: Int
    /// The host it was asked to listen on.
    public let host: String

    private let state: ServerState
    private let listener: any Channel
    private let ownGroup: MultiThreadedEventLoopGroup?
    private let isStopping = Atomic<Bool>(false)
    private let stopped = Latch()

    private init(
        port: Int, host: String, state: ServerState, listener: any Channel, ownGroup: MultiThreadedEventLoopGroup?
    ) {
        self.port = port
        self.host = host
        self.state = state
        self.listener = listener
        self.ownGroup = ownGroup
    }

    static func start(_ server: WebSocketServer) async throws -> RunningServer {
        let configuration = server.configuration
        let context = try configuration.tls?.serverContext()
        let ownGroup =
            server.eventLoopGroup == nil
            ? MultiThreadedEventLoopGroup(numberOfThreads: max(1, configuration.threads)) : nil
        let group = server.eventLoopGroup ?? ownGroup.map { $0 as any EventLoopGroup }
        guard let group else { preconditionFailure("no event loops") }
        let state = ServerState(configuration: configuration, routes: server.routes, respond: server.respond)
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: Int32(clamping: configuration.backlog))
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(AcceptPause(logger: configuration.logger))
                }
            }
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(
                .writeBufferWaterMark,
                value: .init(
                    low: state.settings.outbox.highWaterBytes / 2, high: state.settings.outbox.highWaterBytes)
            )
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try Self.accept(channel, state, context) }
            }
        do {
            let listener = try await bootstrap.bind(host: server.host, port: server.port).get()
            let port = listener.localAddress?.port ?? server.port
            return RunningServer(
                port: port, host: server.host, state: state, listener: listener, ownGroup: ownGroup)
        } catch {
            try? await ownGroup?.shutdownGracefully()
            throw error
        }
    }

    private static func accept(_ channel: any Channel, _ state: ServerState, _ context: NIOSSLContext?) throws {
        let loop = LoopServices.on(channel.eventLoop)
        let opening = ServerOpening(state, channel: channel, loop: loop)
        switch state.enter(opening, on: channel.eventLoop) {
        case .welcome: break
        case .full:
            SocketMetrics.refused(limit: "max_connections")
            opening.isTurnedAway = true
        case .crowded:
            SocketMetrics.refused(limit: "max_connections")
            throw TooManyConnections()
        }
        if let context { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context)) }
        try channel.pipeline.syncOperations.addHandler(opening)
    }

    private struct TooManyConnections: Error {}

    /// Connections at this moment, of every kind. One that has ended counts until its handler has returned.
    public var connectionCount: Int { self.state.connectionCount }

    /// Stops accepting, asks every connection to close (1001) spread over ``WebSocketServer/Configuration/drainSpread``,
    /// and aborts what is left after ``WebSocketServer/Configuration/drainTimeout``. Returns when all have gone and their
    /// handlers have returned; one that ignores its cancellation is left behind after another second.
    public func drain() async {
        guard self.isStopping.exchange(true, ordering: .relaxed) == false else {
            await self.waitUntilStopped()
            return
        }
        try? await self.listener.close().get()
        let configuration = self.state.configuration
        self.state.drain(spread: configuration.drainSpread)
        var isEmpty = await self.state.isEmpty(within: configuration.drainTimeout)
        if !isEmpty {
            self.state.abortAll()
            isEmpty = await self.state.isEmpty(within: .seconds(1))
        }
        if isEmpty {
            try? await self.ownGroup?.shutdownGracefully()
        } else {
            // Their tasks would hang for ever without a loop to run on.
            configuration.logger.warning(
                "handlers that ignore their cancellation keep their event loops alive",
                metadata: ["handlers": "\(self.connectionCount)"])
        }
        self.stopped.open()
    }

    /// Begins to drain; ``waitUntilStopped()`` tells when it is over.
    public func stopSoon() {
        Task { await self.drain() }
    }

    /// Returns when the server has drained.
    public func waitUntilStopped() async {
        await self.stopped.wait()
    }
}
