public import NIOCore
public import NIOHTTP1
public import ServiceLifecycle
public import WebSockets

/// Opens WebSockets on the channels of a SwiftNIO server that is not ours: yours, or a framework's.
///
///     var server = WebSocketServer(listeners: [])
///     server.on("/echo") { socket in for try await message in socket { try await socket.send(message) } }
///     let upgrader = WebSocketUpgrader(server)
///     // … and where your server sets a channel up:
///     try upgrader.install(in: channel.pipeline.syncOperations)
///     try channel.pipeline.syncOperations.addHandler(YourHTTPHandler())
///
/// Everything is as on a server of our own: routes, handlers and receivers, the Origin check, limits, keep-alive,
/// compression and metrics. What a listener would do is yours: accepting, TLS, and the HTTP requests that do not ask for a
/// WebSocket. `maxConnections` and the limits of addresses count WebSockets, and refuse with 503.
///
/// WebSockets keep their channel's event loop busy: end it after ``drain()``, or after the `ServiceGroup` in which this
/// is a service.
public struct WebSocketUpgrader: Sendable, Service {
    private let channels: ForeignChannels

    /// - Parameter server: its routes and its configuration are used; its listeners, its TLS, its threads and what it does
    ///   with ordinary requests are not looked at.
    public init(_ server: WebSocketServer) { self.channels = ForeignChannels(server) }

    /// WebSockets at this moment, and requests for one that are being decided about. One that has ended counts until its
    /// handler has returned.
    public var connectionCount: Int { self.channels.connectionCount }

    /// Whether it is to be sent new clients: until it begins to drain.
    public var isReady: Bool { self.channels.isReady }

    // MARK: Channels

    /// Puts HTTP/1.1 and a ``WebSocketUpgradeHandler`` to the end of a pipeline, behind TLS if there is any. Behind them
    /// goes your handler, which gets `HTTPServerRequestPart`s and writes `HTTPServerResponsePart`s, one request at a time.
    ///
    /// The sizes of heads are those of `Limits.Handshake`.
    /// - Parameters:
    ///   - pipeline: of a channel, on its event loop.
    ///   - handlers: yours, which are removed when a WebSocket is opened. What is not among them stays in the pipeline
    ///     and hears of nothing but the channel's end.
    /// - Throws: what the pipeline throws when its channel has gone.
    public func install(
        in pipeline: ChannelPipeline.SynchronousOperations, removing handlers: [any RemovableChannelHandler] = []
    ) throws {
        try self.channels.installHTTP(in: pipeline)
        try pipeline.addHandler(self.makeHandler(removing: handlers))
    }

    /// A handler for a pipeline that has HTTP handlers already: put it right behind NIO's, before those that translate
    /// their parts to something else.
    ///
    /// - Parameter handlers: yours, which are removed when a WebSocket is opened, besides NIO's own. What is not among
    ///   them stays in the pipeline and hears of nothing but the channel's end: one that closes idle channels, for
    ///   example, must go.
    public func makeHandler(removing handlers: [any RemovableChannelHandler] = []) -> WebSocketUpgradeHandler {
        WebSocketUpgradeHandler(self, removing: handlers)
    }

    /// Opens a WebSocket for a request that your own handler has read, whole and with no request before it that has not
    /// been answered. Or refuses it with an HTTP status, and closes the channel.
    ///
    /// NIO's HTTP handlers are found in the pipeline and removed, the decoder last. The bytes behind the request, which
    /// it has read, become the first frames if it was made with `RemoveAfterUpgradeStrategy.forwardBytes`; NIO's
    /// `configureHTTPServerPipeline` makes it so only where it is given upgraders.
    /// - Parameters:
    ///   - channel: the request's. Call this on its event loop.
    ///   - request: the head of the request.
    ///   - handlers: yours, which are removed besides NIO's own.
    public func upgrade(
        _ channel: any Channel, for request: HTTPRequestHead, removing handlers: [any RemovableChannelHandler] = []
    ) {
        channel.eventLoop.preconditionInEventLoop()
        self.channels.open(channel, request, removing: handlers)
    }

    // MARK: The end

    /// Refuses new WebSockets, asks all to close with `drainClose`, spread over `drainSpread`, and aborts what is left
    /// after `drainTimeout`. Returns when all have gone and their handlers have returned.
    public func drain() async { await self.channels.drain() }

    /// Waits until the task is cancelled or its `ServiceGroup` shuts down gracefully, then drains.
    ///
    /// List it behind your HTTP server in the group, which shuts down in reverse order: the WebSockets end first, while
    /// the server's event loops run.
    public func run() async {
        let channels = self.channels
        await withTaskCancellationOrGracefulShutdownHandler {
            await channels.waitUntilStopped()
        } onCancelOrGracefulShutdown: {
            channels.drainSoon()
        }
    }
}
