import Testing
import WebSocketCore
import WebSocketTesting

@Suite("RFC 6455 §5.5 Control frames")
struct Section5ControlFrames {
    @Test(
        "All control frames MUST have a payload length of 125 bytes or less (§5.5)",
        arguments: Role.both, [Opcode.close, .ping, .pong])
    func length(role: Role, opcode: Opcode) {
        for count in [2, 124, 125] {
            let payload: [UInt8] = [0x03, 0xE8] + Array(repeating: 0x41, count: count - 2)
            #expect(received(FrameBytes(opcode, payload), by: role).violation == nil)
        }
        for count in [126, 127, 65_536] {
            let payload: [UInt8] = [0x03, 0xE8] + Array(repeating: 0x41, count: count - 2)
            expectFailed(received(FrameBytes(opcode, payload), by: role), .controlFrameTooLong, 1002)
        }
        // A length of 5 in two or eight bytes is too long by its form.
        for form in [FrameBytes.LengthForm.twoBytes, .eightBytes] {
            let padded = FrameBytes(opcode.rawValue, [0x03, 0xE8], lengthForm: form)
            expectFailed(received(padded, by: role), .controlFrameTooLong, 1002)
        }
    }

    @Test(
        "A control frame of any length up to 125 works in the middle of a fragmented message (§5.5)",
        arguments: Role.both)
    func lengths(role: Role) {
        for count in 0...125 {
            let payload = (0..<count).map { UInt8($0) }
            let transcript = received(
                .text("a", isFinal: false), .ping(payload), .continuation([0x62]), by: role)
            expectMessages(transcript, [.text("ab")])
            #expect(transcript.sentFrames == [.pong(payload)])
        }
    }

    // MARK: §5.5.1 Close

    @Test(
        "The Close frame MAY contain a body; if there is one, it begins with a 2-byte code (§5.5.1)",
        arguments: Role.both)
    func closeBody(role: Role) {
        let empty = received(.close(nil), by: role)
        #expect(empty.closure?.received == Close(nil))
        #expect(empty.closure?.isClean == true)

        let code = received(.close(1000), by: role)
        #expect(code.closure?.received == Close(.normal))

        let reason = received(.close(1001, "Gute Nacht, schöne Welt"), by: role)
        #expect(reason.closure?.received == Close(.goingAway, reason: "Gute Nacht, schöne Welt"))
        #expect(reason.closure?.isClean == true)
    }

    @Test("A body of one byte holds no code and is refused (§5.5.1)", arguments: Role.both)
    func oneByteBody(role: Role) {
        for byte in [0, 3, 0xFF] as [UInt8] {
            expectFailed(received(FrameBytes(.close, [byte]), by: role), .closeBodyTooShort, 1002)
        }
    }

    @Test("The code is an unsigned integer in network byte order (§5.5.1)", arguments: Role.both)
    func networkByteOrder(role: Role) {
        #expect(received(FrameBytes(.close, [0x03, 0xE9]), by: role).closure?.received?.code == .goingAway)
        expectFailed(received(FrameBytes(.close, [0xE9, 0x03]), by: role), .invalidCloseCode(0xE903), 1002)

        var sender = TestEndpoint(role: role)
        sender.close(CloseCode(rawValue: 0x0BB9), "r")
        #expect(FrameBytes.frames(in: sender.takeOutput()).map(\.payload) == [[0x0B, 0xB9, 0x72]])
    }

    @Test("Following the code, the reason is UTF-8 (§5.5.1)", arguments: Role.both)
    func reason(role: Role) {
        let longest = String(repeating: "é", count: 61) + "a"  // 123 bytes
        #expect(received(.close(1000, longest), by: role).closure?.received?.reason == longest)
        for invalid in [[0xFF], [0x41, 0xC3], [0xED, 0xA0, 0x80], [0xC0, 0xAF]] as [[UInt8]] {
            let frame = FrameBytes(.close, [0x03, 0xE8] + invalid)
            expectFailed(received(frame, by: role), .closeReasonNotUTF8, 1007)
        }
    }

    @Test(
        "The application MUST NOT send any more data frames after sending a Close frame (§5.5.1)",
        arguments: Role.both)
    func nothingAfterClose(role: Role) throws {
        var endpoint = TestEndpoint(role: role)
        try endpoint.send("before")
        endpoint.close(.normal, "done")
        #expect(throws: SendError.closed) { try endpoint.send("after") }
        #expect(throws: SendError.closed) { try endpoint.send([1], as: .binary, position: .first) }
        endpoint.ping(1)
        endpoint.close(.goingAway, "again")
        #expect(FrameBytes.frames(in: endpoint.takeOutput()).map(\.opcode) == [1, 8])
        #expect(endpoint.connection.isOpen == false)
    }

    @Test(
        "A fragmented message that is not finished is not continued after a Close frame (§5.5.1)",
        arguments: Role.both)
    func nothingAfterCloseInsideMessage(role: Role) throws {
        var endpoint = TestEndpoint(role: role)
        try endpoint.send([1], as: .binary, position: .first)
        endpoint.close(.normal)
        #expect(throws: SendError.closed) { try endpoint.send([2], as: .binary, position: .last) }
        #expect(FrameBytes.frames(in: endpoint.takeOutput()).map(\.opcode) == [2, 8])
    }

    @Test(
        "An endpoint that receives a Close frame and has sent none MUST send one in response, which echoes its code (§5.5.1)",
        arguments: Role.both, [nil, 1000, 1001, 1011, 3000, 4999] as [UInt16?])
    func echo(role: Role, code: UInt16?) {
        let close = FrameBytes.close(code, code == nil ? "" : "and its reason")
        let transcript = received(close, by: role)
        #expect(transcript.sentFrames == [close])
        #expect(transcript.closure?.isClean == true)
        #expect(transcript.closure?.initiator == .peer)
    }

    @Test(
        "The response is sent once, and not at all by an endpoint that has sent a Close frame (§5.5.1)",
        arguments: Role.both)
    func oneClose(role: Role) {
        var endpoint = TestEndpoint(role: role)
        endpoint.close(.goingAway)
        _ = endpoint.takeOutput()
        endpoint.receive(FrameBytes.close(1000).from(role.peer).bytes)
        endpoint.receive(FrameBytes.close(1000).from(role.peer).bytes)
        #expect(endpoint.takeOutput().isEmpty)
        endpoint.receiveEndOfStream()
        #expect(endpoint.connection.closure?.isClean == true)
        #expect(endpoint.connection.closure?.sent == Close(.goingAway))
        #expect(endpoint.connection.closure?.received == Close(.normal))
    }

    @Test("After sending and receiving a Close frame, a server MUST close the TCP connection immediately (§5.5.1)")
    func serverEnds() {
        var answering = TestEndpoint(role: .server)
        answering.receive(FrameBytes.close(1000).from(.client).bytes)
        #expect(answering.isClosed == true)

        var asking = TestEndpoint(role: .server)
        asking.close(.normal)
        #expect(asking.isClosed == false)
        asking.receive(FrameBytes.close(1000).from(.client).bytes)
        #expect(asking.isClosed == true)
    }

    @Test("A client waits for the server to close the TCP connection, but not for ever (§5.5.1)")
    func clientWaits() {
        for sendsFirst in [true, false] {
            var client = TestEndpoint(role: .client)
            if sendsFirst { client.close(.normal) }
            client.receive(FrameBytes.close(1000).bytes)
            #expect(client.isClosed == false)
            client.receiveEndOfStream()
            #expect(client.isClosed && client.connection.closure?.isClean == true)

            var patient = TestEndpoint(role: .client)
            if sendsFirst { patient.close(.normal) }
            patient.receive(FrameBytes.close(1000).bytes)
            let bound = Limits().closeTimeout
            #expect(patient.connection.deadline == Timestamp.zero + bound)
            patient.advance(by: bound - .nanoseconds(1))
            #expect(patient.isClosed == false)
            patient.advance(by: .nanoseconds(1))
            #expect(patient.isClosed && patient.connection.closure?.isClean == true)
        }
    }

    @Test("If both send a Close frame at the same time, the closing handshake is complete for both (§5.5.1)")
    func simultaneousClose() {
        var pair = WiredPair()
        pair.client.close(.normal, "c")
        pair.server.close(.goingAway, "s")
        pair.run()
        #expect(pair.client.connection.closure?.isClean == true)
        #expect(pair.server.connection.closure?.isClean == true)
        #expect(pair.client.connection.closure?.received == Close(.goingAway, reason: "s"))
        #expect(pair.server.connection.closure?.received == Close(.normal, reason: "c"))
        #expect(pair.client.connection.closure?.initiator == .local)
        #expect(pair.server.connection.closure?.initiator == .local)
    }

    // MARK: §5.5.2 Ping, §5.5.3 Pong

    @Test(
        "Upon receipt of a Ping an endpoint MUST send a Pong with identical application data (§5.5.2, §5.5.3)",
        arguments: Role.both)
    func pong(role: Role) {
        for payload in [[], [0], Array("Hello".utf8), Array(repeating: 0xFE, count: 125)] as [[UInt8]] {
            let transcript = received(.ping(payload), by: role)
            #expect(transcript.sentFrames == [.pong(payload)])
            #expect(transcript.wasOpen && transcript.messages.isEmpty)
        }
    }

    @Test("Every Ping is answered, in order (§5.5.2)", arguments: Role.both)
    func everyPing(role: Role) {
        let pings = (0..<10).map { FrameBytes.ping([UInt8($0)]) }
        let transcript = received(bytes: pings.flatMap { $0.from(role.peer).bytes }, by: role)
        #expect(transcript.sentFrames == (0..<10).map { .pong([UInt8($0)]) })
    }

    @Test("A Ping is answered before the messages behind it are delivered (§5.5.2)", arguments: Role.both)
    func pongFirst(role: Role) {
        var endpoint = TestEndpoint(role: role)
        endpoint.receive(
            FrameBytes.ping([1]).from(role.peer).bytes + FrameBytes.text("a").from(role.peer).bytes.dropLast())
        #expect(FrameBytes.frames(in: endpoint.takeOutput()).map(\.opcode) == [0xA])
        #expect(endpoint.events.isEmpty)
    }

    @Test("A Ping after a Close frame has been received is not answered (§5.5.2)", arguments: Role.both)
    func pingAfterClose(role: Role) {
        let transcript = received(.close(1000), .ping([1]), by: role)
        #expect(transcript.sentFrames == [.close(1000)])
    }

    @Test(
        "A Ping is answered as long as no Close frame has been received, also after our own (§5.5.2)",
        arguments: Role.both)
    func pingAfterOwnClose(role: Role) {
        var endpoint = TestEndpoint(role: role)
        endpoint.close(.normal)
        _ = endpoint.takeOutput()
        endpoint.receive(FrameBytes.ping([1]).from(role.peer).bytes)
        #expect(FrameBytes.frames(in: endpoint.takeOutput()).map(\.payload) == [[1]])
        endpoint.receive(FrameBytes.close(1000).from(role.peer).bytes)
        endpoint.receive(FrameBytes.ping([2]).from(role.peer).bytes)
        #expect(endpoint.takeOutput().isEmpty)
    }

    @Test("A Pong MAY be sent unsolicited; no response to it is expected (§5.5.3)", arguments: Role.both)
    func unsolicitedPong(role: Role) {
        let transcript = received(.pong(), .pong([1, 2]), .pong(Array(repeating: 9, count: 125)), by: role)
        #expect(transcript.sentFrames.isEmpty)
        #expect(transcript.wasOpen)
    }

    @Test("A Ping may be sent at any time, and its Pong is told by its payload (§5.5.2)", arguments: Role.both)
    func ownPing(role: Role) {
        var endpoint = TestEndpoint(role: role)
        endpoint.ping(0x0102_0304_0506_0708)
        let frames = FrameBytes.frames(in: endpoint.takeOutput())
        #expect(frames.map(\.opcode) == [9])
        #expect(frames.map(\.payload) == [[1, 2, 3, 4, 5, 6, 7, 8]])
        endpoint.receive(FrameBytes.pong(frames[0].payload).from(role.peer).bytes)
        #expect(endpoint.takeEvents() == [.pong(0x0102_0304_0506_0708)])
    }

    @Test("Two ends answer each other's pings (§5.5.2)")
    func pingBothWays() {
        var pair = WiredPair(wire: .pieces(upTo: 3))
        pair.client.ping(7)
        pair.server.ping(8)
        pair.run()
        #expect(pair.client.takeEvents() == [.pong(7)])
        #expect(pair.server.takeEvents() == [.pong(8)])
    }
}
