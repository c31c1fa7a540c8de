public import Logging
public import NIOCore
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

        /// Connections that the system keeps until they are accepted. Default: 1,024.
        public var backlog = 1_024

        /// The longest body of an ordinary HTTP request, in bytes. Default: 1 MiB. Over it: 413.
        public var maxRequestBodyBytes = 1 << 20

        /// How long an ordinary HTTP connection may be idle, or take for one request. Default: 30 seconds.
        public var requestTimeout: Duration = .seconds(30)

        /// How long the handler of a connection may go on when the connection has ended. Then its task is cancelled.
        /// Until it returns it counts as a connection. Default: 30 seconds.
        public var handlerTimeout: Duration = .seconds(30)

        /// Over how long a time the connections are closed when the server drains. Default: 1 second.
        public var drainSpread: Duration = .seconds(1)

        /// How long a drain may take in all before the connections that are left are aborted and their handlers
        /// cancelled. Default: 10 seconds.
        public var drainTimeout: Duration = .seconds(10)

        /// Serve wss and https; `nil`, the default, is plain ws and http.
        public var tls: TLSFiles?

        /// Event loops, one thread each, where no event loop group is given. Default: one for each core.
        public var threads = System.coreCount

        /// What drives the sockets. Default: the fastest that can do what is asked for.
        public var transport = Transport.automatic

        public var logger = Logger(label: "aloft.websockets")

        public init() {}
    }

    public var host: String
    public var port: Int
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
        self.configuration = configuration
        self.eventLoopGroup = eventLoopGroup
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

    /// Serves until the task is cancelled, then drains.
    ///
    /// - Parameter ready: called once the port is open.
    /// - Throws: what prevents listening: a port in use, a certificate that cannot be read.
    public func run(ready: @Sendable (RunningServer) -> Void = { _ in }) async throws {
        let server = try await self.start()
        ready(server)
        await withTaskCancellationHandler {
            await server.waitUntilStopped()
        } onCancel: {
            server.stopSoon()
        }
    }

    /// Starts listening. The caller owns the running server and drains it.
    public func start() async throws -> RunningServer {
        try await RunningServer.start(self)
    }
}
