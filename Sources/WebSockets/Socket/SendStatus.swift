public import WebSocketCore

/// What became of a message that was sent without waiting.
public enum SendStatus: Sendable, Hashable {
    /// It is on its way; less than the high-water mark waits to be written.
    case written
    /// It waits behind others: this many bytes in all. The peer reads more slowly than this end sends.
    case queued(bytes: Int)
    /// It was not sent, and never will be.
    case dropped(DropReason)

    public enum DropReason: Sendable, Hashable {
        /// ``OutboxLimits/maxBytesBeyond`` or ``OutboxLimits/maxMessagesBeyond``: the peer does not read.
        case outboxFull
        /// The connection is closing or closed.
        case closed
        /// A fragmented message is not finished (RFC 6455 §5.4), or the system has no memory to compress.
        case refused(SendError)
    }
}
