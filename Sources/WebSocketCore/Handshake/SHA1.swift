/// SHA-1 (FIPS 180-4), which RFC 6455 §4.2.2 asks for to prove that the server has read the key. It protects nothing
/// (RFC 6455 §10.8): do not use it for anything else.
struct SHA1 {
    private var a: UInt32 = 0x6745_2301
    private var b: UInt32 = 0xEFCD_AB89
    private var c: UInt32 = 0x98BA_DCFE
    private var d: UInt32 = 0x1032_5476
    private var e: UInt32 = 0xC3D2_E1F0

    private init() {}

    /// The 20 bytes of the hash of `message`.
    static func hash(_ message: [UInt8]) -> [UInt8] {
        // A bit that is set, zeros, and the length in bits as the last 8 bytes of a block (§5.1.1).
        var padded = message
        let blocks = (message.count &+ 8) / 64 &+ 1
        padded.append(0x80)
        padded.append(contentsOf: repeatElement(0, count: blocks &* 64 &- 8 &- padded.count))
        let bits = UInt64(message.count) &* 8
        for shift in stride(from: 56, through: 0, by: -8) { padded.append(UInt8(truncatingIfNeeded: bits >> shift)) }
        var state = SHA1()
        for block in 0..<blocks { state.add(padded.span.rawBytes.extracting((block &* 64)..<(block &* 64 &+ 64))) }
        return state.bytes
    }

    /// Takes one block of 64 bytes (§6.1.2).
    private mutating func add(_ block: RawSpan) {
        // The schedule of 80 words, of which 16 are alive at any time (§6.1.3).
        var words = InlineArray<16, UInt32> { index in
            UInt32(bigEndian: block.load(at: index &* 4, as: UInt32.self))
        }
        var (a, b, c, d, e) = (self.a, self.b, self.c, self.d, self.e)
        @inline(__always)
        func take(_ word: UInt32, _ choice: UInt32, _ constant: UInt32) {
            let next = Self.rotated(a, by: 5) &+ choice &+ e &+ constant &+ word
            (e, d, c, b, a) = (d, c, Self.rotated(b, by: 30), a, next)
        }
        @inline(__always)
        func nextWord(_ round: Int) -> UInt32 {
            let mixed =
                words[(round &- 3) & 15] ^ words[(round &- 8) & 15] ^ words[(round &- 14) & 15] ^ words[round & 15]
            words[round & 15] = Self.rotated(mixed, by: 1)
            return words[round & 15]
        }
        for round in 0..<16 { take(words[round], (b & c) | (~b & d), 0x5A82_7999) }
        for round in 16..<20 { take(nextWord(round), (b & c) | (~b & d), 0x5A82_7999) }
        for round in 20..<40 { take(nextWord(round), b ^ c ^ d, 0x6ED9_EBA1) }
        for round in 40..<60 { take(nextWord(round), (b & c) | (b & d) | (c & d), 0x8F1B_BCDC) }
        for round in 60..<80 { take(nextWord(round), b ^ c ^ d, 0xCA62_C1D6) }
        self.a &+= a
        self.b &+= b
        self.c &+= c
        self.d &+= d
        self.e &+= e
    }

    @inline(__always)
    private static func rotated(_ word: UInt32, by bits: UInt32) -> UInt32 { word &<< bits | word &>> (32 &- bits) }

    private var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(20)
        for word in [self.a, self.b, self.c, self.d, self.e] {
            for shift in [24, 16, 8, 0] as [UInt32] { bytes.append(UInt8(truncatingIfNeeded: word &>> shift)) }
        }
        return bytes
    }
}
