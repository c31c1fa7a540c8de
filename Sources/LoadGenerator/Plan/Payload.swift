package import WebSocketCore

/// What is sent, made once: by itself, nothing is built for a message.
package struct Payload: Sendable {
    package let bytes: [UInt8]

    /// From this size on a verified message begins with its number.
    static let stampBytes = 8

    /// - Parameter message: what to send; `nil` for generated content of `byteCount` bytes.
    package init(_ message: [UInt8]?, byteCount: Int, kind: MessageKind) {
        self.bytes = message ?? (kind == .text ? Self.words(byteCount) : Self.noise(byteCount))
    }

    private static let vocabulary = [
        "alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliett", "kilo", "lima",
        "mike", "november", "oscar", "papa", "quebec", "romeo", "sierra", "tango", "uniform", "victor", "whiskey",
        "x-ray", "yankee", "zulu", "0", "1", "2", "42", "true", "null",
    ]

    /// Words in an order without a pattern: compresses about as well as text does.
    private static func words(_ count: Int) -> [UInt8] {
        var random = Xorshift(seed: 0x9E37_79B9_7F4A_7C15)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + 16)
        while bytes.count < count {
            bytes += Self.vocabulary[Int(random.next() >> 59)].utf8
            bytes.append(UInt8(ascii: " "))
        }
        return Array(bytes.prefix(count))
    }

    /// Bytes that do not compress.
    private static func noise(_ count: Int) -> [UInt8] {
        var random = Xorshift(seed: 0x2545_F491_4F6C_DD1D)
        return (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next() >> 32) }
    }
}

/// Numbers that are the same every time.
struct Xorshift: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { self.state = seed | 1 }

    mutating func next() -> UInt64 {
        self.state ^= self.state << 13
        self.state ^= self.state >> 7
        self.state ^= self.state << 17
        return self.state &* 0x2545_F491_4F6C_DD1D
    }
}

/// Numbers as a fixed count of hexadecimal digits, which are valid text wherever they stand.
enum Hexadecimal {
    static func write(_ value: UInt64, digits: Int, to target: UnsafeMutableRawBufferPointer, at offset: Int) {
        var value = value
        var index = offset &+ digits
        while index > offset {
            index &-= 1
            let digit = UInt8(truncatingIfNeeded: value & 15)
            target[index] = digit < 10 ? 0x30 &+ digit : 0x57 &+ digit
            value >>= 4
        }
    }

    /// - Returns: `nil` if one of them is no digit.
    static func read(_ bytes: UnsafeRawBufferPointer, at offset: Int, digits: Int) -> UInt64? {
        var value: UInt64 = 0
        for index in offset..<(offset &+ digits) {
            let byte = bytes[index]
            let digit: UInt8
            switch byte {
            case 0x30...0x39: digit = byte &- 0x30
            case 0x61...0x66: digit = byte &- 0x57
            default: return nil
            }
            value = value << 4 | UInt64(digit)
        }
        return value
    }
}
