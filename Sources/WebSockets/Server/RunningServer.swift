import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import Synchronization
import WebSocketCore

#if os(Linux)
import LinuxTransport
#endif

/// A server that listens.
public final class RunningServer: Sendable {
    /// Where it listens, in the order of ``WebSocketServer/listeners``: with the ports that were opened, also where 0 had
    /// been asked for.
    public let addresses: [WebSocketServer.Address]

    private let state: ServerState
    private let entrances: [Entrance]
    private let listening: Listening
    private let isStopping = Atomic<Bool>(false)
    private let stopped = Latch()
    /// Look whether certificates have changed, until the server drains.
    private let watches = NIOLockedValueBox<[Task<Void, Never>]>([])
    private let reloading = NIOLock()

    /// What listens, and what its connections run on.
    private enum Listening {
        case channels(PortableListeners)
        #if os(Linux)
        case sockets(LinuxListeners)
        #endif
    }

    private init(
        _ state: ServerState, _ entrances: [Entrance], _ addresses: [WebSocketServer.Address], _ listening: Listening
    ) {
        self.addresses = addresses
        self.state = state
        self.entrances = entrances
        self.listening = listening
        self.watches.withLockedValue { watches in
            watches = entrances.compactMap(\.tls).compactMap { tls in
                tls.tls.watchInterval.map { self.watch(tls, every: $0) }
            }
        }
    }

    static func start(_ server: WebSocketServer) async throws -> RunningServer {
        let entrances = try await Entrance.make(server.listeners)
        let state = ServerState(configuration: server.configuration, routes: server.routes, respond: server.respond)
        #if os(Linux)
        if try Self.isOnLinuxTransport(server, entrances) {
            let listeners = try await LinuxListeners(server, state, entrances)
            return RunningServer(state, entrances, listeners.addresses, .sockets(listeners))
        }
        #else
        if server.configuration.transport == .linux { throw TransportUnavailable(transport: .linux) }
        #endif
        let listeners = try await PortableListeners(server, state, entrances)
        return RunningServer(state, entrances, listeners.addresses, .channels(listeners))
    }

    #if os(Linux)
    private static func isOnLinuxTransport(_ server: WebSocketServer, _ entrances: [Entrance]) throws -> Bool {
        let hasLinuxLoops = EpollEventLoopGroup.loops(of: server.eventLoopGroup) != nil
        switch server.configuration.transport {
        case .linux: return true
        case .portable:
            // Its channels exist on loops of SwiftNIO only.
            if hasLinuxLoops { throw TransportUnavailable(transport: .portable) }
            return false
        case .automatic:
            if server.eventLoopGroup != nil { return hasLinuxLoops }
            return entrances.contains { !$0.isSecure }
        }
    }

    /// The loops of the Linux transport, for tests.
    var linuxLoops: [EpollEventLoop] {
        switch self.listening {
        case .channels: []
        case .sockets(let listeners): listeners.loops
        }
    }
    #endif

    /// The port of the first listener that has one, also where 0 had been asked for; 0 if there are Unix sockets only.
    public var port: Int { self.firstTCP?.port ?? 0 }

    /// The host that the first listener with a port was asked to listen on; empty if there are Unix sockets only.
    public var host: String { self.firstTCP?.host ?? "" }

    private var firstTCP: (host: String, port: Int)? {
        for case .tcp(let host, let port) in self.addresses { return (host, port) }
        return nil
    }

    /// Connections at this moment, of every kind. One that has ended counts until its handler has returned.
    public var connectionCount: Int { self.state.connectionCount }

    /// Whether it is to be sent new clients: from the start until it begins to drain, ``WebSocketServer/Configuration/drainDelay``
    /// included.
    public var isReady: Bool { self.state.isReady }

    // MARK: TLS

    /// Whether any of its listeners does.
    public var speaksTLS: Bool { self.entrances.contains { $0.isSecure } }

    /// Reads the files of all ``ServerTLS`` again, and uses what is in them for new connections. No connection is
    /// dropped: those that are open keep the certificate they have begun with.
    ///
    /// Either all listeners change or none. It does nothing where there is no TLS.
    /// - Throws: ``TLSConfigurationError``, which is also logged as an error: a file cannot be read or is not what it
    ///   should be. Then everything stays as it was.
    public func reloadTLS() async throws {
        try await self.changeTLS(of: self.entrances.compactMap(\.tls)) { $0.tls }
    }

    /// Uses other TLS settings for new connections, such as a certificate that is in memory. No connection is dropped.
    ///
    /// - Parameters:
    ///   - tls: instead of all that there was. Its ``ServerTLS/watchInterval`` is not looked at: what was set when the
    ///     server started goes on.
    ///   - listener: an index in ``addresses``; `nil`, the default, for all that speak TLS.
    /// - Throws: ``TLSConfigurationError``, which is also logged as an error: something is not what it should be, or the
    ///   listener does not speak TLS. Then everything stays as it was.
    public func reloadTLS(with tls: ServerTLS, listener: Int? = nil) async throws {
        let entrances = listener.map { self.entrances.indices.contains($0) ? [self.entrances[$0]] : [] }
        let contexts = (entrances ?? self.entrances).compactMap(\.tls)
        guard !contexts.isEmpty else {
            throw TLSConfigurationError(listener.map { "listener \($0)" } ?? "this server", "does not speak TLS")
        }
        try await self.changeTLS(of: contexts) { _ in tls }
    }

    private func changeTLS(
        of contexts: [ServerTLSContext], _ settings: @escaping @Sendable (ServerTLSContext) -> ServerTLS
    ) async throws {
        do {
            try await NIOThreadPool.singleton.runIfActive {
                try self.reloading.withLock {
                    // All are read before one is used.
                    let loaded = try contexts.map { try ServerTLSContext.load(settings($0)) }
                    for (context, loaded) in zip(contexts, loaded) { context.use(loaded) }
                }
            }
        } catch {
            SocketMetrics.reloadedTLS(isGood: false)
            self.state.logger.error(
                "TLS was not reloaded, the old certificate stays in use", metadata: ["error": "\(error)"])
            throw error
        }
        if contexts.isEmpty { return }
        SocketMetrics.reloadedTLS(isGood: true)
        self.state.logger.info("TLS was reloaded")
    }

    /// Whoever drains ends it. It keeps nothing of the server, which has an end of its own.
    private func watch(_ context: ServerTLSContext, every interval: Duration) -> Task<Void, Never> {
        let interval = max(interval, .seconds(1))
        return Task { [weak self] in
            while (try? await Task.sleep(for: interval)) != nil {
                let hasChanged = try? await NIOThreadPool.singleton.runIfActive { context.hasChanged() }
                guard let self else { return }
                // What went wrong has been logged.
                if hasChanged == true { try? await self.changeTLS(of: [context]) { $0.tls } }
            }
        }
    }

    // MARK: The end

    /// Stops accepting, asks every connection to close with ``WebSocketServer/Configuration/drainClose``, spread over
    /// ``WebSocketServer/Configuration/drainSpread``, and aborts what is left after
    /// ``WebSocketServer/Configuration/drainTimeout``. Returns when all have gone and their handlers have returned; one
    /// that ignores its cancellation is left behind after another second.
    public func drain() async {
        guard self.isStopping.exchange(true, ordering: .relaxed) == false else {
            await self.waitUntilStopped()
            return
        }
        // Whoever drains may be cancelled already; the connections have their time all the same.
        await Task { await self.drainNow() }.value
    }

    private func drainNow() async {
        let configuration = self.state.configuration
        _ = self.state.becomeUnready()
        if configuration.drainDelay > .zero { try? await Task.sleep(for: configuration.drainDelay) }
        for watch in self.watches.withLockedValue({ $0 }) { watch.cancel() }
        await self.stopAccepting()
        if await self.state.drainAll() { await self.endLoops() }
        self.stopped.open()
    }

    private func stopAccepting() async {
        switch self.listening {
        case .channels(let listeners): await listeners.close()
        #if os(Linux)
        case .sockets(let listeners): await listeners.close()
        #endif
        }
    }

    private func endLoops() async {
        switch self.listening {
        case .channels(let listeners): await listeners.shutDown()
        #if os(Linux)
        case .sockets(let listeners): await listeners.shutDown()
        #endif
        }
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
