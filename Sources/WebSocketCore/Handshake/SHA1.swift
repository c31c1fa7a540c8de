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
        var state = SHA1()
        var start = 0
        while message.count &- start >= 64 {
            state.add { message[start &+ $0] }
            start &+= 64
        }

        // The rest, a bit that is set, zeros, and the length in bits as the last 8 bytes of a block (§5.1.1).
        let rest = message.count &- start
        let bits = UInt64(message.count) &* 8
        func padded(_ index: Int, isLast: Bool) -> UInt8 {
            if start &+ index < message.count { return message[start &+ index] }
            if start &+ index == message.count { return 0x80 }
            return isLast && index & 63 >= 56 ? UInt8(truncatingIfNeeded: bits &>> UInt64(8 &* (63 &- index & 63))) : 0
        }
        if rest < 56 {
            state.add { padded($0, isLast: true) }
        } else {
            state.add { padded($0, isLast: false) }
            state.add { padded($0 &+ 64, isLast: true) }
        }
        return state.bytes
    }

    /// Takes one block of 64 bytes (§6.1.2).
    @inline(__always)
    private mutating func add(_ byte: (Int) -> UInt8) {
        // The schedule of 80 words, of which 16 are alive at any time (§6.1.3).
        var words = InlineArray<16, UInt32>(repeating: 0)
        for index in 0..<16 {
            words[index] =
                UInt32(byte(index &* 4)) &<< 24 | UInt32(byte(index &* 4 &+ 1)) &<< 16
                | UInt32(byte(index &* 4 &+ 2)) &<< 8 | UInt32(byte(index &* 4 &+ 3))
        }
        var (a, b, c, d, e) = (self.a, self.b, self.c, self.d, self.e)
        for round in 0..<80 {
            if round >= 16 {
                let mixed =
                    words[(round &- 3) & 15] ^ words[(round &- 8) & 15] ^ words[(round &- 14) & 15] ^ words[round & 15]
                words[round & 15] = Self.rotated(mixed, by: 1)
            }
            let (choice, constant): (UInt32, UInt32) =
                if round < 20 {
                    ((b & c) | (~b & d), 0x5A82_7999)
                } else if round < 40 {
                    (b ^ c ^ d, 0x6ED9_EBA1)
                } else if round < 60 {
                    ((b & c) | (b & d) | (c & d), 0x8F1B_BCDC)
                } else {
                    (b ^ c ^ d, 0xCA62_C1D6)
                }
            let next = Self.rotated(a, by: 5) &+ choice &+ e &+ constant &+ words[round & 15]
            (e, d, c, b, a) = (d, c, Self.rotated(b, by: 30), a, next)
        }
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
