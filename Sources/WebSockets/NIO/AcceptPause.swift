import Logging
import NIOCore

/// Keeps a listener from spinning when the process has no descriptor left: accepting pauses for a moment, and goes on
/// when connections have gone.
final class AcceptPause: ChannelDuplexHandler {
    typealias InboundIn = any Channel
    typealias OutboundIn = any Channel

    /// How long nothing is accepted after a failure.
    static let pause = TimeAmount.milliseconds(100)

    private let logger: Logger
    private var isPaused = false
    private var isReadDue = false

    init(logger: Logger) { self.logger = logger }

    func read(context: ChannelHandlerContext) {
        if self.isPaused {
            self.isReadDue = true
        } else {
            context.read()
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard error is IOError else {
            context.fireErrorCaught(error)
            return
        }
        if self.isPaused { return }
        self.isPaused = true
        SocketMetrics.refused(limit: "file_descriptors")
        self.logger.warning("cannot accept connections for a moment", metadata: ["error": "\(error)"])
        let resume = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: Self.pause) {
            let (handler, context) = resume.value
            handler.isPaused = false
            guard handler.isReadDue else { return }
            handler.isReadDue = false
            context.read()
        }
    }
}
