import Testing
import WebSocketCore
import WebSocketTesting

@Suite("RFC 6455 §6 Sending and receiving data, §5.6 Data frames")
struct Section6SendingAndReceiving {
    @Test("The endpoint MUST ensure the connection is in the OPEN state before it sends (§6.1)", arguments: Role.both)
    func onlyWhenOpen(role: Role) throws {
        var endpoint = TestEndpoint(role: role)
        try endpoint.send("open")
        endpoint.close(.normal)
        #expect(throws: SendError.closed) { try endpoint.send("closing") }

        var answering = TestEndpoint(role: role)
        answering.receive(FrameBytes.close(1000).from(role.peer).bytes)
        #expect(throws: SendError.closed) { try answering.send("closing") }

        var failed = TestEndpoint(role: role)
        failed.receive([0xFF])
        #expect(throws: SendError.closed) { try failed.send("failed") }

        var ended = TestEndpoint(role: role)
        ended.receiveEndOfStream()
        #expect(throws: SendError.closed) { try ended.send("ended") }
    }

    @Test("If the state changes while a message is being sent, the endpoint MUST abort (§6.1)", arguments: Role.both)
    func abort(role: Role) throws {
        var endpoint = TestEndpoint(role: role)
        try endpoint.send([1], as: .binary, position: .first)
        endpoint.receive(FrameBytes.close(1001).from(role.peer).bytes)
        #expect(throws: SendError.closed) { try endpoint.send([2], as: .binary, position: .last) }
        #expect(FrameBytes.frames(in: endpoint.takeOutput()).map(\.opcode) == [2, 8])
    }

    @Test("The opcode of the first frame says text or binary, and FIN stands on the last (§6.1)", arguments: Role.both)
    func opcodeAndFIN(role: Role) throws {
        var endpoint = TestEndpoint(role: role)
        try endpoint.send("t")
        try endpoint.send([1], as: .binary)
        try endpoint.send([2], as: .binary, position: .first)
        try endpoint.send([3], as: .binary, position: .last)
        let frames = FrameBytes.frames(in: endpoint.takeOutput())
        #expect(frames.map(\.opcode) == [1, 2, 2, 0])
        #expect(frames.map(\.isFinal) == [true, true, false, true])
    }

    @Test(
        "What one end sends is what the other receives, byte for byte (§6.1, §6.2)",
        arguments: [WiredPair.Wire.whole, .pieces(upTo: 1), .pieces(upTo: 1000)])
    func roundTrip(wire: WiredPair.Wire) throws {
        var pair = WiredPair(wire: wire)
        var random = SeededGenerator(seed: 6)
        let sizes = [0, 1, 2, 15, 16, 17, 63, 64, 65, 124, 125, 126, 127, 128, 1000, 4095, 4096, 4097]
        var expected: [EndpointEvent] = []
        for size in sizes {
            let payload = random.bytes(size)
            expected.append(.binary(payload))
            try pair.client.send(payload, as: .binary)
            try pair.server.send(payload, as: .binary)
            pair.run()
        }
        #expect(pair.server.takeEvents() == expected)
        #expect(pair.client.takeEvents() == expected)
    }

    @Test("Large messages cross the boundary of the 16-bit length (§6.1)", arguments: [65_534, 65_535, 65_536, 65_537])
    func large(size: Int) throws {
        var pair = WiredPair(wire: .pieces(upTo: 20_000))
        var random = SeededGenerator(seed: UInt64(size))
        let payload = random.bytes(size)
        try pair.client.send(payload, as: .binary)
        try pair.server.send(payload, as: .binary)
        pair.run()
        #expect(pair.server.takeEvents() == [.binary(payload)])
        #expect(pair.client.takeEvents() == [.binary(payload)])
    }

    @Test(
        "A message is delivered when its last frame has arrived, not before and not later (§6.2)",
        arguments: Role.both)
    func delivery(role: Role) {
        var endpoint = TestEndpoint(role: role)
        let bytes = FrameBytes.text("Hello").from(role.peer).bytes
        endpoint.receiveByteByByte(Array(bytes.dropLast()))
        #expect(endpoint.events.isEmpty)
        endpoint.receive([bytes[bytes.count - 1]])
        #expect(endpoint.takeEvents() == [.text("Hello")])

        endpoint.receive(FrameBytes.binary([1], isFinal: false).from(role.peer).bytes)
        endpoint.receive(FrameBytes.continuation([2], isFinal: false).from(role.peer).bytes)
        #expect(endpoint.events.isEmpty)
        endpoint.receive(FrameBytes.continuation([]).from(role.peer).bytes)
        #expect(endpoint.takeEvents() == [.binary([1, 2])])
    }

    @Test("Text and binary messages are told apart (§5.6, §6.2)", arguments: Role.both)
    func kinds(role: Role) {
        let bytes: [UInt8] = [0x41, 0x42]
        expectMessages(
            received(FrameBytes(.text, bytes), FrameBytes(.binary, bytes), by: role), [.text("AB"), .binary(bytes)])
    }

    @Test("The payload of a binary message is arbitrary (§5.6)", arguments: Role.both)
    func binary(role: Role) {
        let bytes = (0...255).map { UInt8($0) }
        expectMessages(received(.binary(bytes), by: role), [.binary(bytes)])
        let fragments = received(.binary([0xFF], isFinal: false), .continuation([0xC0, 0x80]), by: role)
        expectMessages(fragments, [.binary([0xFF, 0xC0, 0x80])])
    }

    @Test(
        "Messages that come after this end's Close frame are still delivered, until the peer's (§5.5.1)",
        arguments: Role.both)
    func receivingWhileClosing(role: Role) {
        let transcript = received(
            .text("late"), .binary([1], isFinal: false), .continuation([2]), .close(1000), .text("too late"), by: role
        ) { $0.close(.normal) }
        #expect(transcript.messages == [.text("late"), .binary([1, 2])])
        #expect(transcript.closure?.isClean == true)
    }

    @Test("An incomplete message is not delivered when the connection ends (§6.2)", arguments: Role.both)
    func incomplete(role: Role) {
        let half = received(.text("whole"), .text("half", isFinal: false), by: role)
        #expect(half.messages == [.text("whole")])
        #expect(half.closure?.ending == .abnormal(.endOfStream))

        let bytes = FrameBytes.text("a frame cut short").from(role.peer).bytes
        for count in 0..<bytes.count {
            let cut = Transcript(of: Array(bytes.prefix(count)), to: role)
            #expect(cut.messages.isEmpty)
            #expect(cut.closure?.ending == .abnormal(.endOfStream))
        }
    }
}
