import Testing
import WebSocketCore
import WebSocketTesting

@Suite("Frame headers (RFC 6455 §5.2)")
struct FrameHeaderTests {
    private static let lengths = [0, 1, 125, 126, 127, 65_535, 65_536, 1 << 31, 1 << 32, Int.max]
    private static let keys: [MaskingKey?] = [
        nil, MaskingKey(word: 0), MaskingKey(word: 0x0403_0201), MaskingKey(word: .max),
    ]

    private static func encoded(_ header: FrameHeader) -> [UInt8] {
        var bytes = [UInt8](repeating: 0xEE, count: FrameHeader.maxHeaderBytes)
        let count = bytes.withUnsafeMutableBytes { header.encode(into: $0) }
        return Array(bytes[..<count])
    }

    private static var all: [FrameHeader] {
        var headers: [FrameHeader] = []
        for opcode in [Opcode.continuation, .text, .binary, .close, .ping, .pong] {
            for bits in UInt8(0)...7 {
                for key in Self.keys {
                    for length in Self.lengths where !opcode.isControl || length <= 125 {
                        for isFinal in opcode.isControl ? [true] : [true, false] {
                            headers.append(
                                FrameHeader(
                                    opcode: opcode, isFinal: isFinal, reservedBits: ReservedBits(rawValue: bits << 4),
                                    maskingKey: key, payloadBytes: length))
                        }
                    }
                }
            }
        }
        return headers
    }

    @Test("decode is the inverse of encode, and needs exactly the header's bytes")
    func roundTrip() {
        for header in Self.all {
            let bytes = Self.encoded(header)
            #expect(bytes.count == header.headerBytes)
            #expect(FrameHeader.decode(bytes.span.bytes) == .header(header, headerBytes: bytes.count))
            let more = bytes + [0xFF, 0xFF]
            #expect(FrameHeader.decode(more.span.bytes) == .header(header, headerBytes: bytes.count))
            for count in 0..<bytes.count {
                let some = Array(bytes[..<count])
                #expect(FrameHeader.decode(some.span.bytes) == .needMoreBytes)
            }
        }
    }

    @Test("encode writes what an independent writer writes, and nothing behind it")
    func independent() {
        for header in Self.all where header.payloadBytes <= 65_536 {
            let frame = FrameBytes(
                header.opcode.rawValue, [], isFinal: header.isFinal, reserved: header.reservedBits.rawValue >> 4,
                mask: header.maskingKey, claimedLength: header.payloadBytes)
            #expect(Self.encoded(header) == frame.bytes)
        }
        var memory = [UInt8](repeating: 0xEE, count: 20)
        let header = FrameHeader(opcode: .text, maskingKey: MaskingKey(word: 0), payloadBytes: 65_536)
        let count = memory.withUnsafeMutableBytes { header.encode(into: $0) }
        #expect(count == 14 && memory[14...].allSatisfy { $0 == 0xEE })
    }

    @Test(
        "a header takes 2 to 14 bytes",
        arguments: [(0, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10), (Int.max, 10)])
    func size(length: Int, bytes: Int) {
        #expect(FrameHeader(opcode: .binary, payloadBytes: length).headerBytes == bytes)
        #expect(
            FrameHeader(opcode: .binary, maskingKey: MaskingKey(word: 1), payloadBytes: length).headerBytes == bytes + 4
        )
    }

    @Test("a whole frame is header and payload, the copy masked")
    func wholeFrame() {
        for count in [0, 1, 125, 126, 300] {
            let payload = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
            for key in Self.keys {
                let header = FrameHeader(opcode: .binary, maskingKey: key, payloadBytes: count)
                var bytes = [UInt8](repeating: 0, count: header.headerBytes + count)
                let written = bytes.withUnsafeMutableBytes { header.encode(payload.span.bytes, into: $0) }
                #expect(written == bytes.count)
                #expect(bytes == FrameBytes(.binary, payload, mask: key).bytes)
            }
        }
    }

    @Test("a negative length is none")
    func negative() {
        #expect(FrameHeader(opcode: .text, payloadBytes: -1).payloadBytes == 0)
        #expect(FrameHeader(opcode: .text, payloadBytes: .min).payloadBytes == 0)
    }

    @Test("each violation is told by the first byte that makes it certain")
    func certainty() {
        let cases: [([UInt8], certainAfter: Int, ProtocolViolation.Reason)] = [
            ([0x83, 0x00], 1, .reservedOpcode(3)), ([0x8F, 0x00], 1, .reservedOpcode(15)),
            ([0x09, 0x00], 1, .fragmentedControlFrame), ([0x08, 0x00], 1, .fragmentedControlFrame),
            ([0x89, 0x7E, 0x00, 0x80], 2, .controlFrameTooLong), ([0x8A, 0xFF], 2, .controlFrameTooLong),
            ([0x82, 0x7E, 0x00, 0x7D], 4, .lengthNotMinimal), ([0x82, 0xFE, 0x00, 0x00], 4, .lengthNotMinimal),
            ([0x82, 0x7F, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF], 10, .lengthNotMinimal),
            ([0x82, 0x7F, 0x80, 0, 0, 0, 0, 0, 0, 0], 3, .lengthTooLarge), ([0x82, 0xFF, 0xFF], 3, .lengthTooLarge),
        ]
        for (bytes, certainAfter, reason) in cases {
            for count in 0...bytes.count {
                let some = Array(bytes[..<count])
                let expected: FrameHeader.Decoded = count < certainAfter ? .needMoreBytes : .violation(.init(reason))
                #expect(FrameHeader.decode(some.span.bytes) == expected, "\(some)")
            }
        }
    }

    @Test("no bytes of any kind trap, and what decodes encodes to the same bytes", arguments: UInt64(0)..<50)
    func noise(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<200 {
            let bytes = random.bytes(Int(random.next() % 16))
            guard case .header(let header, let count) = FrameHeader.decode(bytes.span.bytes) else { continue }
            #expect(Self.encoded(header) == Array(bytes[..<count]), "seed \(seed)")
        }
    }

    @Test("the independent reader of the tests reads what the independent writer writes")
    func testTools() {
        for frame in [FrameBytes.text("a"), .binary(Array(repeating: 1, count: 70_000)), .close(1000, "r"), .ping([1])]
        {
            for key in Self.keys {
                var sent = frame
                sent.mask = key
                #expect(FrameBytes.frames(in: sent.bytes + [0x81]) == [sent])
            }
        }
        #expect(FrameBytes.frames(in: []).isEmpty)
        #expect(FrameBytes.frames(in: FrameBytes.binary([1, 2, 3]).bytes.dropLast()).isEmpty)
    }
}
