#if os(Linux)
/// How much a connection reads in one turn of its loop, which adapts to what it brings: 64 KiB, up to 512 KiB where that is
/// part of a few large messages, and down to 2 KiB where it is a crowd of small ones and others wait.
struct ReadSize {
    /// More work than this in one turn is not fair to the others; half of it is.
    static let fairWork = 64
    /// A read that was filled by so little was part of something large.
    private static let littleWork = 4

    /// How often the largest read is halved.
    private var shift: UInt8 = 3
    private static let usual: UInt8 = 3
    private static let least: UInt8 = 8

    /// - Parameter alone: nobody else waits in this turn.
    func bytes(alone: Bool) -> Int { ReceiveMemory.byteCount >> Int(alone ? min(self.shift, Self.usual) : self.shift) }

    /// `count` bytes came, which were so much work.
    mutating func adapt(to work: Int, count: Int) {
        if work > Self.fairWork {
            if self.shift < Self.least { self.shift &+= 1 }
        } else if self.shift > Self.usual {
            if work < Self.fairWork / 2 { self.shift &-= 1 }
        } else if work <= Self.littleWork, count == ReceiveMemory.byteCount >> Int(self.shift) {
            if self.shift > 0 { self.shift &-= 1 }
        } else if count <= (ReceiveMemory.byteCount >> Int(self.shift)) / 2, self.shift < Self.usual {
            self.shift &+= 1
        }
    }
}
#endif
