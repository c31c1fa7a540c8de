import NIOCore

/// Keeps what a raw connection has received until the test asks for it. Everything here happens on the channel's loop.
final class RawInbox: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer

    /// Says how many of the bytes at hand are wanted, `nil` if more must come first; `isEnded` if no more will.
    typealias Want = @Sendable (_ bytes: [UInt8], _ isEnded: Bool) -> Int?

    /// How the stream ended.
    enum End: Sendable, Equatable {
        case endOfStream
        case broken
    }

    struct Ended: Error, CustomStringConvertible {
        let end: End
        let bytes: [UInt8]
        var description: String {
            "the stream ended (\(self.end)) behind \(self.bytes.count) bytes: \(String(decoding: self.bytes.prefix(200), as: UTF8.self))"
        }
    }

    private var bytes: [UInt8] = []
    private(set) var end: End?

    var isEmpty: Bool { self.bytes.isEmpty }
    private var waiter: (want: Want, outcome: EventLoopPromise<[UInt8]>)?

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.unwrapInboundIn(data).withUnsafeReadableBytes { self.bytes.append(contentsOf: $0) }
        self.look()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed { self.ended(.endOfStream) }
    }

    func channelInactive(context: ChannelHandlerContext) { self.ended(.endOfStream) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.ended(.broken)
        context.close(promise: nil)
    }

    private func ended(_ end: End) {
        if self.end == nil { self.end = end }
        self.look()
    }

    func take(_ want: @escaping Want, _ outcome: EventLoopPromise<[UInt8]>) {
        precondition(self.waiter == nil, "one reader at a time")
        self.waiter = (want, outcome)
        self.look()
    }

    func giveUp(_ error: any Error) {
        self.waiter?.outcome.fail(error)
        self.waiter = nil
    }

    private func look() {
        guard let (want, outcome) = self.waiter else { return }
        if let count = want(self.bytes, self.end != nil), count <= self.bytes.count {
            self.waiter = nil
            let taken = Array(self.bytes[..<count])
            self.bytes.removeFirst(count)
            outcome.succeed(taken)
        } else if let end = self.end {
            self.waiter = nil
            outcome.fail(Ended(end: end, bytes: self.bytes))
        }
    }
}
