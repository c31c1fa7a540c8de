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
        let index = bytes.endOfFieldContent(from: self.position, to: stop)
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

extension RawSpan {
    /// The index of the first byte of `start..<end` that is no field content; `end` if all are.
    fileprivate func endOfFieldContent(from start: Int, to end: Int) -> Int {
        let (ones, tops): (UInt64, UInt64) = (0x0101_0101_0101_0101, 0x8080_8080_8080_8080)
        var index = start
        while index < end {
            if end &- index >= 8 {
                // Eight bytes at once: the top bit of a byte is set where the byte is below a space or DEL. A borrow can set
                // it above such a byte, never below: the lowest one is right.
                let word = UInt64(littleEndian: self.load(at: index, as: UInt64.self))
                let isDelete = word ^ (ones &* UInt64(ASCII.delete))
                let found = ((word &- ones &* UInt64(ASCII.space)) & ~word | (isDelete &- ones) & ~isDelete) & tops
                if found == 0 {
                    index &+= 8
                    continue
                }
                index &+= found.trailingZeroBitCount / 8
            }
            // A tab is below a space, and allowed.
            guard self.byte(at: index).isFieldContent else { return index }
            index &+= 1
        }
        return index
    }
}
