public import WebSocketCore

/// Hands messages to a receiver whose type the compiler knows.
@usableFromInline
final class CallbackConsumer<Receiver: MessageReceiver>: Consumer {
    @usableFromInline var receiver: Receiver

    @usableFromInline
    init(_ receiver: Receiver) {
        self.receiver = receiver
        super.init()
    }

    @usableFromInline
    override func opened(_ engine: SocketEngine) { self.receiver.opened(LoopSocket(engine)) }

    @inlinable
    override func consume(_ engine: SocketEngine) {
        while true {
            switch engine.pull() {
            case .view(let kind, let bytes): self.receiver.received(bytes.bytes, kind, LoopSocket(engine))
            case .owned(let kind, let bytes): self.receiver.received(bytes.span.bytes, kind, LoopSocket(engine))
            case .nothing: return
            }
        }
    }

    @usableFromInline
    override func writable(_ engine: SocketEngine) { self.receiver.writable(LoopSocket(engine)) }

    @usableFromInline
    override func closed(_ engine: SocketEngine, _ closure: Closure) { self.receiver.closed(closure) }
}
