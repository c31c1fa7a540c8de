import Testing
import WebSocketCore

@Suite("Inflater (RFC 7692 §7.2.2)")
struct InflaterTests {
    struct Vector: CustomTestStringConvertible {
        let name: String
        let payload: [UInt8]
        let message: [UInt8]
        var testDescription: String { self.name }

        init(_ name: String, _ payload: [UInt8], _ message: String) {
            self.init(name, payload, Array(message.utf8))
        }

        init(_ name: String, _ payload: [UInt8], _ message: [UInt8]) {
            self.name = name
            self.payload = payload
            self.message = message
        }
    }

    /// The examples of RFC 7692 §7.2.3, and messages made with CPython's zlib module.
    static let vectors: [Vector] = [
        Vector("§7.2.3.1 one block", [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00], "Hello"),
        Vector(
            "§7.2.3.3 stored block", [0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x00], "Hello"),
        Vector("§7.2.3.4 final block", [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00], "Hello"),
        Vector(
            "§7.2.3.5 two blocks",
            [0xF2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xCA, 0xC9, 0xC9, 0x07, 0x00], "Hello"),
        Vector("§7.2.3.6 empty", [0x00], ""),
        Vector("empty, final stored block", [0x01], ""),
        Vector("empty, final fixed block", [0x03, 0x00, 0x00], ""),
        Vector(
            "many empty blocks", Array(repeating: [0x00, 0x00, 0x00, 0xFF, 0xFF], count: 50).flatMap { $0 } + [0], ""),
        Vector(
            "fixed Huffman codes",
            [
                0x4A, 0xCB, 0xAC, 0x48, 0x4D, 0x51, 0xC8, 0x28, 0x4D, 0x4B, 0xCB, 0x4D, 0xCC, 0x53, 0x48, 0xCE, 0x4F,
                0x49, 0x2D, 0x06, 0x00,
            ], "fixed huffman codes"),
        Vector(
            "window of 9 bits, back references",
            [0x4A, 0x4C, 0x4A, 0x4E, 0x1C, 0x45, 0xA3, 0x88, 0xDA, 0x08, 0x00],
            Array(repeating: Array("abcabcabcabcabc".utf8), count: 40).flatMap { $0 }),
        Vector(
            "dynamic Huffman codes without references",
            [
                0x04, 0xC1, 0x83, 0x01, 0xC3, 0x00, 0x00, 0x00, 0xB0, 0xDA, 0xB6, 0x57, 0xDB, 0x76, 0xFF, 0xFF, 0x6A,
                0x09, 0x00, 0x42, 0x30, 0x82, 0x62, 0x38, 0x41, 0x52, 0x34, 0xC3, 0x72, 0xBC, 0x20, 0x4A, 0xB2, 0xA2,
                0x6A, 0xBA, 0x61, 0x5A, 0xB6, 0xE3, 0x7A, 0x3F, 0x3F, 0x08, 0xA3, 0x38, 0x49, 0xB3, 0xBC, 0x28, 0xAB,
                0xBA, 0x69, 0xBB, 0x7E, 0x18, 0xA7, 0x79, 0x59, 0xB7, 0xFD, 0x38, 0xAF, 0xFB, 0x79, 0x3F, 0x00, 0x84,
                0x60, 0x04, 0xC5, 0x70, 0x82, 0xA4, 0x68, 0x86, 0xE5, 0x78, 0x41, 0x94, 0x64, 0x45, 0xD5, 0x74, 0xC3,
                0xB4, 0x6C, 0xC7, 0xF5, 0x7E, 0x7E, 0x10, 0x46, 0x71, 0x92, 0x66, 0x79, 0x51, 0x56, 0x75, 0xD3, 0x76,
                0xFD, 0x30, 0x4E, 0xF3, 0xB2, 0x6E, 0xFB, 0x71, 0x5E, 0xF7, 0xF3, 0x7E, 0x7F, 0x00,
            ], Array(0..<64) + Array(0..<64)),
        Vector(
            "two final blocks, the second refers back", twoStreams + [0x00], "one message, one message, two streams"),
        Vector("ends with a final block, nothing after it", twoStreams, "one message, one message, two streams"),
        Vector(
            "flush bytes left in place", [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00, 0x00, 0xFF, 0xFF], "Hello"),
        Vector("no payload at all", [], ""),
    ]

    /// Two DEFLATE streams, each ending with BFINAL = 1; the second was primed with the first as its dictionary.
    private static let twoStreams: [UInt8] = [
        0xCB, 0xCF, 0x4B, 0x55, 0xC8, 0x4D, 0x2D, 0x2E, 0x4E, 0x4C, 0x4F, 0xD5, 0x51, 0x00, 0x00, 0xCB, 0x47, 0xE6,
        0x94, 0x94, 0xE7, 0x2B, 0x14, 0x97, 0x14, 0xA5, 0x26, 0xE6, 0x16, 0x03, 0x00,
    ]

    @Test("inflates", arguments: vectors)
    func inflates(_ vector: Vector) throws {
        let expected = Inflation(outcome: .done, bytes: vector.message)
        var inflater = try makeInflater()
        for _ in 0..<3 {  // Whatever a message looks like, the next one is understood.
            let whole = inflater.message(vector.payload)
            #expect(whole == expected)
            let pieces = inflater.messageByteByByte(vector.payload)
            #expect(pieces == expected)
        }
        for cut in vector.payload.indices {
            let halves = inflater.message([vector.payload[..<cut], vector.payload[cut...]])
            #expect(halves == expected, "cut at \(cut)")
        }
    }

    @Test("a message may refer back to the one before it (§7.2.3.2), but not after a reset")
    func contextTakeover() throws {
        var inflater = try makeInflater()
        let first = inflater.message([0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00])
        let second = inflater.message([0xF2, 0x00, 0x11, 0x00, 0x00])
        #expect(first.bytes == Array("Hello".utf8))
        #expect(second == first)
        inflater.reset()
        let third = inflater.message([0xF2, 0x00, 0x11, 0x00, 0x00])
        #expect(third.outcome == .corrupt)
    }

    /// The second message was made by a compressor primed with the first one as its dictionary.
    @Test("the window outlives a final block", arguments: [true, false])
    func windowSurvivesFinalBlock(endsWithZeroByte: Bool) throws {
        let first: [UInt8] = [
            0x4B, 0xCE, 0xCF, 0x2B, 0x49, 0xAD, 0x28, 0x51, 0x28, 0x49, 0xCC, 0x4E, 0xCD, 0x2F, 0x4B, 0x2D, 0x52, 0x28,
            0x2E, 0x2D, 0x2A, 0xCB, 0x2C, 0x4B, 0x2D, 0x56, 0x48, 0x54, 0x48, 0xCB, 0xCC, 0x4B, 0xCC, 0x51, 0x48, 0xCA,
            0xC9, 0x4F, 0xCE, 0x06, 0x00,
        ]
        let second: [UInt8] = [0x42, 0xE1, 0xC0, 0xD5, 0x58, 0x29, 0x24, 0xA3, 0x69, 0x07, 0x00]
        var inflater = try makeInflater()
        let one = inflater.message(endsWithZeroByte ? first + [0x00] : first)
        #expect(one == Inflation(outcome: .done, bytes: Array("context takeover survives a final block".utf8)))
        let two = inflater.message(second)
        #expect(two == Inflation(outcome: .done, bytes: Array("a final block survives: context takeover".utf8)))

        var fresh = try makeInflater()
        let withoutWindow = fresh.message(second)
        #expect(withoutWindow.outcome == .corrupt)
    }

    @Test(
        "refuses what is not DEFLATE, or ends too early",
        arguments: [
            ("block type 3", [0x07]),
            ("reserved bits of a stored block's length", [0x00, 0x05, 0x00, 0xFA, 0xFE, 0x48]),
            ("distance before the window", [0x02, 0x07, 0x00]),
            ("one byte of a fixed block", [0xF2]),
            ("ends within a fixed block", [0xF2, 0x48, 0xCD]),
            ("ends without the empty stored block", [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07]),
            ("a stored block whose last four bytes are missing", [0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48]),
            ("a stored block of which all is missing", [0x00, 0x05, 0x00, 0xFA, 0xFF]),
            ("a stored block without its length", [0x00, 0x05]),
            ("ends within the code lengths of a dynamic block", [0x04, 0xC1, 0x83, 0x01]),
            ("too many length symbols", [0xFC, 0xFF, 0xFF, 0xFF]),
            ("text", Array("Hello, world".utf8)),
            ("junk behind a final block", [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x77, 0x77]),
            ("a zlib header", [0x78, 0x9C, 0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]),
            ("a gzip header", [0x1F, 0x8B, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00]),
        ] as [(String, [UInt8])])
    func refuses(_ name: String, _ payload: [UInt8]) throws {
        var inflater = try makeInflater()
        let whole = inflater.message(payload)
        #expect(whole.outcome == .corrupt)
        let next = inflater.message([0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00])
        #expect(next == Inflation(outcome: .corrupt, bytes: []), "the stream stays lost")
        inflater.reset()
        let pieces = inflater.messageByteByByte(payload)
        #expect(pieces == whole)
        inflater.reset()
        let afterReset = inflater.message([0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00])
        #expect(afterReset == Inflation(outcome: .done, bytes: Array("Hello".utf8)))
    }

    @Test("every proper prefix of a message is refused, but for the one that lacks no bit")
    func truncated() throws {
        var random = PayloadGenerator(seed: 3)
        var deflater = try makeDeflater(level: 9)
        let payload = deflater.compressed(random.json(2000))
        for length in 1..<payload.count - 1 {
            var inflater = try makeInflater()
            let message = inflater.message(Array(payload.prefix(length)))
            #expect(message.outcome == .corrupt, "the first \(length) of \(payload.count) bytes")
        }
    }

    @Test("takes windows of 8 to 15 bits, and no others")
    func windowBits() {
        for windowBits in [-15, 0, 7, 16, 31, 47, .max, .min] {
            let isThere = Inflater(windowBits: windowBits) != nil
            #expect(!isThere, "\(windowBits)")
        }
        for windowBits in 8...15 {
            let isThere = Inflater(windowBits: windowBits) != nil
            #expect(isThere, "\(windowBits)")
        }
    }

    @Test("refuses a distance beyond a small window that a larger one accepts")
    func smallWindow() throws {
        var random = PayloadGenerator(seed: 4)
        let block = random.noise(600)
        var deflater = try makeDeflater(level: 9, windowBits: 15)
        let first = deflater.compressed(block)
        let second = deflater.compressed(block)
        #expect(second.count < 40)

        var large = try makeInflater(windowBits: 15)
        _ = large.message(first)
        let understood = large.message(second)
        #expect(understood == Inflation(outcome: .done, bytes: block))

        var small = try makeInflater(windowBits: 9)
        _ = small.message(first)
        let refused = small.message(second)
        #expect(refused.outcome == .corrupt)
    }
}
