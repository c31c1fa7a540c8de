/// What the driver is to do next.
public enum Step: Sendable, Hashable {
    /// A whole message lies in the given bytes, unmasked, at this range.
    case message(MessageKind, Range<Int>)
    /// A whole message was collected: ``WebSocketConnection/takeMessage()``.
    case assembledMessage(MessageKind)
    /// The next piece of a message lies in the given bytes, unmasked, at this range, which is empty only if it is the last
    /// one. A character of a text may begin in one piece and end in the next.
    case piece(MessageKind, Range<Int>, isLast: Bool)
    /// The next piece of a message, not the last, was collected: ``WebSocketConnection/takeMessage()``. The last one is
    /// ``piece(_:_:isLast:)`` or ``assembledMessage(_:)``.
    case assembledPiece(MessageKind)
    /// A message begins that is not here as a whole, and ``WebSocketConnection/delivery`` is undecided. Nothing of it was
    /// consumed.
    case awaitsDelivery
    /// A pong came: its eight bytes as a number, the first byte the highest, which is what
    /// ``WebSocketConnection/ping(_:)`` has sent; `nil` if it has any other length.
    case pong(UInt64?)
    /// Control frames are due: ``WebSocketConnection/writeControlFrames(maskingKey:into:)``.
    case write
    /// Nothing more is to be written: end this side of the stream, once all is sent, and go on reading.
    case shutdownOutput
    /// It is over: close the transport, once all is sent. Comes exactly once; ``WebSocketConnection/closure`` tells how.
    case closeTransport
    /// Nothing can be done with the bytes at hand. What is left of them is the beginning of what comes next.
    case needMoreBytes
}

/// How a connection delivers a message that does not lie whole in the bytes it is given.
public enum Delivery: Sendable, Hashable {
    /// It is collected, up to ``Limits/maxMessageBytes``.
    case collected
    /// As it comes, piece by piece, up to ``Limits/maxStreamedBytes``.
    case inPieces
    /// It waits: ``Step/awaitsDelivery``.
    case undecided
}
