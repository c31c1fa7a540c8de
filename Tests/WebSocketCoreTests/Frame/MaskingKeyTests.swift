import Testing
import WebSocketCore
import WebSocketTesting

@Suite("Masking (RFC 6455 §5.3)")
struct MaskingKeyTests {
    private static let key = MaskingKey(word: 0xDDCC_BBAA)  // AA BB CC DD on the wire
    private static let keyBytes: [UInt8] = [0xAA, 0xBB, 0xCC, 0xDD]

    private static func masked(_ bytes: [UInt8], from offset: Int) -> [UInt8] {
        bytes.enumerated().map { $1 ^ Self.keyBytes[($0 + offset) % 4] }
    }

    @Test("is the definition of the RFC for every length and offset", arguments: 0..<4)
    func everyLength(offset: Int) {
        for count in 0...200 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ 3) }
            var result = bytes
            result.withUnsafeMutableBytes { Self.key.rotated(by: offset).apply(to: $0) }
            #expect(result == Self.masked(bytes, from: offset), "\(count) bytes")
            result.withUnsafeMutableBytes { Self.key.rotated(by: offset).apply(to: $0) }
            #expect(result == bytes)
        }
    }

    @Test("works at any alignment and touches nothing beside its bytes", arguments: 0..<16)
    func alignment(start: Int) {
        for count in [0, 1, 3, 4, 7, 8, 9, 15, 16, 17, 63, 64, 65, 80, 131] {
            var memory = [UInt8](repeating: 0x55, count: start + count + 16)
            memory.withUnsafeMutableBytes {
                Self.key.apply(to: UnsafeMutableRawBufferPointer(rebasing: $0[start..<(start + count)]))
            }
            #expect(memory[..<start].allSatisfy { $0 == 0x55 })
            #expect(memory[(start + count)...].allSatisfy { $0 == 0x55 })
            #expect(
                Array(memory[start..<(start + count)]) == Self.masked(Array(repeating: 0x55, count: count), from: 0))
        }
    }

    @Test("in pieces is the same as at once, wherever it is cut")
    func pieces() {
        let bytes = (0..<100).map { UInt8($0) }
        for cut in 0...100 {
            var result = bytes
            result.withUnsafeMutableBytes {
                Self.key.apply(to: UnsafeMutableRawBufferPointer(rebasing: $0[..<cut]))
                Self.key.rotated(by: cut).apply(to: UnsafeMutableRawBufferPointer(rebasing: $0[cut...]))
            }
            #expect(result == Self.masked(bytes, from: 0))
        }
    }

    @Test("takes a span as well as a pointer")
    func span() {
        var bytes: [UInt8] = [1, 2, 3, 4, 5]
        var mutable = bytes.mutableSpan
        var raw = mutable.mutableBytes
        Self.key.apply(to: &raw)
        #expect(bytes == Self.masked([1, 2, 3, 4, 5], from: 0))
    }

    @Test(
        "rotates by any offset, the greatest and negative ones too",
        arguments: [0, 1, 2, 3, 4, 5, 1 << 40, .max, -1, .min])
    func rotation(offset: Int) {
        let shift = (offset % 4 + 4) % 4
        let expected = (0..<4).reduce(UInt32(0)) { $0 | UInt32(Self.keyBytes[($1 + shift) % 4]) << (8 * UInt32($1)) }
        #expect(Self.key.rotated(by: offset).word == expected)
    }

    @Test("draws a fresh key each time, all of its bits in use")
    func fresh() {
        var random = SeededGenerator(seed: 1)
        let keys = (0..<1000).map { _ in MaskingKey(using: &random).word }
        #expect(Set(keys).count == 1000)
        #expect(keys.reduce(0, |) == .max && keys.reduce(.max, &) == 0)
    }
}
