/// What a published message begins with: whose it is, its number, and when it was due.
///
///     ~  run (8)  .  publisher (4)  .  number (8)  .  nanoseconds (16)  ~      hexadecimal digits
///
/// It is text, so that it survives in a server's envelope: it is looked for in the first ``searchedBytes``.
struct BroadcastMark: Equatable {
    /// Tells this run's messages from those of others.
    var run: UInt32
    var publisher: UInt16
    var number: UInt32
    /// When the message was due, in nanoseconds of this process's clock.
    var time: UInt64

    static let byteCount = 41
    static let searchedBytes = 1024

    private static let edge = UInt8(ascii: "~")
    private static let separator = UInt8(ascii: ".")

    /// Writes the mark to `target`, which has room for it at `offset`.
    func write(to target: UnsafeMutableRawBufferPointer, at offset: Int = 0) {
        target[offset] = Self.edge
        Hexadecimal.write(UInt64(self.run), digits: 8, to: target, at: offset &+ 1)
        target[offset &+ 9] = Self.separator
        Hexadecimal.write(UInt64(self.publisher), digits: 4, to: target, at: offset &+ 10)
        target[offset &+ 14] = Self.separator
        Hexadecimal.write(UInt64(self.number), digits: 8, to: target, at: offset &+ 15)
        target[offset &+ 23] = Self.separator
        Hexadecimal.write(self.time, digits: 16, to: target, at: offset &+ 24)
        target[offset &+ 40] = Self.edge
    }

    /// The mark in a message.
    /// - Returns: `nil` if there is none near its beginning.
    static func find(in message: UnsafeRawBufferPointer) -> BroadcastMark? {
        let last = min(message.count &- Self.byteCount, Self.searchedBytes &- 1)
        guard last >= 0 else { return nil }
        for offset in 0...last where message[offset] == Self.edge {
            if let mark = Self.read(message, at: offset) { return mark }
        }
        return nil
    }

    private static func read(_ message: UnsafeRawBufferPointer, at offset: Int) -> BroadcastMark? {
        guard message[offset &+ 9] == Self.separator, message[offset &+ 14] == Self.separator,
            message[offset &+ 23] == Self.separator, message[offset &+ 40] == Self.edge,
            let run = Hexadecimal.read(message, at: offset &+ 1, digits: 8),
            let publisher = Hexadecimal.read(message, at: offset &+ 10, digits: 4),
            let number = Hexadecimal.read(message, at: offset &+ 15, digits: 8),
            let time = Hexadecimal.read(message, at: offset &+ 24, digits: 16)
        else { return nil }
        return BroadcastMark(
            run: UInt32(truncatingIfNeeded: run), publisher: UInt16(truncatingIfNeeded: publisher),
            number: UInt32(truncatingIfNeeded: number), time: time)
    }
}
