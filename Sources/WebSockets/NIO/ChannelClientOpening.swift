import NIOCore
import NIOPosix
import NIOSSL
import WebSocketCore

/// A client's opening handshake on a channel of SwiftNIO.
final class ChannelClientOpening: ClientOpening, ChannelInboundHandler, RemovableChannelHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let channel: any Channel
    private var context: ChannelHandlerContext?

    init(_ plan: ClientPlan, channel: any Channel) throws(WebSocketError) {
        self.channel = channel
        try super.init(plan, LoopServices.on(channel.eventLoop))
    }

    /// Connects, by TCP and then by TLS if there is a context for it, and begins.
    static func connect(_ plan: ClientPlan, _ tls: NIOSSLContext?, on loop: any EventLoop) -> EventLoopFuture<
        any Channel
    > {
        let highWater = plan.settings.outbox.highWaterBytes
        let host = plan.url.host
        return ClientBootstrap(group: loop)
            .connectTimeout(TimeAmount(plan.configuration.connectTimeout))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            #if os(Linux)
        .channelOption(UnsentBytes.option, value: UnsentBytes.limit)
            #endif
            .channelOption(.maxMessagesPerRead, value: 1)
            .channelOption(.writeBufferWaterMark, value: .init(low: highWater / 2, high: highWater))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let opening: ChannelClientOpening
                    do { opening = try ChannelClientOpening(plan, channel: channel) } catch {
                        // The channel would tell it as a connection that failed.
                        plan.outcome.fail(error)
                        throw error
                    }
                    if let tls {
                        // An address has no name to ask for (RFC 6066 §3).
                        let name = (try? SocketAddress(ipAddress: host, port: 0)) == nil ? host : nil
                        try channel.pipeline.syncOperations.addHandler(
                            NIOSSLClientHandler(context: tls, serverHostname: name))
                    }
                    try channel.pipeline.syncOperations.addHandler(opening)
                }
            }
            .connect(host: host, port: plan.url.port)
    }

    /// Why no connection came about, in one line.
    static func explanation(of error: any Error) -> String {
        guard let error = error as? NIOConnectionError else { return "\(error)" }
        if let attempt = error.connectionErrors.last { return "\(attempt.target.peerText): \(attempt.error)" }
        return "\(error.host): \(error.dnsAAAAError ?? error.dnsAError.map { $0 as any Error } ?? error)"
    }

    // MARK: From the channel

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        self.loop.disarm(self)
    }

    func channelActive(context: ChannelHandlerContext) {
        // Over TLS the request is kept back until the TLS handshake is over.
        self.began()
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if self.isDone {
            context.fireChannelRead(data)
        } else {
            self.unwrapInboundIn(data).withUnsafeReadableBytes { self.received($0) }
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.transportEnded(nil)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { self.transportEnded("\(error)") }

    // MARK: Hooks of the opening

    override var remoteAddress: String { self.channel.remoteAddress.map { $0.peerText } ?? "unknown" }

    override func write(_ bytes: [UInt8]) {
        self.context?.writeAndFlush(self.wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
    }

    override func closeTransport() { self.channel.close(mode: .all, promise: nil) }

    override func makeEngine(_ info: SocketInfo, _ consumer: Consumer) -> SocketEngine? {
        let engine = WebSocketHandler(
            channel: self.channel, role: .client, loop: self.loop, settings: self.plan.settings, info: info,
            consumer: consumer)
        guard let pipeline = self.context?.pipeline.syncOperations,
            (try? pipeline.addHandler(engine, position: .after(self))) != nil
        else { return nil }
        pipeline.removeHandler(self, promise: nil)
        return engine
    }
}
