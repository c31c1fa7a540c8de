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

        /// How long the TCP connection may take, to the server or its proxy. Default: 10 seconds. The proxy's answer, TLS
        /// and the opening handshake then have `Limits.Handshake.timeout` together.
        public var connectTimeout: Duration = .seconds(10)

        /// Whom to trust with `wss`, and who the client is. Default: the system's roots, and nobody.
        public var tls = ClientTLS()

        /// Through which proxies to connect. Default: none, whatever the environment says.
        public var proxy = ProxySettings()

        /// How many redirects (301, 302, 303, 307, 308) to follow. Default: 0, a redirect is refused with
        /// ``WebSocketError/handshakeRejected(_:body:)`` as every other status.
        ///
        /// `http` and `https` in a Location are read as `ws` and `wss`. From `wss` it never goes on to `ws`, and never to an
        /// address that was asked already: ``WebSocketError/redirectRefused(_:)``.
        public var maxRedirects = 0

        /// Which of ``fields`` are for the server of the URL only, in any case of letters: once a redirect has led to
        /// another scheme, host or port, they are not sent any more. Default: Authorization, Cookie, Proxy-Authorization.
        /// Nor are the URL's user information and ``ClientTLS/identity`` used there.
        public var originBoundFields: Set<String> = ["Authorization", "Cookie", "Proxy-Authorization"]

        /// Addresses to connect to instead of those that names have; the first that matches is taken. Default: none.
        public var hostOverrides: [HostOverride] = []

        /// A socket in the file system to connect to, whatever the URL's host and port are; they are still what the server is
        /// told, and what its certificate must have. At most 103 bytes. Default: none. Proxies are not used then.
        public var unixSocketPath: String?

        /// Whether a connection waits while the process makes another one to the same host and port, as RFC 6455 §4.1
        /// demands, so that nobody is flooded by opening handshakes. Default: yes. Hosts are told apart by what the URL calls
        /// them. What opens many connections on purpose, such as a load test, switches it off.
        public var connectsOneAtATime = true

        /// How many connections to one host and port may wait like this. Default: 1000; the next one fails with
        /// ``WebSocketError/tooManyConnecting(limit:)``.
        public var maxWaitingConnects = 1000

        /// What drives the socket. Default: automatic.
        public var transport = Transport.automatic

        public init() {}
    }

    /// Which certificates of a server are trusted.
    public enum ServerTrust: Sendable, Hashable {
        /// Those the system trusts: read once in the life of a client.
        case systemRoots
        /// Those signed by a certificate in this file, in PEM format. A file that has changed is read again when the next
        /// connection is made.
        case rootsFile(String)
        /// Those signed by one of these certificates, in PEM format.
        case roots([UInt8])
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
        try await self.serve(try await self.connect(to: url), body)
    }

    /// Gives a connection to `body` and closes it afterwards.
    func serve<Result: Sendable>(
        _ socket: WebSocket, _ body: @Sendable (WebSocket) async throws -> Result
    ) async throws -> Result {
        try await withTaskExecutorPreference(socket.engine.loop.executor) {
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
    /// - Throws: ``WebSocketError``: `invalidURL`, `invalidSetting`, `connectionFailed`, `proxyFailed`, `tlsFailed`,
    ///   `handshakeTimedOut`, `handshakeRejected` with the server's status, fields and body, `invalidHandshake`,
    ///   `redirectRefused`, `tooManyConnecting`. ``WebSocketError/retry`` tells whether to try again.
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
        var redirection = Redirection(from: url, limit: self.configuration.maxRedirects)
        while true {
            do {
                return try await self.attempt(redirection, makeConsumer)
            } catch WebSocketError.handshakeRejected(let head, let body) {
                guard try redirection.follow(head) else { throw WebSocketError.handshakeRejected(head, body: body) }
            }
        }
    }

    /// One attempt at one address, when it is its turn.
    private func attempt(
        _ redirection: Redirection, _ makeConsumer: @escaping @Sendable () -> Consumer
    ) async throws -> WebSocket {
        guard self.configuration.connectsOneAtATime else { return try await self.connect(redirection, makeConsumer) }
        let key = ConnectingQueue.Key(host: redirection.url.host, port: redirection.url.port)
        return try await ConnectingQueue.ofProcess.inTurn(key, limit: self.configuration.maxWaitingConnects) {
            try await self.connect(redirection, makeConsumer)
        }
    }

    private func connect(
        _ redirection: Redirection, _ makeConsumer: @escaping @Sendable () -> Consumer
    ) async throws -> WebSocket {
        let url = redirection.url
        #if os(Linux)
        if let loop = try self.linuxLoop(for: url) {
            let plan = try self.plan(redirection, makeConsumer, on: loop)
            let cancel = SocketClientOpening.connect(plan, on: loop)
            return try await Self.outcome(of: plan, cancel)
        }
        #else
        if self.configuration.transport == .linux { throw TransportUnavailable(transport: .linux) }
        #endif
        let loop = self.portableGroup.next()
        let plan = try self.plan(redirection, makeConsumer, on: loop)
        let connecting = ChannelClientOpening.connect(plan, on: loop)
        connecting.whenFailure {
            plan.outcome.fail(WebSocketError.connectionFailed(ChannelClientOpening.explanation(of: $0)))
        }
        return try await Self.outcome(of: plan) { connecting.whenSuccess { $0.close(mode: .all, promise: nil) } }
    }

    private func plan(
        _ redirection: Redirection, _ makeConsumer: @escaping @Sendable () -> Consumer, on loop: any EventLoop
    ) throws(WebSocketError) -> ClientPlan {
        let url = redirection.url
        var configuration = self.configuration
        if redirection.isElsewhere {
            for name in configuration.originBoundFields { configuration.fields.removeAll(named: name) }
            configuration.tls.identity = nil
            configuration.tls.serverName = nil
        }
        let proxy = configuration.unixSocketPath == nil ? configuration.proxy.proxy(for: url) : nil
        if let proxy {
            guard !proxy.host.isEmpty, 1...65_535 ~= proxy.port else {
                throw .invalidSetting("proxy: it must have a host, and a port from 1 to 65535")
            }
        }
        let destination = try Destination(
            host: proxy?.host ?? url.host, port: proxy?.port ?? url.port, overrides: configuration.hostOverrides,
            unixSocketPath: configuration.unixSocketPath)
        let tls: TLSPlan?
        if url.isSecure {
            tls = try TLSPlan(
                configuration.tls, host: url.host, isDirect: { proxy == nil && destination.leads(to: $0) },
                contexts: self.tlsContexts)
        } else {
            tls = nil
        }
        return ClientPlan(
            url: url, configuration: configuration, settings: SharedSettings(configuration.socket),
            destination: destination,
            proxy: proxy, tls: tls, makeConsumer: makeConsumer, outcome: loop.makePromise(of: WebSocket.self))
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
