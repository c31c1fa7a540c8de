public import WebSocketCore

/// Who gets the messages of a connection: callbacks, or a task. One call for each burst of received bytes.
@usableFromInline
class Consumer {
    @usableFromInline
    init() {}

    /// The opening handshake is over.
    @usableFromInline
    func opened(_ engine: SocketEngine) {}

    /// Messages may be pulled from `engine`.
    @usableFromInline
    func consume(_ engine: SocketEngine) {}

    /// Less than the low-water mark waits to be written, after more than the high-water mark did.
    @usableFromInline
    func writable(_ engine: SocketEngine) {}

    /// It is over. The last call.
    @usableFromInline
    func closed(_ engine: SocketEngine, _ closure: Closure) {}

    /// Calls `body` once nothing of the application runs any more for the connection, which has ended.
    @usableFromInline
    func whenDone(_ body: @escaping () -> Void) { body() }

    /// Whether received bytes that nobody has asked for yet should be parsed.
    @usableFromInline
    var isReady: Bool { true }
}
