import Testing
import WebSocketCore
import WebSocketTesting

@Suite("RFC 6455 §5.4 Fragmentation")
struct Section5Fragmentation {
    @Test(
        "Clients and servers MUST support receiving both fragmented and unfragmented messages (§5.4)",
        arguments: Role.both)
    func bothForms(role: Role) {
        let transcript = received(
            .text("whole"), .text("in ", isFinal: false), .continuation(Array("parts".utf8)), .binary([1]), by: role)
        expectMessages(transcript, [.text("whole"), .text("in parts"), .binary([1])])
    }

    @Test("A message may have any number of fragments of any size, empty ones too (§5.4)", arguments: Role.both)
    func anyFragments(role: Role) {
        let transcript = received(
            .binary([], isFinal: false), .continuation([], isFinal: false), .continuation([1], isFinal: false),
            .continuation([], isFinal: false), .continuation([2, 3], isFinal: false), .continuation([]), by: role)
        expectMessages(transcript, [.binary([1, 2, 3])])
        expectMessages(received(.text("", isFinal: false), .continuation([]), by: role), [.text("")])
    }

    @Test("Message fragments MUST be delivered to the recipient in the order sent (§5.4)", arguments: Role.both)
    func order(role: Role) {
        let parts = (0..<300).map { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }
        var bytes = FrameBytes.binary([], isFinal: false).from(role.peer).bytes
        for part in parts { bytes += FrameBytes.continuation(part, isFinal: false).from(role.peer).bytes }
        bytes += FrameBytes.continuation([]).from(role.peer).bytes
        expectMessages(received(bytes: bytes, by: role), [.binary(Array(parts.joined()))])
    }

    @Test("All fragments of a message are of the type of the first fragment's opcode (§5.4)", arguments: Role.both)
    func type(role: Role) {
        let kinds = received(
            .text("a", isFinal: false), .continuation([0x62]), .binary([0xFF], isFinal: false), .continuation([0xFE]),
            by: role)
        expectMessages(kinds, [.text("ab"), .binary([0xFF, 0xFE])])
    }

    @Test(
        "A continuation frame without a message to continue fails the connection (§5.4)",
        arguments: Role.both, [true, false])
    func orphan(role: Role, isFinal: Bool) {
        let orphan = FrameBytes.continuation([0x41], isFinal: isFinal)
        expectFailed(received(orphan, by: role), .continuationWithoutMessage, 1002)
        expectFailed(received(.text("whole"), orphan, by: role), .continuationWithoutMessage, 1002)
        let finished = received(.text("a", isFinal: false), .continuation([0x62]), orphan, by: role)
        expectFailed(finished, .continuationWithoutMessage, 1002)
        #expect(finished.messages == [.text("ab")])
        expectFailed(received(.ping(), orphan, by: role), .continuationWithoutMessage, 1002)
        // Whatever is wrong with the rest of the frame.
        let padded = FrameBytes(0x0, [0x41], isFinal: isFinal, lengthForm: .twoBytes)
        expectFailed(received(padded, by: role), .continuationWithoutMessage, 1002)
    }

    @Test(
        "The fragments of one message MUST NOT be interleaved between the fragments of another message (§5.4)",
        arguments: Role.both, [true, false])
    func interleaved(role: Role, isFinal: Bool) {
        for second in [FrameBytes.text("b", isFinal: isFinal), .binary([1], isFinal: isFinal)] {
            for first in [FrameBytes.text("a", isFinal: false), .binary([0], isFinal: false)] {
                expectFailed(received(first, second, by: role), .messageInsideMessage, 1002)
                let later = received(first, .continuation([0x41], isFinal: false), .ping(), second, by: role)
                expectFailed(later, .messageInsideMessage, 1002)
                #expect(later.messages.isEmpty)
            }
        }
        let huge = FrameBytes(0x2, [], isFinal: isFinal, claimedLength: .max)
        expectFailed(received(.text("a", isFinal: false), huge, by: role), .messageInsideMessage, 1002)
    }

    @Test(
        "Control frames MAY be injected in the middle of a fragmented message, and MUST be handled there (§5.4)",
        arguments: Role.both)
    func injected(role: Role) {
        let transcript = received(
            .text("a", isFinal: false), .ping([1]), .continuation([0x62], isFinal: false), .pong([2]), .ping([3]),
            .continuation([0x63]), by: role)
        #expect(transcript.events.dropLast() == [.pong(nil), .text("abc")])
        #expect(transcript.sentFrames == [.pong([1]), .pong([3])])
        #expect(transcript.wasOpen)
    }

    @Test(
        "A Close frame in the middle of a fragmented message ends the connection cleanly (§5.4)", arguments: Role.both)
    func closeInside(role: Role) {
        let transcript = received(.text("a", isFinal: false), .close(1001, "bye"), by: role)
        #expect(transcript.messages.isEmpty)
        #expect(transcript.closure?.isClean == true)
        #expect(transcript.closure?.received == Close(.goingAway, reason: "bye"))
    }

    @Test(
        "Control frames themselves MUST NOT be fragmented (§5.4)", arguments: Role.both, [Opcode.close, .ping, .pong])
    func controlFragment(role: Role, opcode: Opcode) {
        let payload: [UInt8] = opcode == .close ? [0x03, 0xE8] : [1, 2]
        expectFailed(received(FrameBytes(opcode, payload, isFinal: false), by: role), .fragmentedControlFrame, 1002)
        expectFailed(
            received(.text("a", isFinal: false), FrameBytes(opcode, [], isFinal: false), by: role),
            .fragmentedControlFrame, 1002)
        #expect(received(FrameBytes(opcode, payload), by: role).violation == nil)
    }

    @Test(
        "A continuation may follow a fragmented message's first frame only with opcode 0 (§5.4)", arguments: Role.both)
    func sentFragments(role: Role) throws {
        var sender = TestEndpoint(role: role)
        try sender.send(Array("Hel".utf8), as: .text, position: .first)
        try sender.send(Array("l".utf8), as: .text, position: .middle)
        try sender.send([], as: .text, position: .middle)
        try sender.send(Array("o".utf8), as: .text, position: .last)
        let frames = FrameBytes.frames(in: sender.takeOutput())
        #expect(frames.map(\.opcode) == [1, 0, 0, 0])
        #expect(frames.map(\.isFinal) == [false, false, false, true])
        #expect(frames.allSatisfy { $0.reserved == 0 })
        #expect(frames.flatMap(\.payload) == Array("Hello".utf8))
    }

    @Test(
        "A sender does not begin a message inside another, nor continue one that was not begun (§5.4)",
        arguments: Role.both)
    func sendingRules(role: Role) throws {
        var sender = TestEndpoint(role: role)
        #expect(throws: SendError.noMessageInProgress) { try sender.send([1], as: .binary, position: .middle) }
        #expect(throws: SendError.noMessageInProgress) { try sender.send([1], as: .binary, position: .last) }
        try sender.send([1], as: .binary, position: .first)
        #expect(throws: SendError.messageInProgress) { try sender.send([1], as: .binary, position: .first) }
        #expect(throws: SendError.messageInProgress) { try sender.send([1], as: .binary) }
        try sender.send([2], as: .binary, position: .last)
        try sender.send([3], as: .binary)
        // What was refused left no byte behind.
        let frames = FrameBytes.frames(in: sender.takeOutput())
        #expect(frames.map(\.payload) == [[1], [2], [3]])
        #expect(frames.map(\.opcode) == [2, 0, 2])
    }

    @Test("Control frames are sent between the fragments of a message of one's own (§5.4)", arguments: Role.both)
    func controlBetweenSentFragments(role: Role) throws {
        var sender = TestEndpoint(role: role)
        try sender.send([1], as: .binary, position: .first)
        sender.receive(FrameBytes.ping([7]).from(role.peer).bytes)
        sender.ping(5)
        try sender.send([2], as: .binary, position: .last)
        #expect(FrameBytes.frames(in: sender.takeOutput()).map(\.opcode) == [2, 0xA, 9, 0])
    }

    @Test("Messages of any fragmentation arrive as they were sent (§5.4)", arguments: UInt64(0)..<20)
    func roundTrip(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var pair = WiredPair(wire: .pieces(upTo: 9), seed: seed)
        var expected: [EndpointEvent] = []
        for _ in 0..<10 {
            let message = random.bytes(Int(random.next() % 300))
            expected.append(.binary(message))
            var rest = message[...]
            var position = FramePosition.first
            while true {
                let part = rest.prefix(Int(random.next() % 80))
                rest = rest.dropFirst(part.count)
                if rest.isEmpty { position = position == .first ? .whole : .last }
                try pair.client.send(Array(part), as: .binary, position: position)
                if rest.isEmpty { break }
                position = .middle
                if random.next() % 3 == 0 { pair.client.ping(random.next()) }
            }
            pair.run()
        }
        #expect(pair.server.takeEvents() == expected, "seed \(seed)")
    }
}
