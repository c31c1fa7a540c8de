import Testing
import WebSocketCore
import WebSocketTesting

@Suite("RFC 6455 §7 Closing the connection")
struct Section7Closing {
    @Test(
        "To start the closing handshake an endpoint MUST send a Close frame with the code and the reason (§7.1.2)",
        arguments: Role.both)
    func start(role: Role) {
        var endpoint = TestEndpoint(role: role)
        endpoint.close(.goingAway, "maintenance")
        let frames = FrameBytes.frames(in: endpoint.takeOutput()).map { $0.from(.server) }
        #expect(frames == [.close(1001, "maintenance")])
        #expect(!endpoint.isClosed && endpoint.connection.closure == nil)
    }

    @Test(
        "The connection is closed cleanly if both Close frames were exchanged (§7.1.4)",
        arguments: Role.both, [WiredPair.Wire.whole, .pieces(upTo: 2)])
    func clean(first: Role, wire: WiredPair.Wire) throws {
        var pair = WiredPair(wire: wire)
        try pair.client.send("last words")
        switch first {
        case .client: pair.client.close(.normal, "done")
        case .server: pair.server.close(.normal, "done")
        }
        pair.run()
        let closures = (pair.client.connection.closure, pair.server.connection.closure)
        let client = try #require(closures.0)
        let server = try #require(closures.1)
        #expect(client.isClean && server.isClean)
        #expect(pair.client.isClosed && pair.server.isClosed)
        #expect(client.initiator == (first == .client ? .local : .peer))
        #expect(server.initiator == (first == .server ? .local : .peer))
        #expect(client.code == .normal && server.code == .normal)
        #expect((first == .client ? server : client).reason == "done")
        #expect(pair.server.takeEvents().contains(.text("last words")))
    }

    @Test("The end of the connection is told exactly once (§7.1.4)", arguments: Role.both)
    func once(role: Role) {
        var endpoint = TestEndpoint(role: role)
        endpoint.receive(FrameBytes.close(1000).from(role.peer).bytes)
        endpoint.receiveEndOfStream()
        endpoint.receiveEndOfStream()
        endpoint.transportEnded(.broken("reset"))
        endpoint.close(.goingAway)
        endpoint.advance(by: .seconds(1000))
        let closure = Closure(ending: .clean, initiator: .peer, sent: Close(.normal), received: Close(.normal))
        #expect(endpoint.takeEvents() == [.closed(closure)])
        #expect(endpoint.connection.deadline == nil)
    }

    @Test("If the Close frame has no code, there is no code: never 1005 as a number (§7.1.5)", arguments: Role.both)
    func noCode(role: Role) {
        let transcript = received(.close(nil), by: role)
        #expect(transcript.closure?.received == Close(nil))
        #expect(transcript.closure?.code == nil)
        #expect(transcript.sentFrames == [.close(nil)])
    }

    @Test(
        "If no Close frame was received, the ending is abnormal: never 1006 as a number (§7.1.5)",
        arguments: Role.both)
    func noClose(role: Role) {
        let transcript = received(.text("a"), by: role)
        #expect(transcript.closure == Closure(ending: .abnormal(.endOfStream), initiator: .peer))
        #expect(transcript.closure?.code == nil)
        #expect(transcript.output.isEmpty)
    }

    @Test(
        "The close code and reason are those of the first Close frame received (§7.1.5, §7.1.6)", arguments: Role.both)
    func firstClose(role: Role) {
        let transcript = received(.close(4000, "first"), .close(4001, "second"), by: role)
        #expect(transcript.closure?.received == Close(CloseCode(rawValue: 4000), reason: "first"))
        #expect(transcript.sentFrames == [.close(4000, "first")])
    }

    @Test(
        "An endpoint MUST NOT continue to process data after it was to fail the connection (§7.1.7)",
        arguments: Role.both)
    func nothingAfterFailure(role: Role) {
        let transcript = received(
            .text("before"), FrameBytes(0xB, []), .text("after"), .ping([1]), .close(1000), by: role)
        expectFailed(transcript, .reservedOpcode(0xB), 1002)
        #expect(transcript.messages == [.text("before")])
        #expect(transcript.sentFrames.count == 1)
        #expect(transcript.closure?.received == nil)
    }

    @Test("Failing the connection sends a Close frame with an appropriate code, once (§7.1.7)", arguments: Role.both)
    func failureSendsClose(role: Role) {
        let cases: [([FrameBytes], UInt16)] = [
            ([FrameBytes(0x3, [])], 1002),
            ([FrameBytes(.text, [0xFF])], 1007),
            ([FrameBytes(0x2, [], claimedLength: 1 << 40)], 1009),
            (
                (0...16).map { .binary([], isFinal: $0 < 0) }.enumerated().map {
                    $0 == 0 ? $1 : .continuation([], isFinal: false)
                },
                1008
            ),
        ]
        for (frames, code) in cases {
            let transcript = received(bytes: frames.flatMap { $0.from(role.peer).bytes }, by: role)
            #expect(transcript.closeCode == code)
            #expect(transcript.sentFrames.count == 1)
            #expect(transcript.closure?.sent?.code?.rawValue == code)
        }
    }

    @Test("An endpoint that has sent its Close frame fails without a second one (§7.1.7)", arguments: Role.both)
    func failureWhileClosing(role: Role) {
        let transcript = received(FrameBytes(0x3, []), by: role) { $0.close(.goingAway, "bye") }
        #expect(transcript.violation == .reservedOpcode(3))
        #expect(transcript.sentFrames == [.close(1001, "bye")])
        #expect(transcript.closure?.sent == Close(.goingAway, reason: "bye"))
    }

    @Test(
        "After a failure this side is ended, and what comes is thrown away, bounded in bytes and time (§7.1.1, §7.1.7)",
        arguments: Role.both)
    func discarding(role: Role) {
        var limits = Limits()
        limits.maxDiscardedBytes = 1000
        var byBytes = TestEndpoint(role: role, limits: limits)
        byBytes.receive([0xFF])
        #expect(byBytes.isOutputShutDown && !byBytes.isClosed)
        byBytes.receive([UInt8](repeating: 0, count: 998))
        #expect(byBytes.isClosed == false)
        byBytes.receive([0, 0])
        #expect(byBytes.isClosed == true)

        var byTime = TestEndpoint(role: role)
        byTime.receive([0xFF])
        #expect(byTime.connection.deadline == Timestamp.zero + Limits().discardTimeout)
        byTime.advance(by: Limits().discardTimeout - .nanoseconds(1))
        #expect(byTime.isClosed == false)
        byTime.advance(by: .nanoseconds(1))
        #expect(byTime.isClosed == true)

        var byPeer = TestEndpoint(role: role)
        byPeer.receive([0xFF])
        byPeer.receiveEndOfStream()
        #expect(byPeer.isClosed == true)
    }

    @Test(
        "If the transport is lost unexpectedly, the connection is failed (§7.2.1)",
        arguments: Role.both, [Closure.TransportFailure.endOfStream, .broken("connection reset by peer"), .aborted])
    func transportLost(role: Role, failure: Closure.TransportFailure) {
        var open = TestEndpoint(role: role)
        open.transportEnded(failure)
        #expect(open.isClosed && open.connection.closure?.ending == .abnormal(failure))
        #expect(open.connection.closure?.initiator == (failure == .aborted ? .local : .peer))
        #expect(open.takeOutput().isEmpty)

        var closing = TestEndpoint(role: role)
        closing.close(.normal)
        closing.transportEnded(failure)
        #expect(closing.connection.closure?.ending == .abnormal(failure))
        #expect(closing.connection.closure?.sent == Close(.normal))
    }

    @Test("A peer that does not answer the Close frame is not waited for without bound (§7.1.1)", arguments: Role.both)
    func closeTimeout(role: Role) {
        var endpoint = TestEndpoint(role: role)
        endpoint.close(.normal)
        endpoint.advance(by: Limits().closeTimeout - .nanoseconds(1))
        #expect(endpoint.isClosed == false)
        endpoint.receive(FrameBytes.text("still talking").from(role.peer).bytes)
        endpoint.advance(by: .nanoseconds(1))
        #expect(endpoint.isClosed && endpoint.connection.closure?.ending == .timedOut(.close))
    }

    // MARK: §7.4 Status codes

    @Test("Every code from 0 to 65535 is accepted or refused as §7.4.1 and §7.4.2 say", arguments: Role.both)
    func allCodes(role: Role) {
        // Beyond the ranges that have a meaning, a client looks at every 17th code: the rule is the server's.
        for code in UInt16.min...UInt16.max where role == .server || code < 5100 || code % 17 == 0 {
            let isValid = (1000...1003).contains(code) || (1007...1014).contains(code) || (3000...4999).contains(code)
            var endpoint = TestEndpoint(role: role)
            endpoint.receive(FrameBytes.close(code).from(role.peer).bytes)
            let answer = FrameBytes.frames(in: endpoint.takeOutput()).map { $0.from(.server) }
            endpoint.receiveEndOfStream()
            let closure = endpoint.connection.closure
            if isValid {
                if answer != [.close(code)] || closure?.isClean != true { Issue.record("\(code) was refused") }
            } else if closure?.ending != .failed(ProtocolViolation(.invalidCloseCode(code)))
                || answer.first?.payload.prefix(2) != [0x03, 0xEA]
            {
                Issue.record("\(code) was accepted")
            }
        }
    }

    @Test("1005, 1006 and 1015 MUST NOT be received in a Close frame (§7.4.1)", arguments: Role.both)
    func forbiddenCodes(role: Role) {
        for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535] as [UInt16] {
            expectFailed(received(.close(code), by: role), .invalidCloseCode(code), 1002)
        }
        for code in [1000, 1003, 1007, 1014, 3000, 3999, 4000, 4999] as [UInt16] {
            #expect(received(.close(code), by: role).closure?.isClean == true)
        }
    }

    @Test(
        "1005, 1006 and 1015 MUST NOT be set as a status code by an endpoint (§7.4.1)",
        arguments: Role.both, [0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65_535] as [UInt16])
    func forbiddenCodesSent(role: Role, code: UInt16) {
        var endpoint = TestEndpoint(role: role)
        endpoint.close(CloseCode(rawValue: code), "r")
        let frames = FrameBytes.frames(in: endpoint.takeOutput()).map { $0.from(.server) }
        #expect(frames == [.close(1000, "r")])
        endpoint.receive(FrameBytes.close(1000).from(role.peer).bytes)
        endpoint.receiveEndOfStream()
        // The closure tells what was sent.
        #expect(endpoint.connection.closure?.sent == Close(.normal, reason: "r"))
    }

    @Test(
        "Codes from 3000 to 4999 are for applications and are sent as they are (§7.4.2)",
        arguments: Role.both, [3000, 3999, 4000, 4999] as [UInt16])
    func applicationCodes(role: Role, code: UInt16) {
        var endpoint = TestEndpoint(role: role)
        endpoint.close(CloseCode(rawValue: code))
        #expect(FrameBytes.frames(in: endpoint.takeOutput()).map { $0.from(.server) } == [.close(code)])
    }

    @Test("A reason is cut to 123 bytes, never inside a code point (§5.5.1)", arguments: Role.both)
    func longReason(role: Role) {
        for reason in [
            String(repeating: "é", count: 100), String(repeating: "😀", count: 40), String(repeating: "a", count: 200),
        ] {
            var endpoint = TestEndpoint(role: role)
            endpoint.close(.normal, reason)
            let sent = FrameBytes.frames(in: endpoint.takeOutput()).first?.payload.dropFirst(2) ?? []
            #expect(sent.count <= 123 && sent.count > 119)
            #expect(String(validating: sent, as: UTF8.self).map { reason.hasPrefix($0) } == true)
        }
    }

    @Test("A reason that was lengthened after the Close was made is cut in the same way (§5.5.1)")
    func lengthenedReason() {
        var close = Close(.normal)
        close.reason = String(repeating: "é", count: 100)
        var connection = WebSocketConnection(role: .server, configuration: ConnectionConfiguration(), now: .zero)
        connection.close(close, now: .zero)
        var sent: [UInt8] = []
        connection.writeControlFrames(maskingKey: nil) { count, write in
            var frame = [UInt8](repeating: 0, count: count)
            let end = frame.withUnsafeMutableBytes { write($0) }
            sent += frame[..<end]
        }
        let reason = FrameBytes.frames(in: sent).first?.payload.dropFirst(2) ?? []
        #expect(String(validating: reason, as: UTF8.self) == String(repeating: "é", count: 61))
    }
}
