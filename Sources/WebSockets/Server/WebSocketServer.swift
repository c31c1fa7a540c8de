public import Logging
public import NIOCore
public import ServiceLifecycle
public import WebSocketCore

/// A WebSocket server: routes, and what happens on them.
///
///     var server = WebSocketServer(port: 8080)
///     server.on("/echo") { socket in
///         for try await message in socket { try await socket.send(message) }
///     }
///     try await server.run()
///
/// One port serves WebSockets and ordinary HTTP/1.1 requests. A handler's task runs on the event loop of its connection:
/// it must not block. When it returns, the connection is closed with 1000; when it throws, with 1011.
public struct WebSocketServer: Sendable {
    /// Everything that can be set, with its default.
    public struct Configuration: Sendable {
        /// Sizes, times, compression, queues of every connection.
        public var socket = SocketSettings()

        /// Which web pages may connect. Default: those of the same host. Requests without Origin, which do not come
        /// from a browser, are not concerned.
        public var origins = OriginPolicy.sameHost

        /// The most connections at one time, of every kind. Beyond it new ones are answered with 503 and closed.
        /// Default: 10,000; never more than the process has file descriptors for, less 512.
        public var maxConnections = 10_000

        /// What the connections that come from one address may cost. Default: `nil`, no limit.
        public var addressLimits: AddressLimits?

        /// Connections that the system keeps until they are accepted. Default: 1,024.
        public var backlog = 1_024

        /// The longest body of an ordinary HTTP request, in bytes. Default: 1 MiB. Over it: 413.
        public var maxRequestBodyBytes = 1 << 20

        /// How long an ordinary HTTP connection may be idle, or take for one request. Default: 30 seconds.
        public var requestTimeout: Duration = .seconds(30)

        /// How long the handler of a connection may go on when the connection has ended. Then its task is cancelled.
        /// Until it returns it counts as a connection. Default: 30 seconds.
        public var handlerTimeout: Duration = .seconds(30)

        /// With what the connections are closed when the server drains. Default: 1001, "the server goes down". 1012 tells
        /// clients that the service restarts.
        public var drainClose = Close(.goingAway, reason: "the server goes down")

        /// How long the server goes on accepting when it has been told to drain, while ``RunningServer/isReady`` is
        /// `false`: so long a load balancer may take to notice. Default: none.
        public var drainDelay: Duration = .zero

        /// Over how long a time the connections are closed when the server drains. Default: 1 second.
        public var drainSpread: Duration = .seconds(1)

        /// How long a drain may take in all before the connections that are left are aborted and their handlers
        /// cancelled. Default: 10 seconds.
        public var drainTimeout: Duration = .seconds(10)

        /// Serve wss and https at host and port; `nil`, the default, is plain ws and http.
        /// ``WebSocketServer/Listener``s that are given have TLS of their own.
        public var tls: ServerTLS?

        /// Event loops, one thread each, where no event loop group is given. Default: one for each core.
        public var threads = System.coreCount

        /// What drives the sockets. Default: the fastest that can do what is asked for.
        public var transport = Transport.automatic

        public var logger = Logger(label: "aloft.websockets")

        public init() {}
    }

    /// The host it listens on, where no listeners were given.
    public var host: String
    /// The port it listens at, where no listeners were given.
    public var port: Int
    private let givenListeners: [Listener]?
    public var configuration: Configuration
    let eventLoopGroup: (any EventLoopGroup)?
    private(set) var routes = Routes()
    private(set) var respond: (@Sendable (HTTPRequest) async throws -> HTTPResponse)?

    /// - Parameters:
    ///   - host: a name or an address of this machine; `0.0.0.0` or `::` for all. Default: loopback.
    ///   - port: 0 for a free one, which ``RunningServer/port`` then tells.
    ///   - configuration: everything else, limits included. It may be changed until the server starts.
    ///   - eventLoopGroup: event loops to run on: SwiftNIO's, with the portable transport unless ``Transport/linux`` is
    ///     asked for, or those of ``Transport/makeEventLoopGroup(threads:)``, with the Linux transport; by default the
    ///     server makes its own.
    public init(
        host: String = "127.0.0.1", port: Int, configuration: Configuration = Configuration(),
        eventLoopGroup: (any EventLoopGroup)? = nil
    ) {
        self.host = host
        self.port = port
        self.givenListeners = nil
        self.configuration = configuration
        self.eventLoopGroup = eventLoopGroup
    }

    /// A server with any number of listeners, each plain or with TLS of its own.
    ///
    /// - Parameters:
    ///   - listeners: where to listen. All are opened, or none. None at all is for `WebSocketsNIO`, whose channels
    ///     somebody else accepts.
    ///   - configuration: everything else, limits included; its ``Configuration/tls`` is not looked at.
    ///   - eventLoopGroup: as for ``init(host:port:configuration:eventLoopGroup:)``.
    public init(
        listeners: [Listener], configuration: Configuration = Configuration(),
        eventLoopGroup: (any EventLoopGroup)? = nil
    ) {
        self.host = "127.0.0.1"
        self.port = 0
        self.givenListeners = listeners
        self.configuration = configuration
        self.eventLoopGroup = eventLoopGroup
    }

    /// Where it will listen: what was given, or host and port.
    public var listeners: [Listener] {
        self.givenListeners ?? [.tcp(host: self.host, port: self.port, tls: self.configuration.tls)]
    }

    /// Accepts WebSockets at `path` and runs `handler` for each, as a task on the connection's event loop.
    ///
    /// - Parameters:
    ///   - path: compared byte by byte with the request's; `/rooms/*` stands for everything below `/rooms/`.
    ///   - subprotocols: those the server speaks, the favourite first; the first that the client asks for is chosen.
    ///   - accept: decides about a request after the protocol's rules and the Origin have been checked; where it is
    ///     given, it also chooses the subprotocol. It has `Limits.Handshake.timeout`, then the answer is 503.
    ///   - handler: what happens on a connection. Returning closes with 1000, throwing with 1011.
    public mutating func on(
        _ path: String, subprotocols: [String] = [],
        accept: (@Sendable (UpgradeRequest) async throws -> UpgradeDecision)? = nil,
        handler: @escaping @Sendable (WebSocket) async throws -> Void
    ) {
        let handler = AsyncConsumer.Handler(logger: self.configuration.logger, handler)
        self.addRoute(path, subprotocols, accept) { _ in AsyncConsumer(handler) }
    }

    /// Accepts WebSockets at `path` and makes a receiver for each, whose callbacks run on the connection's event loop:
    /// the fastest way, without task, allocation or copy for a message.
    @inlinable
    public mutating func on<Receiver: MessageReceiver>(
        _ path: String, subprotocols: [String] = [],
        accept: (@Sendable (UpgradeRequest) async throws -> UpgradeDecision)? = nil,
        receiver: @escaping @Sendable (UpgradeRequest) -> Receiver
    ) {
        self.addRoute(path, subprotocols, accept) { CallbackConsumer(receiver($0)) }
    }

    /// Answers ordinary HTTP requests: those that do not ask for a WebSocket, on any path that is not a WebSocket's.
    /// Without it they are answered with 404. A request that throws is answered with 500.
    public mutating func onRequest(_ respond: @escaping @Sendable (HTTPRequest) async throws -> HTTPResponse) {
        self.respond = respond
    }

    @usableFromInline
    mutating func addRoute(
        _ path: String, _ subprotocols: [String],
        _ accept: (@Sendable (UpgradeRequest) async throws -> UpgradeDecision)?,
        _ makeConsumer: @escaping @Sendable (UpgradeRequest) -> Consumer
    ) {
        var accept = accept
        if accept == nil, !subprotocols.isEmpty {
            accept = { .accept(subprotocol: $0.firstSupported(subprotocols)) }
        }
        self.routes.append(Route(pattern: PathPattern(path), accept: accept, makeConsumer: makeConsumer))
    }

    /// Serves until the task is cancelled or its `ServiceGroup` shuts down gracefully, then drains.
    ///
    /// - Parameter ready: called once the listeners are open.
    /// - Throws: what prevents listening: a ``ListenError``, such as a port in use or a certificate that cannot be read.
    public func run(ready: @Sendable (RunningServer) -> Void) async throws {
        let server = try await self.start()
        ready(server)
        await withTaskCancellationOrGracefulShutdownHandler {
            await server.waitUntilStopped()
        } onCancelOrGracefulShutdown: {
            server.stopSoon()
        }
    }

    /// Starts listening. The caller owns the running server and drains it.
    ///
    /// - Throws: what prevents listening: a ``ListenError``, such as a port in use or a certificate that cannot be read.
    public func start() async throws -> RunningServer {
        try await RunningServer.start(self)
    }
}

/// A server can be run by a `ServiceGroup` of swift-service-lifecycle, beside other services: when the group shuts down
/// gracefully, the server drains.
extension WebSocketServer: Service {
    /// Serves until the task is cancelled or its `ServiceGroup` shuts down gracefully, then drains.
    ///
    /// - Throws: what prevents listening: a ``ListenError``, such as a port in use or a certificate that cannot be read.
    public func run() async throws { try await self.run { _ in } }
}
