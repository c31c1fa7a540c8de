import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS
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

    /// Connects and begins.
    static func connect(_ plan: ClientPlan, on loop: any EventLoop) -> EventLoopFuture<any Channel> {
        let highWater = plan.settings.outbox.highWaterBytes
        var bootstrap = ClientBootstrap(group: loop)
            .connectTimeout(TimeAmount(plan.configuration.connectTimeout))
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
                    try channel.pipeline.syncOperations.addHandler(opening)
                }
            }
        switch plan.destination {
        case .unixSocket(let path): return bootstrap.connect(unixDomainSocketPath: path)
        case .host(let host, let port): return Self.withTCP(bootstrap).connect(host: host, port: port)
        case .addresses(let addresses, let port):
            bootstrap = Self.withTCP(bootstrap).resolver(KnownAddresses(addresses, on: loop))
            return bootstrap.connect(host: addresses.first ?? "", port: port)
        }
    }

    /// What a Unix socket does not know.
    private static func withTCP(_ bootstrap: ClientBootstrap) -> ClientBootstrap {
        let bootstrap = bootstrap.channelOption(.tcpOption(.tcp_nodelay), value: 1)
        #if os(Linux)
        return bootstrap.channelOption(UnsentBytes.option, value: UnsentBytes.limit)
        #else
        return bootstrap
        #endif
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
        self.began()
        context.fireChannelActive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted? = event as? TLSUserEvent {
            self.secured(try? context.pipeline.syncOperations.nioSSL_peerCertificate())
        }
        context.fireUserInboundEventTriggered(event)
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

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.transportEnded(TLSPlan.explanation(of: error))
    }

    // MARK: Hooks of the opening

    override var remoteAddress: String { self.channel.remoteAddress.map { $0.peerText } ?? "unknown" }

    override func write(_ bytes: [UInt8]) {
        self.context?.writeAndFlush(self.wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
    }

    override func startTLS(_ tls: TLSPlan) throws(WebSocketError) {
        let handler = try tls.makeHandler()
        do {
            try self.channel.pipeline.syncOperations.addHandler(handler, position: .before(self))
        } catch {
            throw .connectionFailed("the connection has gone")
        }
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

/// Looks nothing up: the addresses are known.
private final class KnownAddresses: Resolver, Sendable {
    private let addresses: [String]
    private let loop: any EventLoop

    init(_ addresses: [String], on loop: any EventLoop) {
        self.addresses = addresses
        self.loop = loop
    }

    func initiateAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> { self.known(.inet, port) }

    func initiateAAAAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> { self.known(.inet6, port) }

    func cancelQueries() {}

    private func known(_ family: NIOBSDSocket.ProtocolFamily, _ port: Int) -> EventLoopFuture<[SocketAddress]> {
        let all = self.addresses.compactMap { try? SocketAddress(ipAddress: $0, port: port) }
        return self.loop.makeSucceededFuture(all.filter { $0.protocol == family })
    }
}
