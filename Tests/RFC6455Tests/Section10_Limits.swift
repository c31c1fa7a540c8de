import Testing
import WebSocketCore
import WebSocketTesting

@Suite("RFC 6455 §10.4 Implementation-specific limits, §10.7 Handling of invalid data")
struct Section10Limits {
    private func limits(_ change: (inout Limits) -> Void) -> Limits {
        var limits = Limits()
        change(&limits)
        return limits
    }

    @Test("A frame beyond the limit is refused by its header, before any payload (§10.4)", arguments: Role.both)
    func frameSize(role: Role) {
        let limits = Limits(maxMessageBytes: 1000, maxFrameBytes: 200)
        let fits = [UInt8](repeating: 1, count: 200)
        expectMessages(received(.binary(fits), by: role, limits: limits), [.binary(fits)])
        for length in [201, 1000, 1 << 20, 1 << 40, UInt64(Int64.max)] {
            let header = FrameBytes(0x2, [], claimedLength: length)
            expectFailed(
                received(header, by: role, limits: limits), .frameTooLarge(bytes: length, limit: 200), 1009)
        }
    }

    @Test("A continuation frame has the same limit (§10.4)", arguments: Role.both)
    func continuationSize(role: Role) {
        let limits = Limits(maxMessageBytes: 1000, maxFrameBytes: 200)
        let header = FrameBytes(0x0, [], claimedLength: 201)
        expectFailed(
            received(.binary([1], isFinal: false), header, by: role, limits: limits),
            .frameTooLarge(bytes: 201, limit: 200), 1009)
    }

    @Test("An implementation MUST limit the total message size after reassembly (§10.4)", arguments: Role.both)
    func messageSize(role: Role) {
        let limits = Limits(maxMessageBytes: 100)
        let sixty = [UInt8](repeating: 6, count: 60)
        let forty = [UInt8](repeating: 4, count: 40)
        expectMessages(
            received(.binary(sixty, isFinal: false), .continuation(forty), by: role, limits: limits),
            [.binary(sixty + forty)])
        // By the header of the fragment that would exceed it.
        let next = FrameBytes(0x0, [], claimedLength: 41)
        expectFailed(
            received(.binary(sixty, isFinal: false), next, by: role, limits: limits), .messageTooLarge(limit: 100), 1009
        )
    }

    @Test("A message limit below the frame limit holds for whole messages too (§10.4)", arguments: Role.both)
    func messageBelowFrame(role: Role) {
        let limits = Limits(maxMessageBytes: 100, maxFrameBytes: 200)
        expectFailed(
            received(.binary(Array(repeating: 0, count: 101)), by: role, limits: limits), .messageTooLarge(limit: 100),
            1009)
        let fits = [UInt8](repeating: 0, count: 100)
        expectMessages(received(.binary(fits), by: role, limits: limits), [.binary(fits)])
    }

    @Test("The limits begin anew with each message (§10.4)", arguments: Role.both)
    func eachMessage(role: Role) {
        let limits = self.limits { ($0.maxMessageBytes, $0.maxFragments, $0.maxConsecutiveEmptyFragments) = (4, 3, 2) }
        var frames: [FrameBytes] = []
        for _ in 0..<5 {
            frames += [.binary([1, 2], isFinal: false), .continuation([3], isFinal: false), .continuation([4])]
            frames += [.text("", isFinal: false), .continuation([], isFinal: false), .continuation([0x41])]
        }
        let bytes = frames.flatMap { $0.from(role.peer).bytes }
        let expected = (0..<5).flatMap { _ in [EndpointEvent.binary([1, 2, 3, 4]), .text("A")] }
        expectMessages(received(bytes: bytes, by: role, limits: limits), expected)
    }

    @Test("A limit of zero bytes leaves only empty messages (§10.4)", arguments: Role.both)
    func zero(role: Role) {
        let limits = Limits(maxMessageBytes: 0)
        expectMessages(received(.text(""), by: role, limits: limits), [.text("")])
        expectFailed(received(.text("a"), by: role, limits: limits), .frameTooLarge(bytes: 1, limit: 0), 1009)
    }

    @Test("Limits below zero or without end do no harm (§10.4)", arguments: [Int.min, -1, Int.max])
    func extremes(value: Int) {
        let limits = self.limits {
            ($0.maxMessageBytes, $0.maxFrameBytes, $0.maxFragments) = (value, value, value)
            ($0.maxConsecutiveEmptyFragments, $0.maxDiscardedBytes) = (value, value)
            ($0.controlFramesPerSecond, $0.controlFrameBurst) = (value, value)
        }
        for role in Role.both {
            let transcript = received(
                .text("a", isFinal: false), .ping(), .continuation([]), FrameBytes(0x2, [], claimedLength: 1 << 62),
                by: role, limits: limits)
            #expect(transcript.messages == (value > 0 ? [.text("a")] : []))
            #expect((transcript.violation == nil) == (value > 0))
        }
    }

    @Test("The number of fragments of one message is limited (§10.4)", arguments: Role.both)
    func fragments(role: Role) {
        let limits = self.limits { $0.maxFragments = 5 }
        func message(_ count: Int) -> [UInt8] {
            (0..<count).flatMap { index in
                FrameBytes(index == 0 ? .binary : .continuation, [UInt8(index)], isFinal: index == count - 1)
                    .from(role.peer).bytes
            }
        }
        expectMessages(received(bytes: message(5), by: role, limits: limits), [.binary([0, 1, 2, 3, 4])])
        expectFailed(received(bytes: message(6), by: role, limits: limits), .tooManyFragments(limit: 5), 1009)
    }

    @Test("The number of empty fragments in a row is limited (§10.4)", arguments: Role.both)
    func emptyFragments(role: Role) {
        let limits = self.limits { $0.maxConsecutiveEmptyFragments = 3 }
        let empty = FrameBytes.continuation([], isFinal: false)
        let one = FrameBytes.continuation([1], isFinal: false)
        let last = FrameBytes.continuation([])
        expectMessages(
            received(
                .binary([], isFinal: false), empty, empty, one, empty, empty, empty, one, last, by: role, limits: limits
            ),
            [.binary([1, 1])])
        expectFailed(
            received(.binary([1], isFinal: false), empty, empty, empty, empty, last, by: role, limits: limits),
            .tooManyEmptyFragments(limit: 3), 1008)
        // Control frames between them do not start the count anew.
        expectFailed(
            received(
                .binary([1], isFinal: false), empty, empty, .ping(), empty, .pong(), empty, by: role, limits: limits),
            .tooManyEmptyFragments(limit: 3), 1008)
    }

    @Test("A flood of empty fragments is refused early (§10.4)", arguments: Role.both)
    func emptyFragmentFlood(role: Role) {
        let empty = FrameBytes.continuation([], isFinal: false).from(role.peer).bytes
        var endpoint = TestEndpoint(role: role)
        endpoint.receive(FrameBytes.text("", isFinal: false).from(role.peer).bytes)
        var sent = 1
        while endpoint.connection.isOpen, sent < 1_000_000 {
            endpoint.receive(empty)
            sent += 1
        }
        #expect(sent == Limits().maxConsecutiveEmptyFragments + 1)
    }

    @Test("The rate of control frames is limited (§10.4)", arguments: Role.both, [Opcode.ping, .pong])
    func controlFrames(role: Role, opcode: Opcode) {
        let limits = self.limits { ($0.controlFramesPerSecond, $0.controlFrameBurst) = (10, 5) }
        let frame = FrameBytes(opcode, [1]).from(role.peer).bytes
        var endpoint = TestEndpoint(role: role, limits: limits)
        for _ in 0..<5 { endpoint.receive(frame) }
        #expect(endpoint.connection.isOpen == true)
        for _ in 0..<50 {
            endpoint.now = endpoint.now + .milliseconds(100)
            endpoint.receive(frame)
        }
        #expect(endpoint.connection.isOpen == true)
        endpoint.receive(frame)
        endpoint.receiveEndOfStream()
        #expect(
            endpoint.connection.closure?.ending
                == .failed(ProtocolViolation(.tooManyControlFrames(perSecond: 10, burst: 5))))
        #expect(FrameBytes.frames(in: endpoint.takeOutput()).last?.payload.prefix(2) == [0x03, 0xF0])
    }

    @Test("A flood of pings is refused, and answered only within the limit (§10.4)", arguments: Role.both)
    func pingFlood(role: Role) {
        var endpoint = TestEndpoint(role: role)
        let ping = FrameBytes.ping([1]).from(role.peer).bytes
        endpoint.receive(Array(repeatElement(ping, count: 10_000).joined()))
        #expect(endpoint.connection.isOpen == false)
        let frames = FrameBytes.frames(in: endpoint.takeOutput())
        #expect(frames.count == Limits().controlFrameBurst + 1)
        #expect(frames.last?.opcode == 8)
    }

    @Test(
        "A message must be complete in time, and the bytes that trickle in do not extend it (§10.4)",
        arguments: Role.both)
    func slowMessage(role: Role) {
        let timeout = Limits().assemblyTimeout
        var endpoint = TestEndpoint(role: role)
        endpoint.receive(FrameBytes.text("a", isFinal: false).from(role.peer).bytes)
        let expectedDeadline = Timestamp.zero + timeout
        #expect(endpoint.connection.deadline == expectedDeadline)
        for _ in 0..<29 {
            endpoint.advance(by: .seconds(1))
            endpoint.receive(FrameBytes.continuation([0x41], isFinal: false).from(role.peer).bytes)
        }
        #expect(endpoint.connection.isOpen == true)
        endpoint.advance(by: .seconds(1))
        #expect(endpoint.connection.isOpen == false)
        endpoint.receiveEndOfStream()
        #expect(endpoint.connection.closure?.ending == .failed(ProtocolViolation(.messageTooSlow(limit: timeout))))
        #expect(FrameBytes.frames(in: endpoint.takeOutput()).last?.payload.prefix(2) == [0x03, 0xF0])

        var punctual = TestEndpoint(role: role)
        punctual.receive(FrameBytes.text("a", isFinal: false).from(role.peer).bytes)
        punctual.advance(by: timeout - .nanoseconds(1))
        punctual.receive(FrameBytes.continuation([]).from(role.peer).bytes)
        #expect(punctual.connection.deadline == nil)
        punctual.advance(by: timeout)
        #expect(punctual.takeEvents() == [.text("a")])
        #expect(punctual.connection.isOpen == true)
    }

    @Test("Lying lengths are refused from the header, whatever follows (§10.7)", arguments: Role.both)
    func lyingLengths(role: Role) {
        for length in [1 << 40, UInt64(Int64.max), 1 << 63, .max, .max - 1, 0x7FFF_FFFF_FFFF_FF00] {
            for opcode in [0x1, 0x2, 0x0] as [UInt8] {
                let transcript = received(FrameBytes(opcode, [1, 2, 3], claimedLength: length), by: role)
                #expect(transcript.violation != nil)
                #expect(transcript.messages.isEmpty)
            }
        }
    }

    @Test(
        "Incoming data MUST always be validated: random bytes never trap nor hang (§10.7)", arguments: UInt64(0)..<200)
    func noise(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for role in Role.both {
            _ = received(bytes: random.bytes(Int(random.next() % 400)), by: role)
        }
    }
}
