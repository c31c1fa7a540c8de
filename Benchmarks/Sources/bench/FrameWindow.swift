/// The frames that are in flight at one time on one connection, as they are sent and as they must come back.
///
///     sent       82|8E  len  [len 16]  mask  mask  mask  mask  masked payload …      (a client's frames, RFC 6455 §5.2)
///     expected   82|8E  len  [len 16]  payload …                                     (a server's)
struct FrameWindow {
    let messages: Int
    private(set) var sent: [UInt8] = []
    private(set) var expected: [UInt8] = []

    /// - Parameters:
    ///   - payloadBytes: of each message.
    ///   - isText: text, of ASCII, instead of binary.
    init(messages: Int, payloadBytes: Int, isText: Bool) {
        self.messages = messages
        for message in 0..<messages {
            // A simple generator of pseudo-random numbers: every message and every mask differs, in every run alike.
            var state = UInt32(truncatingIfNeeded: message &* 2_654_435_761 &+ 12_345)
            func next() -> UInt32 {
                state = state &* 1_664_525 &+ 1_013_904_223
                return state >> 8
            }
            let mask = (0..<4).map { _ in UInt8(truncatingIfNeeded: next()) }
            let payload = (0..<payloadBytes).map { _ in
                isText ? 0x20 &+ UInt8(truncatingIfNeeded: next() % 95) : UInt8(truncatingIfNeeded: next())
            }
            let opcode: UInt8 = isText ? 0x81 : 0x82
            self.sent += Self.frame(payload, firstByte: opcode, mask: mask)
            self.expected += [opcode] + Self.length(payloadBytes) + payload
        }
    }

    /// A client's frame.
    static func frame(_ payload: [UInt8], firstByte: UInt8, mask: [UInt8]) -> [UInt8] {
        let length = Self.length(payload.count)
        let masked = payload.enumerated().map { $1 ^ mask[$0 & 3] }
        return [firstByte, length[0] | 0x80] + length.dropFirst() + mask + masked
    }

    /// The shortest form, as RFC 6455 §5.2 asks for.
    private static func length(_ bytes: Int) -> [UInt8] {
        switch bytes {
        case ...125: [UInt8(bytes)]
        case ...0xFFFF: [126] + Self.bigEndian(UInt64(bytes), 2)
        default: [127] + Self.bigEndian(UInt64(bytes), 8)
        }
    }

    private static func bigEndian(_ number: UInt64, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: number >> (8 * UInt64(count - 1 - $0))) }
    }
}
