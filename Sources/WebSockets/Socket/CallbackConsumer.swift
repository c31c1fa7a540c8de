public import WebSocketCore

/// Hands messages to a receiver whose type the compiler knows.
@usableFromInline
final class CallbackConsumer<Receiver: MessageReceiver>: Consumer {
    /// Unchecked: the engine never calls from inside a call.
    @exclusivity(unchecked) @usableFromInline var receiver: Receiver

    @usableFromInline
    init(_ receiver: Receiver) {
        self.receiver = receiver
        super.init()
    }

    @usableFromInline
    override func opened(_ engine: SocketEngine) { self.receiver.opened(LoopSocket(engine)) }

    @inlinable
    override func consume(_ engine: SocketEngine) { Self.consume(engine, &self.receiver) }

    /// One access to the receiver for all messages of a burst.
    @inlinable
    static func consume(_ engine: SocketEngine, _ receiver: inout Receiver) {
        let socket = LoopSocket(engine)
        while true {
            switch engine.pull() {
            case .view(let kind, let bytes): receiver.received(bytes.bytes, kind, socket)
            case .owned(let kind, let bytes):
                receiver.received(bytes.span.bytes, kind, socket)
                engine.recycle(bytes)
            case .nothing: return
            }
        }
    }

    @usableFromInline
    override func writable(_ engine: SocketEngine) { self.receiver.writable(LoopSocket(engine)) }

    @usableFromInline
    override func closed(_ engine: SocketEngine, _ closure: Closure) { self.receiver.closed(closure) }
}
