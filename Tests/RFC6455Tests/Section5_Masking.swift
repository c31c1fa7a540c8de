import Testing
import WebSocketCore
import WebSocketTesting

@Suite("RFC 6455 §5.1 Overview, §5.3 Client-to-server masking")
struct Section5Masking {
    private static let frames: [FrameBytes] = [
        .text("Hello"), .text(""), .binary([1, 2, 3]), .text("a", isFinal: false), .ping([1]), .pong([2]), .close(1000),
    ]

    @Test("A server MUST close the connection upon receiving a frame that is not masked (§5.1)", arguments: frames)
    func serverRefusesUnmasked(frame: FrameBytes) {
        expectFailed(received(bytes: frame.from(.server).bytes, by: .server), .frameNotMasked, 1002)
        #expect(received(bytes: frame.from(.client).bytes, by: .server).violation == nil)
    }

    @Test("A client MUST close a connection if it detects a masked frame (§5.1)", arguments: frames)
    func clientRefusesMasked(frame: FrameBytes) {
        expectFailed(received(bytes: frame.from(.client).bytes, by: .client), .frameMasked, 1002)
        // A key of zeros masks nothing, but the bit is set.
        let zero = frame.from(.client, mask: MaskingKey(word: 0)).bytes
        expectFailed(received(bytes: zero, by: .client), .frameMasked, 1002)
        #expect(received(bytes: frame.from(.server).bytes, by: .client).violation == nil)
    }

    @Test("The direction is checked on every frame, not only on the first (§5.1)")
    func everyFrame() {
        let server = FrameBytes.text("a").from(.client).bytes + FrameBytes.text("b").from(.server).bytes
        expectFailed(received(bytes: server, by: .server), .frameNotMasked, 1002)
        let client = FrameBytes.text("a").from(.server).bytes + FrameBytes.text("b").from(.client).bytes
        let refused = received(bytes: client, by: .client)
        expectFailed(refused, .frameMasked, 1002)
        #expect(refused.messages == [.text("a")])
        let continuation =
            FrameBytes.text("a", isFinal: false).from(.client).bytes
            + FrameBytes.continuation([]).from(.server).bytes
        expectFailed(received(bytes: continuation, by: .server), .frameNotMasked, 1002)
    }

    @Test("A client MUST mask all frames that it sends (§5.1)")
    func clientMasks() throws {
        var client = TestEndpoint(role: .client)
        try client.send("text")
        try client.send([], as: .binary)
        try client.send([1], as: .text, position: .first)
        try client.send([2], as: .text, position: .last)
        client.ping(1)
        client.receive(FrameBytes.ping([1, 2]).bytes)
        client.close(.normal)
        let frames = FrameBytes.frames(in: client.takeOutput())
        #expect(frames.map(\.opcode) == [1, 2, 1, 0, 9, 10, 8])
        #expect(frames.allSatisfy { $0.mask != nil })

        var failing = TestEndpoint(role: .client)
        failing.receive([0xFF])
        #expect(FrameBytes.frames(in: failing.takeOutput()).map { $0.mask != nil } == [true])
    }

    @Test("A server MUST NOT mask any frames that it sends (§5.1)")
    func serverDoesNotMask() throws {
        var server = TestEndpoint(role: .server)
        try server.send("text")
        try server.send([1], as: .binary, position: .first)
        try server.send([2], as: .binary, position: .last)
        server.ping(1)
        server.receive(FrameBytes.ping([1, 2]).from(.client).bytes)
        server.close(.normal)
        let frames = FrameBytes.frames(in: server.takeOutput())
        #expect(frames.map(\.opcode) == [1, 2, 0, 9, 10, 8])
        #expect(frames.allSatisfy { $0.mask == nil })
    }

    @Test("The client MUST pick a fresh masking key for each frame (§5.3)")
    func freshKeys() throws {
        var client = TestEndpoint(role: .client)
        for _ in 0..<50 { try client.send("the same") }
        for byte in 0..<50 { client.receive(FrameBytes.ping([UInt8(byte)]).bytes) }
        let keys = FrameBytes.frames(in: client.takeOutput()).compactMap(\.mask)
        #expect(keys.count == 100)
        #expect(Set(keys).count == 100)
    }

    @Test("Each control frame asks for a key of its own (§5.3)")
    func keysOfControlFrames() {
        var connection = WebSocketConnection(role: .client, configuration: ConnectionConfiguration(), now: .zero)
        connection.ping(1)
        connection.ping(2)
        connection.close(Close(.normal), now: .zero)
        var asked: UInt32 = 0
        var written: [UInt8] = []
        let key = {
            asked += 1
            return MaskingKey(word: asked)
        }
        connection.writeControlFrames(maskingKey: key) { count, write in
            var frame = [UInt8](repeating: 0, count: count)
            let end = frame.withUnsafeMutableBytes { write($0) }
            written += frame[..<end]
        }
        #expect(FrameBytes.frames(in: written).map { $0.mask?.word } == [1, 2, 3])
    }

    @Test("Octet i of the payload is combined with octet i MOD 4 of the key (§5.3)")
    func algorithm() {
        let key = MaskingKey(word: 0x0403_0201)  // 01 02 03 04 on the wire
        for count in 0...70 {
            let payload = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37) }
            let masked = payload.enumerated().map { $1 ^ UInt8($0 % 4 + 1) }
            let bytes = [0x82, 0x80 | UInt8(count), 1, 2, 3, 4] + masked
            expectMessages(received(bytes: bytes, by: .server), [.binary(payload)])

            var sent = [UInt8](repeating: 0, count: count + 6)
            let header = FrameHeader(opcode: .binary, maskingKey: key, payloadBytes: count)
            _ = sent.withUnsafeMutableBytes { header.encode(payload.span.bytes, into: $0) }
            #expect(sent == bytes)
        }
    }

    @Test("A server MUST remove masking for data frames received (§6.2)")
    func unmasked() {
        let text = "κόσμε, 😀 and so on, longer than one vector register of sixteen bytes"
        for word in [0, 1, 0x3D21_FA37, UInt32.max] {
            let whole = FrameBytes.text(text).from(.client, mask: MaskingKey(word: word))
            expectMessages(received(bytes: whole.bytes, by: .server), [.text(text)])
        }
    }

    @Test("Every fragment has a mask of its own, which begins anew (§5.3)")
    func masksOfFragments() {
        let fragments = [
            FrameBytes.binary([1, 2, 3], isFinal: false, mask: MaskingKey(word: 0x1111_2222)),
            FrameBytes.continuation([4, 5], isFinal: false, mask: MaskingKey(word: 0x3333_4444)),
            FrameBytes.continuation([6, 7, 8, 9, 10], mask: MaskingKey(word: 0x5555_6666)),
        ]
        expectMessages(
            received(bytes: fragments.flatMap(\.bytes), by: .server), [.binary([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])])
    }

    @Test("The payload of the sender stays as it is: masking works on the copy that is sent (§5.3)")
    func senderKeepsItsBytes() throws {
        var client = TestEndpoint(role: .client)
        let payload = Array("unchanged".utf8)
        try client.send(payload, as: .text)
        #expect(payload == Array("unchanged".utf8))
        #expect(FrameBytes.frames(in: client.takeOutput()).first?.payload == payload)
    }
}
