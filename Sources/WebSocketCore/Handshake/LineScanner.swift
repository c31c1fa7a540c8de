/// Finds the lines of a head in bytes that arrive bit by bit.
///
/// It is shown the same bytes again, with more behind them, and goes on where it stopped: each byte is looked at once.
/// What it reports depends on the bytes only, never on how they were cut.
struct LineScanner: Sendable {
    let maxHeadBytes: Int
    /// Where the line begins that is not complete yet.
    private(set) var lineStart = 0
    /// The first byte that was not looked at yet.
    private var position = 0

    init(maxHeadBytes: Int) { self.maxHeadBytes = Self.clamped(maxHeadBytes) }

    /// A limit that can be added to an offset, and an offset that fits 32 bits.
    static func clamped(_ limit: Int) -> Int { min(max(limit, 0), Int(Int32.max)) }

    /// The first byte of the next line; `nil` before it is there.
    ///
    /// - Throws: ``HandshakeFault/headTooLarge(limit:)`` if the head may have no further byte.
    func peek(in bytes: RawSpan) throws(HandshakeFault) -> UInt8? {
        if self.lineStart >= self.maxHeadBytes { throw .headTooLarge(limit: self.maxHeadBytes) }
        return self.lineStart < bytes.byteCount ? bytes.byte(at: self.lineStart) : nil
    }

    /// The next line, without its CR LF; `nil` before it is complete.
    ///
    /// - Throws: `tooLong` at the first byte of the line beyond `limit`, ``HandshakeFault/headTooLarge(limit:)`` as soon
    ///   as the head cannot end within its limit, and a fault for any byte that a line must not contain.
    mutating func next(
        in bytes: RawSpan, limit: Int, tooLong: HandshakeFault
    ) throws(HandshakeFault) -> Range<Int>? {
        let stop = min(bytes.byteCount, self.maxHeadBytes, self.lineStart &+ Self.clamped(limit))
        var index = self.position
        while index < stop, bytes.byte(at: index).isFieldContent { index &+= 1 }
        self.position = index

        if index >= self.maxHeadBytes { throw .headTooLarge(limit: self.maxHeadBytes) }
        guard index < bytes.byteCount else { return nil }
        let byte = bytes.byte(at: index)
        if byte.isFieldContent { throw tooLong }
        if byte == ASCII.lineFeed { throw .bareLineFeed }
        guard byte == ASCII.carriageReturn else { throw .controlCharacter(byte) }

        let end = index &+ 1
        if end >= self.maxHeadBytes { throw .headTooLarge(limit: self.maxHeadBytes) }
        guard end < bytes.byteCount else { return nil }
        guard bytes.byte(at: end) == ASCII.lineFeed else { throw .bareCarriageReturn }
        let line = self.lineStart..<index
        self.lineStart = end &+ 1
        self.position = end &+ 1
        return line
    }
}
