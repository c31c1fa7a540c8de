import Testing
import WebSocketCore
import WebSocketTesting

@Suite("RFC 6455 §5.2 Base framing protocol, §5.7 Examples")
struct Section5Framing {
    @Test(
        "RSV1, RSV2, RSV3 MUST be 0 unless an extension is negotiated that defines meanings for them (§5.2)",
        arguments: Role.both, UInt8(0)...7)
    func reservedBits(role: Role, bits: UInt8) {
        for opcode in [Opcode.text, .binary, .ping, .pong] {
            let transcript = received(FrameBytes(opcode, [0x41], reserved: bits), by: role)
            if bits == 0 {
                #expect(transcript.wasOpen)
            } else {
                expectFailed(transcript, .reservedBitsSet(ReservedBits(rawValue: bits << 4)), 1002)
                #expect(transcript.messages.isEmpty)
            }
        }
    }

    @Test("Reserved bits are refused on continuation and close frames too (§5.2)", arguments: Role.both, UInt8(1)...7)
    func reservedBitsOfOtherFrames(role: Role, bits: UInt8) {
        let set = ProtocolViolation.Reason.reservedBitsSet(ReservedBits(rawValue: bits << 4))
        let first = FrameBytes.text("a", isFinal: false)
        expectFailed(received(first, FrameBytes(.continuation, [], reserved: bits), by: role), set, 1002)
        expectFailed(received(FrameBytes(.close, [0x03, 0xE8], reserved: bits), by: role), set, 1002)
    }

    @Test("The bits are refused whatever is wrong behind them, and however the bytes come (§5.2)", arguments: Role.both)
    func reservedBitsBeforeLength(role: Role) {
        let long = FrameBytes(0x9, Array(repeating: 0, count: 126), reserved: 4)
        expectFailed(received(long, by: role), .reservedBitsSet(.rsv1), 1002)
        let padded = FrameBytes(0x2, [0], reserved: 2, lengthForm: .twoBytes)
        expectFailed(received(padded, by: role), .reservedBitsSet(.rsv2), 1002)
        let huge = FrameBytes(0x1, [], reserved: 1, claimedLength: 1 << 63)
        expectFailed(received(huge, by: role), .reservedBitsSet(.rsv3), 1002)
    }

    @Test(
        "If an unknown opcode is received, the receiving endpoint MUST fail the connection (§5.2)",
        arguments: Role.both, UInt8(0)...15)
    func unknownOpcodes(role: Role, opcode: UInt8) {
        // A continuation needs a message before it, a Close frame ends the connection: both are looked at elsewhere.
        if opcode == 0x0 || opcode == 0x8 { return }
        for payload in [[], [0x41]] as [[UInt8]] {
            let transcript = received(FrameBytes(opcode, payload), by: role)
            if [0x1, 0x2, 0x9, 0xA].contains(opcode) {
                #expect(transcript.wasOpen)
            } else {
                expectFailed(transcript, .reservedOpcode(opcode), 1002)
            }
        }
    }

    @Test("Unknown opcodes are refused inside a fragmented message too (§5.2)", arguments: Role.both)
    func unknownOpcodesInsideMessage(role: Role) {
        for opcode in [3, 4, 5, 6, 7, 0xB, 0xC, 0xD, 0xE, 0xF] as [UInt8] {
            let first = FrameBytes.text("a", isFinal: false)
            expectFailed(received(first, FrameBytes(opcode, []), by: role), .reservedOpcode(opcode), 1002)
        }
    }

    @Test("The minimal number of bytes MUST be used to encode the length (§5.2)", arguments: Role.both)
    func minimalLength(role: Role) {
        for count in [0, 1, 124, 125] {
            let padded = FrameBytes(0x2, Array(repeating: 7, count: count), lengthForm: .twoBytes)
            expectFailed(received(padded, by: role), .lengthNotMinimal, 1002)
        }
        for count in [0, 125, 126, 65_535] {
            let header = FrameBytes(0x2, [], lengthForm: .eightBytes, claimedLength: UInt64(count))
            expectFailed(received(header, by: role), .lengthNotMinimal, 1002)
        }
        for count in [0, 125, 126, 127, 65_535, 65_536] {
            let payload = [UInt8](repeating: 7, count: count)
            expectMessages(received(.binary(payload), by: role), [.binary(payload)])
        }
    }

    @Test("The most significant bit of a 64-bit length MUST be 0 (§5.2)", arguments: Role.both)
    func sixtyFourBitLength(role: Role) {
        for length in [1 << 63, UInt64.max] {
            let frame = FrameBytes(0x2, [], claimedLength: length)
            expectFailed(received(frame, by: role), .lengthTooLarge, 1002)
        }
        // One less is a length like any other, and beyond the limit.
        let largest = FrameBytes(0x2, [], claimedLength: 1 << 63 - 1)
        let limit = Limits().maxMessageBytes
        expectFailed(received(largest, by: role), .frameTooLarge(bytes: 1 << 63 - 1, limit: limit), 1009)
    }

    @Test("Multibyte length quantities are expressed in network byte order (§5.2)", arguments: Role.both)
    func networkByteOrder(role: Role) throws {
        let short = [UInt8](repeating: 1, count: 0x0102)
        let long = [UInt8](repeating: 2, count: 0x01_0203)
        expectMessages(received(.binary(short), .binary(long), by: role), [.binary(short), .binary(long)])

        var sender = TestEndpoint(role: role)
        try sender.send(short, as: .binary)
        #expect(Array(sender.takeOutput().prefix(4)) == [0x82, role == .client ? 0xFE : 0x7E, 0x01, 0x02])
        try sender.send(long, as: .binary)
        let mask: UInt8 = role == .client ? 0x80 : 0
        #expect(Array(sender.takeOutput().prefix(10)) == [0x82, mask | 127, 0, 0, 0, 0, 0, 1, 2, 3])
    }

    @Test("What is sent uses the minimal number of bytes for its length (§5.2)", arguments: Role.both)
    func sentLength(role: Role) throws {
        var sender = TestEndpoint(role: role)
        for (count, header) in [(0, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)] {
            try sender.send([UInt8](repeating: 9, count: count), as: .binary)
            #expect(sender.takeOutput().count == header + (role == .client ? 4 : 0) + count)
        }
    }

    @Test("The frame boundary carries no meaning: empty messages are messages (§5.2)", arguments: Role.both)
    func emptyMessages(role: Role) {
        expectMessages(received(.text(""), .binary([]), .text(""), by: role), [.text(""), .binary([]), .text("")])
    }

    @Test("The examples of §5.7 mean what the RFC says")
    func examples() {
        let hello: [UInt8] = [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]
        expectMessages(received(bytes: hello, by: .client), [.text("Hello")])

        let masked: [UInt8] = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]
        expectMessages(received(bytes: masked, by: .server), [.text("Hello")])

        let fragments: [UInt8] = [0x01, 0x03, 0x48, 0x65, 0x6c, 0x80, 0x02, 0x6c, 0x6f]
        expectMessages(received(bytes: fragments, by: .client), [.text("Hello")])

        let ping: [UInt8] = [0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]
        #expect(received(bytes: ping, by: .client).sentFrames == [.pong(Array("Hello".utf8))])
        // The masked pong of the RFC is the answer that a server gets.
        let pong: [UInt8] = [0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]
        let answered = received(bytes: pong, by: .server)
        #expect(answered.events.first == .pong(nil) && answered.wasOpen)

        let medium = [UInt8](repeating: 0xA5, count: 256)
        expectMessages(received(bytes: [0x82, 0x7E, 0x01, 0x00] + medium, by: .client), [.binary(medium)])
        let large = [UInt8](repeating: 0x5A, count: 65_536)
        let header: [UInt8] = [0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0]
        expectMessages(received(bytes: header + large, by: .client), [.binary(large)])
    }

    @Test("A server writes the first example of §5.7, a client the second")
    func examplesWritten() throws {
        var server = TestEndpoint(role: .server)
        try server.send("Hello")
        #expect(server.takeOutput() == [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f])

        let key = MaskingKey(word: 0x3D21_FA37)
        let header = FrameHeader(opcode: .text, maskingKey: key, payloadBytes: 5)
        var bytes = [UInt8](repeating: 0, count: 11)
        let payload = Array("Hello".utf8)
        _ = bytes.withUnsafeMutableBytes { header.encode(payload.span.bytes, into: $0) }
        #expect(bytes == [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58])
    }

    @Test("Frames that arrive together are told in order, each once (§5.2)", arguments: Role.both)
    func manyFrames(role: Role) {
        let frames = (0..<50).map { FrameBytes.text("message \($0)").from(role.peer).bytes }
        expectMessages(received(bytes: Array(frames.joined()), by: role), (0..<50).map { .text("message \($0)") })
    }
}
