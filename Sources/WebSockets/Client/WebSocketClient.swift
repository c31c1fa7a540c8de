public import NIOCore
import NIOPosix
import NIOSSL
public import WebSocketCore

#if os(Linux)
import LinuxTransport
#endif

/// A WebSocket client.
///
///     try await WebSocketClient().withConnection(to: "wss://example.com/chat") { socket in
///         try await socket.send("Hello")
///         for try await message in socket { print(message) }
///     }
public struct WebSocketClient: Sendable {
    /// Everything that can be set, with its default.
    public struct Configuration: Sendable {
        /// Sizes, times, compression, queues of every connection.
        public var socket = SocketSettings()

        /// Further fields of the request, such as Authorization or Cookie.
        public var fields: HeaderFields = [:]

        /// Subprotocols to ask for, the favourite first. Default: none.
        public var subprotocols: [String] = []

        /// The Origin field, which browsers send; other clients need none.
        public var origin: String?

        /// How long the TCP connection may take. Default: 10 seconds. TLS and the opening handshake then have
        /// `Limits.Handshake.timeout`.
        public var connectTimeout: Duration = .seconds(10)

        /// Whom to trust with wss.
        public var trust = ServerTrust.systemRoots

        /// What drives the socket. Default: automatic.
        public var transport = Transport.automatic

        public init() {}
    }

    /// Which certificates of a server are trusted.
    public enum ServerTrust: Sendable, Hashable {
        /// Those the system trusts.
        case systemRoots
        /// Those signed by a certificate in this file, in PEM format.
        case rootsFile(String)
        /// All, whoever signed them. Encrypted, but to whom is unknown: for tests only.
        case anything
    }

    public var configuration: Configuration
    private let group: (any EventLoopGroup)?
    private let tlsContexts = TLSContexts()

    /// - Parameters:
    ///   - configuration: limits, fields of the request, trust and time limits.
    ///   - eventLoopGroup: event loops to run on, SwiftNIO's or those of ``Transport/makeEventLoopGroup(threads:)``; by
    ///     default those that the whole process shares.
    public init(_ configuration: Configuration = Configuration(), eventLoopGroup: (any EventLoopGroup)? = nil) {
        self.configuration = configuration
        self.group = eventLoopGroup
    }

    /// Connects, gives the connection to `body`, and closes it when `body` returns (1000) or throws (1001).
    ///
    /// `body` runs on the connection's event loop, which makes it fast; it must not block.
    /// - Throws: ``WebSocketError`` if it cannot connect, and what `body` throws.
    public func withConnection<Result: Sendable>(
        to url: String, _ body: @Sendable (WebSocket) async throws -> Result
    ) async throws -> Result {
        let socket = try await self.connect(to: url)
        return try await withTaskExecutorPreference(socket.engine.loop.executor) {
            do {
                let result = try await body(socket)
                await socket.finish(.normal)
                return result
            } catch {
                await socket.finish(.goingAway)
                throw error
            }
        }
    }

    /// Connects. The caller owns the connection and closes it.
    ///
    /// Cancelling the task ends the attempt.
    /// - Parameter url: `ws://` or `wss://`.
    /// - Throws: ``WebSocketError``: `invalidURL`, `connectionFailed`, `handshakeTimedOut`, `handshakeRejected` with the
    ///   server's status, fields and body, `invalidHandshake`.
    public func connect(to url: String) async throws -> WebSocket {
        try await self.open(url) { AsyncConsumer() }
    }

    /// Connects, and gives the messages to callbacks on the connection's event loop.
    ///
    /// - Returns: a handle, to send from elsewhere and to await the end; receiving is the receiver's.
    @inlinable
    public func connect<Receiver: MessageReceiver>(
        to url: String, receiver: @escaping @Sendable () -> Receiver
    ) async throws -> WebSocket {
        try await self.open(url) { CallbackConsumer(receiver()) }
    }

    @usableFromInline
    func open(_ text: String, _ makeConsumer: @escaping @Sendable () -> Consumer) async throws -> WebSocket {
        try Task.checkCancellation()
        let url: WebSocketURL
        do { url = try WebSocketURL(text) } catch {
            throw WebSocketError.invalidURL("\(WebSocketURL.redacted(text)): \(error)")
        }
        let tls = try url.isSecure ? self.tlsContexts.context(self.configuration.trust) : nil
        let settings = SharedSettings(self.configuration.socket)
        #if os(Linux)
        if let loop = try self.linuxLoop(for: url) {
            let plan = self.plan(url, settings, makeConsumer, on: loop)
            let cancel = SocketClientOpening.connect(plan, on: loop)
            return try await Self.outcome(of: plan, cancel)
        }
        #else
        if self.configuration.transport == .linux { throw TransportUnavailable(transport: .linux) }
        #endif
        let loop = self.portableGroup.next()
        let plan = self.plan(url, settings, makeConsumer, on: loop)
        let connecting = ChannelClientOpening.connect(plan, tls, on: loop)
        connecting.whenFailure {
            plan.outcome.fail(WebSocketError.connectionFailed(ChannelClientOpening.explanation(of: $0)))
        }
        return try await Self.outcome(of: plan) { connecting.whenSuccess { $0.close(mode: .all, promise: nil) } }
    }

    private func plan(
        _ url: WebSocketURL, _ settings: SharedSettings, _ makeConsumer: @escaping @Sendable () -> Consumer,
        on loop: any EventLoop
    ) -> ClientPlan {
        ClientPlan(
            url: url, configuration: self.configuration, settings: settings, makeConsumer: makeConsumer,
            outcome: loop.makePromise(of: WebSocket.self))
    }

    /// - Parameter cancel: called when the task is cancelled, perhaps after everything is over.
    private static func outcome(of plan: ClientPlan, _ cancel: @escaping @Sendable () -> Void) async throws -> WebSocket
    {
        try await withTaskCancellationHandler {
            let socket = try await plan.outcome.futureResult.get()
            // It may have been open by then: it is given up all the same, and nobody is given it.
            try Task.checkCancellation()
            return socket
        } onCancel: {
            plan.outcome.fail(CancellationError())
            cancel()
        }
    }

    // MARK: Loops

    #if os(Linux)
    /// Those that all clients share which are given no others. They end with the process.
    private static let sharedLinuxLoops = Result {
        try EpollEventLoopGroup(count: System.coreCount)
    }

    /// A loop on epoll, if the connection is to run on one.
    private func linuxLoop(for url: WebSocketURL) throws -> EpollEventLoop? {
        let given = EpollEventLoopGroup.loops(of: self.group)
        switch self.configuration.transport {
        case .portable: return nil
        case .automatic where url.isSecure || self.group != nil && given == nil: return nil
        case .linux where url.isSecure: return nil
        case .automatic, .linux: break
        }
        do {
            if let group, given != nil { return group.next() as? EpollEventLoop }
            return try Self.sharedLinuxLoops.get().next() as? EpollEventLoop
        } catch {
            throw WebSocketError.connectionFailed("\(error)")
        }
    }
    #endif

    /// Loops on which channels of SwiftNIO can run.
    private var portableGroup: any EventLoopGroup {
        #if os(Linux)
        if EpollEventLoopGroup.loops(of: self.group) != nil { return MultiThreadedEventLoopGroup.singleton }
        #endif
        return self.group ?? MultiThreadedEventLoopGroup.singleton
    }
}
