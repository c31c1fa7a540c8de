import Testing
import WebSocketTesting

@testable import WebSocketCore

@Suite("UTF-8 across pieces (RFC 6455 §8.1, RFC 3629)")
struct UTF8ValidatorTests {
    /// The bytes at which the table of RFC 3629 §4 changes its mind, and their neighbours.
    private static let edges: [UInt8] = [
        0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE, 0xEF,
        0xF0,
        0xF1, 0xF3, 0xF4, 0xF5, 0xFF,
    ]

    /// Whether the bytes are valid in themselves, told by arithmetic and without the standard library.
    private static func isValid(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while let first = rest.popFirst() {
            if first < 0x80 { continue }
            let length = first >= 0xF0 ? 4 : (first >= 0xE0 ? 3 : 2)
            guard first >= 0xC0, first < 0xF8, rest.count >= length - 1 else { return false }
            var value = UInt32(first) & (0x7F >> UInt32(length))
            for byte in rest.prefix(length - 1) {
                guard byte & 0xC0 == 0x80 else { return false }
                value = value << 6 | UInt32(byte & 0x3F)
            }
            rest = rest.dropFirst(length - 1)
            let least: [UInt32] = [0x80, 0x800, 0x1_0000]
            guard value >= least[length - 2], value <= 0x10_FFFF, !(0xD800...0xDFFF).contains(value) else {
                return false
            }
        }
        return true
    }

    /// Whether some text begins with the bytes.
    private static func isBeginning(_ bytes: [UInt8]) -> Bool {
        let endings: [[UInt8]] = [
            [], [0x80], [0xBF], [0x90], [0x80, 0x80], [0xBF, 0x80], [0x90, 0x80], [0x80, 0x80, 0x80],
            [0xBF, 0x80, 0x80],
            [0x90, 0x80, 0x80],
        ]
        return endings.contains { Self.isValid(bytes + $0) }
    }

    /// What the validator says of the bytes as a whole.
    private static func accepts(_ bytes: [UInt8]) -> Bool { UTF8Validator.isValid(bytes.span.bytes) }

    /// Feeds pieces; the answer to each, up to the first no, and whether the text was whole in the end.
    private static func answers(_ pieces: [[UInt8]]) -> (accepted: Bool, isComplete: Bool) {
        var validator = UTF8Validator()
        for piece in pieces where !validator.validate(piece.span.bytes) { return (false, false) }
        return (true, validator.isComplete)
    }

    /// Whole, in two at every place, and byte by byte: the answers must be those of the oracle.
    private static func agrees(_ bytes: [UInt8]) -> Bool {
        let isBeginning = Self.isBeginning(bytes)
        let isValid = Self.isValid(bytes)
        if Self.accepts(bytes) != isValid { return false }
        var ways = (0...bytes.count).map { [Array(bytes[..<$0]), Array(bytes[$0...])] }
        ways.append(bytes.map { [$0] })
        return ways.allSatisfy { pieces in
            let (accepted, isComplete) = Self.answers(pieces)
            return accepted == isBeginning && (!accepted || isComplete == isValid)
        }
    }

    @Test("judges every sequence of one byte")
    func oneByte() {
        for byte in UInt8.min...UInt8.max { #expect(Self.agrees([byte]), "\(byte)") }
    }

    @Test("judges every sequence of two bytes, whole and apart")
    func twoBytes() {
        var wrong: [[UInt8]] = []
        for first in UInt8.min...UInt8.max {
            for second in UInt8.min...UInt8.max {
                let bytes = [first, second]
                let isValid = Self.isValid(bytes)
                let (accepted, isComplete) = Self.answers([[first], [second]])
                if Self.accepts(bytes) != isValid || (accepted && isComplete) != isValid
                    || (String(validating: bytes, as: UTF8.self) != nil) != isValid
                {
                    wrong.append(bytes)
                }
            }
        }
        #expect(wrong.isEmpty)
    }

    @Test("judges sequences of three bytes at the edges, however they are cut")
    func threeBytes() {
        var wrong: [[UInt8]] = []
        for first in Self.edges {
            for second in Self.edges {
                for third in Self.edges where !Self.agrees([first, second, third]) {
                    wrong.append([first, second, third])
                }
            }
        }
        #expect(wrong.isEmpty)
    }

    @Test(
        "judges sequences of four bytes at the edges, however they are cut",
        arguments: [0x41, 0xC2, 0xE0, 0xED, 0xEF, 0xF0, 0xF1, 0xF4, 0xF5] as [UInt8])
    func fourBytes(first: UInt8) {
        var wrong: [[UInt8]] = []
        let inner: [UInt8] = [0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC2]
        for second in inner {
            for third in inner {
                for fourth in [0x41, 0x80, 0xBF, 0xC0] as [UInt8] where !Self.agrees([first, second, third, fourth]) {
                    wrong.append([first, second, third, fourth])
                }
            }
        }
        #expect(wrong.isEmpty)
    }

    @Test("judges every code point's own encoding, surrogates included", arguments: 0...16)
    func everyCodePoint(plane: Int) {
        var wrong: [UInt32] = []
        for low in stride(from: 0, through: 0xFFFF, by: plane == 0 ? 1 : 61) {
            let value = UInt32(plane << 16 | low)
            let bytes: [UInt8]
            if value < 0x80 {
                bytes = [UInt8(value)]
            } else if value < 0x800 {
                bytes = [0xC0 | UInt8(value >> 6), 0x80 | UInt8(value & 0x3F)]
            } else if value < 0x1_0000 {
                bytes = [0xE0 | UInt8(value >> 12), 0x80 | UInt8(value >> 6 & 0x3F), 0x80 | UInt8(value & 0x3F)]
            } else {
                bytes = [
                    0xF0 | UInt8(value >> 18), 0x80 | UInt8(value >> 12 & 0x3F), 0x80 | UInt8(value >> 6 & 0x3F),
                    0x80 | UInt8(value & 0x3F),
                ]
            }
            let isScalar = Unicode.Scalar(value) != nil
            let (accepted, isComplete) = Self.answers(bytes.map { [$0] })
            if Self.accepts(bytes) != isScalar || (accepted && isComplete) != isScalar {
                wrong.append(value)
            }
        }
        #expect(wrong.isEmpty)
    }

    @Test("agrees with the standard library on random text and noise, in random pieces", arguments: UInt64(0)..<300)
    func random(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var bytes: [UInt8] = []
        for _ in 0..<(random.next() % 60) {
            let value = UInt32(random.next() % 0x11_0000) >> UInt32(random.next() % 20)
            bytes += Array(String(Unicode.Scalar(value) ?? "é").utf8)
        }
        if random.next() % 2 == 0, !bytes.isEmpty {
            bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next())
        }
        if random.next() % 4 == 0 { bytes.removeLast(min(bytes.count, 1)) }
        var pieces: [[UInt8]] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = rest.prefix(Int(random.next() % 9))
            rest = rest.dropFirst(piece.count)
            pieces.append(Array(piece))
        }
        let isValid = String(validating: bytes, as: UTF8.self) != nil
        let (accepted, isComplete) = Self.answers(pieces)
        #expect((accepted && isComplete) == isValid, "seed \(seed), bytes \(bytes)")
        #expect(Self.accepts(bytes) == isValid, "seed \(seed), bytes \(bytes)")
    }

    @Test("finds one wrong byte anywhere in long text")
    func longText() {
        for count in [1, 7, 8, 9, 63, 64, 65, 200] {
            let text = [UInt8](repeating: 0x41, count: count)
            #expect(Self.accepts(text))
            for index in 0..<count {
                var wrong = text
                wrong[index] = 0xFF
                #expect(!Self.accepts(wrong))
                #expect(!Self.answers([wrong]).accepted)
                var right = text + [0x41]
                (right[index], right[index + 1]) = (0xC3, 0xA9)
                #expect(Self.accepts(right))
            }
        }
    }

    @Test("is satisfied with nothing at all")
    func empty() {
        #expect(Self.accepts([]))
        #expect(Self.answers([]) == (true, true))
        #expect(Self.answers([[], [0xC3], [], [0xA9], []]) == (true, true))
    }
}
