import Testing
import WebSocketCore
import WebSocketTesting

@Suite("RFC 7692 §6 Framing")
struct Section6Framing {
    private static let hello: [UInt8] = [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]

    @Test("RSV1 on the first frame of a message says that it is compressed (§6)", arguments: Role.both)
    func compressedBit(role: Role) {
        expectMessages(received(compressed(.text, Self.hello), by: role), [.text("Hello")])
        expectMessages(received(compressed(.binary, Self.hello), by: role), [.binary(Array("Hello".utf8))])
    }

    @Test("Without RSV1 the message is not compressed, although the extension is in use (§6)", arguments: Role.both)
    func uncompressed(role: Role) {
        expectMessages(received(.text("Hello"), .binary(Self.hello), by: role), [.text("Hello"), .binary(Self.hello)])
    }

    @Test("Compressed and uncompressed messages may alternate (§6)", arguments: Role.both)
    func alternating(role: Role) {
        let transcript = received(
            .text("a"), compressed(.text, Self.hello), .binary([1]),
            compressed(.binary, [0xF2, 0x00, 0x11, 0x00, 0x00]),
            .text("b", isFinal: false), .continuation([0x63]), by: role)
        expectMessages(
            transcript, [.text("a"), .text("Hello"), .binary([1]), .binary(Array("Hello".utf8)), .text("bc")])
    }

    @Test("RSV1 without the extension fails the connection (RFC 6455 §5.2)", arguments: Role.both)
    func notNegotiated(role: Role) {
        expectFailed(received(compressed(.text, Self.hello), by: role, deflate: nil), .reservedBitsSet(.rsv1), 1002)
    }

    @Test("An endpoint MUST NOT set RSV1 on control frames (§6)", arguments: Role.both, [Opcode.ping, .pong, .close])
    func controlFrames(role: Role, opcode: Opcode) {
        expectFailed(received(compressed(opcode, [0x03, 0xE8]), by: role), .reservedBitsSet(.rsv1), 1002)
        #expect(received(FrameBytes(opcode, [0x03, 0xE8]), by: role).violation == nil)
    }

    @Test("An endpoint MUST NOT set RSV1 on non-first fragments (§6.1)", arguments: Role.both)
    func continuations(role: Role) {
        let first = compressed(.text, Array(Self.hello.prefix(3)), isFinal: false)
        let rest = Array(Self.hello.dropFirst(3))
        expectFailed(received(first, compressed(.continuation, rest), by: role), .reservedBitsSet(.rsv1), 1002)
        expectMessages(received(first, .continuation(rest), by: role), [.text("Hello")])
        // Nor does a continuation make a message compressed that was begun uncompressed.
        let plain = FrameBytes.text("a", isFinal: false)
        expectFailed(received(plain, compressed(.continuation, rest), by: role), .reservedBitsSet(.rsv1), 1002)
    }

    @Test(
        "RSV2 and RSV3 have no meaning, alone or with RSV1 (§6)", arguments: Role.both, [1, 2, 3, 5, 6, 7] as [UInt8])
    func otherBits(role: Role, bits: UInt8) {
        expectFailed(
            received(FrameBytes(.text, Self.hello, reserved: bits), by: role),
            .reservedBitsSet(ReservedBits(rawValue: bits << 4)), 1002)
    }

    @Test("A compressed message may be fragmented anywhere (§6.1)", arguments: Role.both)
    func fragments(role: Role) {
        for first in 0...Self.hello.count {
            for second in first...Self.hello.count {
                let transcript = received(
                    compressed(.text, Array(Self.hello[..<first]), isFinal: false),
                    .continuation(Array(Self.hello[first..<second]), isFinal: false),
                    .continuation(Array(Self.hello[second...])), by: role)
                expectMessages(transcript, [.text("Hello")])
            }
        }
    }

    @Test("Control frames stand between compressed fragments and are not compressed (§6.1)", arguments: Role.both)
    func controlFramesBetween(role: Role) {
        let transcript = received(
            compressed(.text, [0xF2, 0x48], isFinal: false), .ping([1]), .continuation([0xCD, 0xC9], isFinal: false),
            .pong([2]), .continuation([0xC9, 0x07, 0x00]), by: role)
        expectMessages(transcript, [.text("Hello")])
        #expect(transcript.sentFrames == [.pong([1])])
    }

    @Test("A Close frame between compressed fragments ends the connection cleanly (§6.1)", arguments: Role.both)
    func closeBetween(role: Role) {
        let transcript = received(compressed(.text, [0xF2, 0x48], isFinal: false), .close(1000), by: role)
        #expect(transcript.closure?.isClean == true)
        #expect(transcript.messages.isEmpty)
    }

    @Test("A new message inside a compressed one is refused (RFC 6455 §5.4)", arguments: Role.both)
    func interleaved(role: Role) {
        let first = compressed(.text, [0xF2, 0x48], isFinal: false)
        expectFailed(received(first, compressed(.text, Self.hello), by: role), .messageInsideMessage, 1002)
        expectFailed(received(first, .text("a"), by: role), .messageInsideMessage, 1002)
    }

    @Test("A sender sets RSV1 on the first frame of a compressed message only (§6)", arguments: Role.both)
    func sent(role: Role) throws {
        let text = Array(String(repeating: "compress me ", count: 100).utf8)
        var endpoint = TestEndpoint(role: role, deflate: settings())
        try endpoint.send(text, as: .text)
        try endpoint.send(text, as: .text, position: .first)
        endpoint.ping(1)
        try endpoint.send(text, as: .text, position: .middle)
        try endpoint.send(text, as: .text, position: .last)
        endpoint.close(.normal)
        let frames = FrameBytes.frames(in: endpoint.takeOutput())
        #expect(frames.map(\.opcode) == [1, 1, 9, 0, 0, 8])
        #expect(frames.map(\.reserved) == [4, 4, 0, 0, 0, 0])
        #expect(frames.filter { $0.opcode < 8 }.allSatisfy { $0.payload.count < text.count / 4 })
    }

    @Test("A sender without the extension never sets RSV1 (§6)", arguments: Role.both)
    func sentWithout(role: Role) throws {
        let text = Array(String(repeating: "compress me ", count: 100).utf8)
        var endpoint = TestEndpoint(role: role)
        try endpoint.send(text, as: .text, compress: true)
        let frames = FrameBytes.frames(in: endpoint.takeOutput())
        #expect(frames.map(\.reserved) == [0])
        #expect(frames.first?.payload == text)
    }

    @Test("A sender may leave any message uncompressed (§6, §8)", arguments: Role.both)
    func sentUncompressed(role: Role) throws {
        let text = Array(String(repeating: "secret ", count: 300).utf8)
        var pair = WiredPair(deflate: settings())
        var frames: [FrameBytes] = []
        switch role {
        case .client:
            try pair.client.send(text, as: .text)
            try pair.client.send(text, as: .text, compress: false)
            try pair.client.send(text, as: .text)
            pair.run()
            #expect(pair.server.takeEvents() == Array(repeating: .message(.text, text), count: 3))
        case .server:
            try pair.server.send(text, as: .text)
            try pair.server.send(text, as: .text, compress: false)
            try pair.server.send(text, as: .text)
            frames = FrameBytes.frames(in: pair.server.takeOutput())
            #expect(frames.map(\.reserved) == [4, 0, 4])
            #expect(frames[1].payload == text)
        }
    }

    @Test("Messages below the threshold are sent uncompressed, from it on compressed (§6)", arguments: Role.both)
    func threshold(role: Role) throws {
        var endpoint = TestEndpoint(role: role, deflate: settings(minimumBytes: 100))
        for count in [0, 99, 100, 101] { try endpoint.send([UInt8](repeating: 0x41, count: count), as: .binary) }
        #expect(FrameBytes.frames(in: endpoint.takeOutput()).map(\.reserved) == [0, 0, 4, 4])
    }
}
