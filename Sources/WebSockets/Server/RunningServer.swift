import Logging
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization
import WebSocketCore

#if os(Linux)
import LinuxTransport
#endif

/// A server that listens.
public final class RunningServer: Sendable {
    /// The port that was opened, also where 0 had been asked for.
    public let port: Int
    /// The host it was asked to listen on.
    public let host: String

    private let state: ServerState
    private let listening: Listening
    private let isStopping = Atomic<Bool>(false)
    private let stopped = Latch()

    /// What listens, and what its connections run on.
    private enum Listening {
        case channel(any Channel, ownGroup: MultiThreadedEventLoopGroup?)
        #if os(Linux)
        case sockets(LinuxListeners)
        #endif
    }

    private init(port: Int, host: String, state: ServerState, listening: Listening) {
        self.port = port
        self.host = host
        self.state = state
        self.listening = listening
    }

    static func start(_ server: WebSocketServer) async throws -> RunningServer {
        let configuration = server.configuration
        #if os(Linux)
        let hasLinuxLoops = EpollEventLoopGroup.loops(of: server.eventLoopGroup) != nil
        #else
        let hasLinuxLoops = false
        #endif
        let context = try configuration.tls?.serverContext()
        let state = ServerState(configuration: configuration, routes: server.routes, respond: server.respond)
        switch configuration.transport {
        case .portable:
            // Its channels exist on loops of SwiftNIO only.
            if hasLinuxLoops { throw TransportUnavailable(transport: .portable) }
        case .automatic where !hasLinuxLoops && (server.eventLoopGroup != nil || context != nil): break
        case .automatic, .linux:
            #if os(Linux)
            let listeners = try await LinuxListeners(server, state, context)
            return RunningServer(port: listeners.port, host: server.host, state: state, listening: .sockets(listeners))
            #else
            if configuration.transport == .linux { throw TransportUnavailable(transport: .linux) }
            #endif
        }
        return try await Self.startPortable(server, state, context)
    }

    private static func startPortable(
        _ server: WebSocketServer, _ state: ServerState, _ context: NIOSSLContext?
    ) async throws -> RunningServer {
        let configuration = server.configuration
        let ownGroup =
            server.eventLoopGroup == nil
            ? MultiThreadedEventLoopGroup(numberOfThreads: max(1, configuration.threads)) : nil
        let group = server.eventLoopGroup ?? ownGroup.map { $0 as any EventLoopGroup }
        guard let group else { preconditionFailure("no event loops") }
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: Int32(clamping: configuration.backlog))
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(AcceptPause(state))
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
                port: port, host: server.host, state: state, listening: .channel(listener, ownGroup: ownGroup))
        } catch {
            try? await ownGroup?.shutdownGracefully()
            throw error
        }
    }

    private static func accept(_ channel: any Channel, _ state: ServerState, _ context: NIOSSLContext?) throws {
        let opening = ChannelOpening(state.loop(LoopServices.on(channel.eventLoop)), channel: channel)
        guard opening.enter() else { throw TooManyConnections() }
        if let context { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context)) }
        try channel.pipeline.syncOperations.addHandler(opening)
    }

    private struct TooManyConnections: Error {}

    #if os(Linux)
    /// The loops of the Linux transport, for tests.
    var linuxLoops: [EpollEventLoop] {
        switch self.listening {
        case .channel: []
        case .sockets(let listeners): listeners.loops
        }
    }
    #endif

    private func stopAccepting() async {
        switch self.listening {
        case .channel(let listener, _): try? await listener.close().get()
        #if os(Linux)
        case .sockets(let listeners): await listeners.close()
        #endif
        }
    }

    private func endLoops() async {
        switch self.listening {
        case .channel(_, let ownGroup): try? await ownGroup?.shutdownGracefully()
        #if os(Linux)
        case .sockets(let listeners): await listeners.shutDown()
        #endif
        }
    }

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
        // Whoever drains may be cancelled already; the connections have their time all the same.
        await Task { await self.drainNow() }.value
    }

    private func drainNow() async {
        await self.stopAccepting()
        let configuration = self.state.configuration
        self.state.drain(spread: configuration.drainSpread)
        var isEmpty = await self.state.isEmpty(within: configuration.drainTimeout)
        if !isEmpty {
            self.state.abortAll()
            isEmpty = await self.state.isEmpty(within: .seconds(1))
        }
        if isEmpty {
            self.state.forgetLoops()
            await self.endLoops()
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
