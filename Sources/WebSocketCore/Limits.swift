/// How much a peer may make one connection hold or do.
///
/// Every limit is checked where the thing grows, before it grows: what a connection retains is bounded by this value
/// whatever arrives (RFC 6455 §10.4).
public struct Limits: Sendable, Hashable {
    /// The largest payload of one frame, in bytes, compared with the length in the frame's header before any of the
    /// payload is kept. Default: `nil`, as large as ``maxMessageBytes``, and an eighth more for a compressed frame, since
    /// bytes that cannot be compressed grow a little. Exceeding it fails the connection with 1009.
    public var maxFrameBytes: Int?

    /// The largest message, in bytes, after its fragments are joined and after it is inflated. Default: 1 MiB.
    /// Exceeding it fails the connection with 1009.
    public var maxMessageBytes: Int

    /// The largest message that may be received in pieces, in bytes, after it is inflated: ``Delivery/inPieces``. Exceeding
    /// it fails the connection with 1009. Default: `nil`, which allows none beyond ``maxMessageBytes``.
    ///
    /// Pieces are not collected, so that this is no limit on memory but on patience: ``maxFragments`` does not apply to
    /// them, and ``assemblyTimeout`` begins anew with each.
    public var maxStreamedBytes: Int?

    /// The most frames one message may consist of. Default: 16,384. Exceeding it fails the connection with 1009.
    public var maxFragments = 16_384

    /// The most fragments without payload that may follow one another inside a message. Default: 16.
    /// Exceeding it fails the connection with 1008.
    public var maxConsecutiveEmptyFragments = 16

    /// How long a message may take from its first byte to its last, or from one piece to the next. Default: 30 seconds.
    /// Exceeding it fails the connection with 1008.
    public var assemblyTimeout: Duration = .seconds(30)

    /// How many control frames (ping, pong) a peer may send each second, on average. Default: 20.
    /// Exceeding it fails the connection with 1008.
    public var controlFramesPerSecond = 20

    /// How many control frames may come at once before ``controlFramesPerSecond`` bites. Default: 100.
    public var controlFrameBurst = 100

    /// How long a peer that is to answer a Close frame, or to end the TCP connection, may take. Default: 5 seconds.
    public var closeTimeout: Duration = .seconds(5)

    /// How long bytes are still read and thrown away after the connection was failed, so that the Close frame is not
    /// lost to a TCP reset. Default: 2 seconds.
    public var discardTimeout: Duration = .seconds(2)

    /// How many bytes are read and thrown away after the connection was failed. Default: 64 KiB.
    public var maxDiscardedBytes = 64 << 10

    /// What the opening handshake may cost.
    public var handshake = Handshake()

    /// - Parameters:
    ///   - maxMessageBytes: the largest message, in bytes (default 1 MiB).
    ///   - maxFrameBytes: the largest frame, in bytes; `nil` (the default) means as large as the message.
    public init(maxMessageBytes: Int = 1 << 20, maxFrameBytes: Int? = nil) {
        self.maxMessageBytes = maxMessageBytes
        self.maxFrameBytes = maxFrameBytes
    }

    /// The largest message that may come, received this way.
    func largestMessage(_ delivery: Delivery) -> Int {
        delivery == .inPieces ? max(self.maxMessageBytes, self.maxStreamedBytes ?? 0) : self.maxMessageBytes
    }

    /// The largest frame that may come.
    func largestFrame(isCompressed: Bool) -> Int {
        if let maxFrameBytes { return max(0, maxFrameBytes) }
        let message = max(0, self.maxMessageBytes, self.maxStreamedBytes ?? 0)
        if !isCompressed { return message }
        // A stored block is at most 5 bytes longer than what it stores, and no shorter than some kilobytes.
        let (sum, overflow) = message.addingReportingOverflow(message >> 3 &+ 64)
        return overflow ? .max : sum
    }

    /// What the head of an HTTP request or response may cost, on either side.
    public struct Handshake: Sendable, Hashable {
        /// The whole head: start line, fields and the empty line, in bytes. Default: 16 KiB. Over it: 431.
        public var maxHeadBytes = 16 << 10

        /// The request line, or the status line, in bytes, without its line end. Default: 4 KiB. Over it: 414.
        public var maxStartLineBytes = 4 << 10

        /// One header field: name, colon and value, in bytes. Default: 8 KiB. Over it: 431.
        public var maxFieldBytes = 8 << 10

        /// The number of header fields. Default: 100. Over it: 431.
        public var maxFields = 100

        /// How long after the connection was accepted (server) or established (client) the head must be complete.
        /// It is absolute: bytes that trickle in do not extend it. Default: 10 seconds. Over it: 408.
        public var timeout: Duration = .seconds(10)

        public init() {}
    }
}
