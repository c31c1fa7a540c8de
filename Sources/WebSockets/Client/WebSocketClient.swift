public import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS
public import WebSocketCore

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
    private let group: any EventLoopGroup

    /// - Parameters:
    ///   - configuration: limits, fields of the request, trust and time limits.
    ///   - eventLoopGroup: event loops to run on; by default those that the whole process shares.
    public init(_ configuration: Configuration = Configuration(), eventLoopGroup: (any EventLoopGroup)? = nil) {
        self.configuration = configuration
        self.group = eventLoopGroup ?? MultiThreadedEventLoopGroup.singleton
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
        let url: WebSocketURL
        do { url = try WebSocketURL(text) } catch {
            throw WebSocketError.invalidURL("\(WebSocketURL.redacted(text)): \(error)")
        }
        let configuration = self.configuration
        let tls = try url.isSecure ? Self.tlsContext(configuration.trust) : nil
        let settings = SharedSettings(configuration.socket)
        let loop = self.group.next()
        let outcome = loop.makePromise(of: WebSocket.self)
        let highWater = settings.outbox.highWaterBytes

        let bootstrap = ClientBootstrap(group: loop)
            .connectTimeout(TimeAmount(configuration.connectTimeout))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.maxMessagesPerRead, value: 1)
            .channelOption(.writeBufferWaterMark, value: .init(low: highWater / 2, high: highWater))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let opening = try ClientOpening(
                        url: url, configuration: configuration, settings: settings, channel: channel,
                        makeConsumer: makeConsumer, outcome: outcome)
                    if let tls {
                        // An address has no name to ask for (RFC 6066 §3).
                        let name = (try? SocketAddress(ipAddress: url.host, port: 0)) == nil ? url.host : nil
                        try channel.pipeline.syncOperations.addHandler(
                            NIOSSLClientHandler(context: tls, serverHostname: name))
                    }
                    try channel.pipeline.syncOperations.addHandler(opening)
                }
            }
        let connecting = bootstrap.connect(host: url.host, port: url.port)
        connecting.whenFailure { outcome.fail(WebSocketError.connectionFailed("\($0)")) }
        return try await withTaskCancellationHandler {
            try await outcome.futureResult.get()
        } onCancel: {
            outcome.fail(CancellationError())
            connecting.whenSuccess { $0.close(mode: .all, promise: nil) }
        }
    }

    private static func tlsContext(_ trust: ServerTrust) throws -> NIOSSLContext {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv12
        tls.applicationProtocols = ["http/1.1"]
        switch trust {
        case .systemRoots: break
        case .rootsFile(let path): tls.trustRoots = .file(path)
        case .anything: tls.certificateVerification = .none
        }
        do { return try NIOSSLContext(configuration: tls) } catch {
            throw WebSocketError.connectionFailed("TLS: \(error)")
        }
    }
}
