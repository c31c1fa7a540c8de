import Logging
import NIOCore
import NIOSSL
import NIOTLS
import WebSocketCore

/// The opening of a connection that is a NIO channel.
class ChannelOpening: ServerOpening, ChannelInboundHandler, RemovableChannelHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    final let channel: any Channel
    private final var context: ChannelHandlerContext?

    init(_ counted: ServerLoop, _ arrival: Arrival, channel: any Channel) {
        self.channel = channel
        super.init(counted, arrival)
    }

    // MARK: From the channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        self.began()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        self.loop.disarm(self)
    }

    func channelActive(context: ChannelHandlerContext) {
        if !self.arrival.isSecure { self.ready() }
        context.fireChannelActive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted = event as? TLSUserEvent {
            self.arrival.clientCertificate = Self.clientCertificate(on: context.pipeline.syncOperations)
            self.ready()
        }
        // On the channels of servers that let their peers half-close: nobody is there who would read an answer.
        if let event = event as? ChannelEvent, event == .inputClosed, !self.isDone { self.closeTransport() }
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
        // Its context lives on for a while.
        self.transportEnded()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.state.logger.debug("connection broke before its opening handshake", metadata: ["error": "\(error)"])
        context.close(promise: nil)
    }

    // MARK: Hooks of the opening

    override func write(_ bytes: [UInt8]) {
        self.context?.writeAndFlush(self.wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
    }

    override func endOutput() { self.context?.close(mode: .output, promise: nil) }

    override func closeTransport() { self.channel.close(promise: nil) }

    override func setReading(_ isReading: Bool) {
        try? self.channel.syncOptions?.setOption(.autoRead, value: isReading)
    }

    override func makeEngine(_ accepted: AcceptedUpgrade) -> SocketEngine? {
        guard let context = self.context else { return nil }
        let engine = WebSocketHandler(channel: self.channel, accepted, self.state, self.loop)
        do {
            try context.pipeline.syncOperations.addHandler(engine, position: .after(self))
            return engine
        } catch {
            return nil
        }
    }

    override func handOver(to engine: SocketEngine) {
        self.context?.pipeline.syncOperations.removeHandler(self, promise: nil)
    }

    override func becomeHTTP(_ bytes: [UInt8]) {
        guard let context = self.context else { return }
        let http = HTTPRequestHandler(self.state.loop(self.loop), self.arrival, channel: self.channel)
        do {
            try http.install(in: context.pipeline.syncOperations, after: self)
        } catch {
            self.closeTransport()
            return
        }
        self.home?.replace(self, with: http)
        context.fireChannelRead(NIOAny(ByteBuffer(bytes: bytes)))
        context.fireChannelReadComplete()
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }
}

extension ChannelOpening {
    /// What the client has shown. TLS asks for a certificate only where it verifies it.
    static func clientCertificate(on pipeline: ChannelPipeline.SynchronousOperations) -> ClientCertificate? {
        (try? pipeline.nioSSL_peerCertificate()).flatMap { $0 }.flatMap { ClientCertificate($0) }
    }
}

extension Channel {
    /// Address and port of the peer.
    var peerText: String { self.remoteAddress.map { $0.peerText } ?? "unknown" }
}

extension SocketAddress {
    /// Address and port: `192.0.2.7:80`, `[2001:db8::7]:80`.
    var peerText: String {
        guard let ip = self.ipAddress, let port = self.port else {
            return self.pathname.map { "unix:\($0)" } ?? "\(self)"
        }
        return ip.contains(":") ? "[\(ip)]:\(port)" : "\(ip):\(port)"
    }
}
