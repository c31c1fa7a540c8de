import NIOCore

/// Keeps a listener from spinning when the process has no descriptor left: accepting pauses for a moment, and goes on
/// when connections have gone.
final class AcceptPause: ChannelInboundHandler {
    typealias InboundIn = any Channel

    /// How long nothing is accepted after a failure.
    static let pause = TimeAmount.milliseconds(100)

    private let state: ServerState
    private var isPaused = false

    init(_ state: ServerState) { self.state = state }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard error is IOError else {
            context.fireErrorCaught(error)
            return
        }
        if self.isPaused { return }
        self.isPaused = true
        self.state.cannotAccept("\(error)")
        let channel = context.channel
        // The failed read is still due for the channel: only this makes it stop looking.
        try? channel.syncOptions?.setOption(.autoRead, value: false)
        let handler = NIOLoopBound(self, eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: Self.pause) {
            handler.value.isPaused = false
            try? channel.syncOptions?.setOption(.autoRead, value: true)
        }
    }
}
