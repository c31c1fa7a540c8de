import NIOCore
import NIOSSL
import WebSocketCore

/// The portable transport: one handler at the end of a NIO channel's pipeline that is the whole connection.
///
/// Received bytes are copied to the loop's receive buffer, because the channel's own buffer belongs to a pool that would
/// copy it anyway if it were changed. What is sent is corked in one buffer and handed to the channel once a burst.
final class WebSocketHandler: SocketEngine, ChannelInboundHandler, RemovableChannelHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let channel: any Channel
    @exclusivity(unchecked) private var context: ChannelHandlerContext?
    @exclusivity(unchecked) private var cork: ByteBuffer?
    /// Bytes handed to the channel since the beginning, and how many of them it still had when it was last asked.
    @exclusivity(unchecked) private var handed = 0
    @exclusivity(unchecked) private var inChannel = 0

    init(
        channel: any Channel, role: Role, loop: LoopServices, settings: SharedSettings, info: SocketInfo,
        consumer: Consumer
    ) {
        self.channel = channel
        super.init(role: role, loop: loop, settings: settings, info: info, consumer: consumer)
    }

    /// The server's end of a WebSocket.
    convenience init(channel: any Channel, _ accepted: AcceptedUpgrade, _ state: ServerState, _ loop: LoopServices) {
        self.init(
            channel: channel, role: .server, loop: loop, settings: state.settings, info: accepted.info,
            consumer: accepted.consumer)
    }

    // MARK: From the channel

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.unwrapInboundIn(data).withUnsafeReadableBytes { self.received($0) }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        self.askChannel()
        if self.channel.isWritable { self.outputDrained(to: self.inChannel) }
        context.fireChannelWritabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.transportEnded(.endOfStream)
        self.transportClosed()
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // On the channels of servers that let their peers half-close: nobody is there who would read an answer.
        if let event = event as? ChannelEvent, event == .inputClosed { self.transportEnded(.endOfStream) }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // TCP ended without TLS's own end; the end of the stream comes next. Whether all of it came, the Close frame tells.
        if case .uncleanShutdown? = error as? NIOSSLError { return }
        self.transportEnded(.broken("\(error)"))
        context.close(promise: nil)
    }

    // MARK: Hooks of the engine

    override func write(_ count: Int, _ body: (UnsafeMutableRawBufferPointer) -> Int) -> Int {
        if self.cork == nil { self.cork = self.loop.spareBuffers.take() }
        return self.cork?.writeWithUnsafeMutableBytes(minimumWritableBytes: count, body) ?? 0
    }

    override func flushTransport() -> Int {
        guard let bytes = self.cork.take(), bytes.readableBytes > 0 else { return self.inChannel }
        self.handed &+= bytes.readableBytes
        self.context?.writeAndFlush(self.wrapOutboundOut(bytes), promise: nil)
        self.loop.spareBuffers.give(bytes)
        if self.channel.isWritable {
            self.inChannel = 0  // Less than the high-water mark, which is all that anybody asks.
        } else {
            self.askChannel()
        }
        return self.inChannel
    }

    override var writtenBytes: Int {
        self.askChannel()
        return self.handed - self.inChannel
    }

    override func shutDownOutput() {
        self.whenWritten { [channel] in channel.close(mode: .output, promise: nil) }
    }

    override func closeTransport(isBroken: Bool) {
        if isBroken {
            self.channel.close(mode: .all, promise: nil)
            return
        }
        let channel = self.channel
        self.whenWritten { channel.close(mode: .all, promise: nil) }
        if self.channel.isActive, self.bufferedBytes > 0 {
            // A peer that takes nothing must not keep the connection.
            let limit = TimeAmount(self.settings.connection.limits.closeTimeout)
            self.channel.eventLoop.scheduleTask(in: limit) { channel.close(mode: .all, promise: nil) }
        }
    }

    override func setReading(_ isReading: Bool) {
        try? self.channel.syncOptions?.setOption(.autoRead, value: isReading)
    }

    // MARK: What the channel holds

    private var bufferedBytes: Int { (try? self.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0 }

    private func askChannel() { self.inChannel = self.bufferedBytes }

    /// Closing a channel drops what it has not written yet: wait for that.
    private func whenWritten(_ body: @escaping @Sendable () -> Void) {
        guard let context = self.context, self.bufferedBytes > 0 else {
            body()
            return
        }
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.whenComplete { _ in body() }
        context.writeAndFlush(self.wrapOutboundOut(ByteBuffer()), promise: written)
    }
}
