import Testing
import WebSocketTesting

@testable import WebSocketCore

@Suite("Encoding messages (RFC 6455 §5.4, §6.1)")
struct MessageEncoderTests {
    private static let key = MaskingKey(word: 0x0403_0201)

    private static func send(
        _ encoder: inout MessageEncoder, _ payload: [UInt8], _ kind: MessageKind = .binary,
        _ position: FramePosition = .whole, compress: Bool = true, deflate: ConnectionDeflate? = nil,
        role: Role = .server
    ) throws(SendError) -> FrameBytes {
        let frame = try encoder.frame(
            payload.span.bytes, kind, position, compress: compress, deflate: deflate,
            maskingKey: role == .client ? Self.key : nil)
        var bytes = [UInt8](repeating: 0, count: frame.byteCount)
        let written = bytes.withUnsafeMutableBytes {
            encoder.encode(frame, payload.span.bytes, into: $0, deflate: deflate)
        }
        let frames = FrameBytes.frames(in: bytes)
        guard written == bytes.count, frames.count == 1, frames[0].bytes == bytes else {
            Issue.record("not one frame: \(bytes)")
            return FrameBytes(0xF, [])
        }
        return frames[0]
    }

    private static func deflate(
        minimumBytes: Int = 0, dropsContext: Bool = false, pool: WorkingMemory = WorkingMemory()
    ) -> ConnectionDeflate {
        ConnectionDeflate(
            DeflateSettings(
                agreement: PerMessageDeflate.Agreement(serverNoContextTakeover: dropsContext),
                configuration: PerMessageDeflate.Configuration(minimumBytes: minimumBytes)),
            role: .server, memory: pool)
    }

    @Test("a whole message is one frame", arguments: [Role.client, .server], [MessageKind.text, .binary])
    func whole(role: Role, kind: MessageKind) throws {
        var encoder = MessageEncoder()
        for payload in [[], [0x41], Array(repeating: 0x42, count: 126), Array(repeating: 0x43, count: 65_536)]
            as [[UInt8]]
        {
            let frame = try Self.send(&encoder, payload, kind, role: role)
            let expected = FrameBytes(kind == .text ? .text : .binary, payload, mask: role == .client ? Self.key : nil)
            #expect(frame == expected)
        }
    }

    /// What may follow what, all pairs and triples of positions.
    @Test("the order of fragments is that of §5.4, in every sequence of three")
    func positions() {
        let positions: [FramePosition] = [.whole, .first, .middle, .last]
        for first in positions {
            for second in positions {
                for third in positions {
                    var encoder = MessageEncoder()
                    var isInside = false
                    for position in [first, second, third] {
                        let expected: SendError? =
                            switch position {
                            case .whole, .first: isInside ? .messageInProgress : nil
                            case .middle, .last: isInside ? nil : .noMessageInProgress
                            }
                        var error: SendError?
                        let result = Result { () throws(SendError) in try Self.send(&encoder, [1], .binary, position) }
                        if case .failure(let thrown) = result { error = thrown }
                        #expect(error == expected, "\(first) \(second) \(third)")
                        if expected == nil { isInside = position == .first || position == .middle }
                    }
                }
            }
        }
    }

    @Test("the kind of a later fragment is not looked at")
    func kindOfContinuation() throws {
        var encoder = MessageEncoder()
        let frames = [
            try Self.send(&encoder, [0x41], .text, .first), try Self.send(&encoder, [0x42], .binary, .middle),
            try Self.send(&encoder, [0x43], .binary, .last), try Self.send(&encoder, [0x44], .binary, .whole),
        ]
        #expect(frames.map(\.opcode) == [1, 0, 0, 2])
        #expect(frames.map(\.isFinal) == [false, false, true, true])
    }

    @Test("without an agreement nothing is compressed")
    func noAgreement() throws {
        var encoder = MessageEncoder()
        let frame = try Self.send(&encoder, Array(repeating: 0x41, count: 5000), compress: true)
        #expect(frame.reserved == 0 && frame.payload.count == 5000)
    }

    @Test("a message that is compressed says so in its first frame, once")
    func compressed() throws {
        var encoder = MessageEncoder()
        let payload = [UInt8](repeating: 0x41, count: 5000)
        let whole = try Self.send(&encoder, payload, deflate: Self.deflate())
        #expect(whole.reserved == 4 && whole.payload.count < 200)
        let frames = [
            try Self.send(&encoder, payload, .binary, .first, deflate: Self.deflate()),
            try Self.send(&encoder, payload, .binary, .middle, deflate: Self.deflate()),
            try Self.send(&encoder, payload, .binary, .last, deflate: Self.deflate()),
        ]
        #expect(frames.map(\.reserved) == [4, 0, 0])
        #expect(frames.allSatisfy { $0.payload.count < 200 })
    }

    @Test("a message begun uncompressed stays so, whatever its later fragments ask")
    func staysUncompressed() throws {
        var encoder = MessageEncoder()
        let payload = [UInt8](repeating: 0x41, count: 5000)
        let frames = [
            try Self.send(&encoder, payload, .binary, .first, compress: false, deflate: Self.deflate()),
            try Self.send(&encoder, payload, .binary, .last, compress: true, deflate: Self.deflate()),
        ]
        #expect(frames.map(\.reserved) == [0, 0])
        #expect(frames.allSatisfy { $0.payload == payload })
    }

    @Test("short whole messages are not worth it", arguments: [(999, 0), (1000, 4), (1001, 4)] as [(Int, UInt8)])
    func threshold(count: Int, reserved: UInt8) throws {
        var encoder = MessageEncoder()
        let payload = [UInt8](repeating: 0x41, count: count)
        let frame = try Self.send(&encoder, payload, deflate: Self.deflate(minimumBytes: 1000))
        #expect(frame.reserved == reserved)
    }

    @Test("an error leaves the encoder as it was")
    func errors() throws {
        var encoder = MessageEncoder()
        _ = try Self.send(&encoder, [1], .binary, .first)
        #expect(throws: SendError.messageInProgress) { try Self.send(&encoder, [9], .binary, .whole) }
        let last = try Self.send(&encoder, [2], .binary, .last)
        #expect(last == FrameBytes(.continuation, [2]))
        #expect(throws: SendError.noMessageInProgress) { try Self.send(&encoder, [9], .binary, .last) }
        let next = try Self.send(&encoder, [3])
        #expect(next == FrameBytes(.binary, [3]))
    }
}
