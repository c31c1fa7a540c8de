import Testing

@testable import LoadGenerator

@Suite("The mark of a published message")
struct BroadcastMarkTests {
    private static let mark = BroadcastMark(run: 0xDEAD_BEEF, publisher: 0x12AB, number: 0xFFFF_FFFF, time: .max - 5)

    private static func bytes(_ mark: BroadcastMark, size: Int = BroadcastMark.byteCount) -> [UInt8] {
        var bytes = [UInt8](repeating: UInt8(ascii: "."), count: size)
        bytes.withUnsafeMutableBytes { mark.write(to: $0) }
        return bytes
    }

    private static func find(_ bytes: [UInt8]) -> BroadcastMark? {
        bytes.withUnsafeBytes { BroadcastMark.find(in: $0) }
    }

    @Test("is text, and says what was written")
    func roundTrip() {
        let bytes = Self.bytes(Self.mark)
        #expect(String(decoding: bytes, as: UTF8.self) == "~deadbeef.12ab.ffffffff.fffffffffffffffa~")
        #expect(Self.find(bytes) == Self.mark)
    }

    @Test("is found in an envelope", arguments: [0, 1, 40, 500, 1023])
    func envelope(offset: Int) {
        // The envelope has edges of its own.
        let envelope = (0..<offset).map { UInt8(ascii: $0 % 7 == 0 ? "~" : "{") }
        #expect(Self.find(envelope + Self.bytes(Self.mark) + Array("\"}".utf8)) == Self.mark)
    }

    @Test("is not looked for without end, and not in what is too short")
    func notFound() {
        #expect(Self.find([]) == nil)
        #expect(Self.find([UInt8](repeating: UInt8(ascii: "~"), count: 4096)) == nil)
        #expect(Self.find([UInt8](repeating: 0, count: 1024) + Self.bytes(Self.mark)) == nil)
        let bytes = Self.bytes(Self.mark)
        for count in 0..<bytes.count { #expect(Self.find(Array(bytes.prefix(count))) == nil) }
    }

    @Test("is nothing with any byte of it wrong", arguments: 0..<41)
    func damaged(index: Int) {
        var bytes = Self.bytes(Self.mark)
        bytes[index] = UInt8(ascii: "G")
        #expect(Self.find(bytes) == nil)
    }
}
