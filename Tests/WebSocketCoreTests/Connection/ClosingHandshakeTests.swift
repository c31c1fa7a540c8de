import Testing

@testable import WebSocketCore

@Suite("The closing handshake, in every phase (RFC 6455 §7)")
struct ClosingHandshakeTests {
    private static let limits: Limits = {
        var limits = Limits()
        (limits.closeTimeout, limits.discardTimeout, limits.maxDiscardedBytes) = (.seconds(5), .seconds(2), 100)
        return limits
    }()
    private static let violation = ProtocolViolation(.frameNotMasked)
    private static let close = Close(.goingAway, reason: "bye")
    private static let now = Timestamp(nanoseconds: 1000)

    enum Start: CaseIterable {
        case open, waitingForClose, discarding, waitingForEndOfStream, ended
    }

    /// A handshake in the given phase.
    private static func handshake(in start: Start) -> ClosingHandshake {
        var handshake = ClosingHandshake()
        switch start {
        case .open: break
        case .waitingForClose: _ = handshake.close(Self.close, now: Self.now, limits: Self.limits)
        case .discarding: _ = handshake.fail(Self.violation, now: Self.now, limits: Self.limits)
        case .waitingForEndOfStream:
            _ = handshake.received(Close(.normal), role: .client, now: Self.now, limits: Self.limits)
        case .ended: _ = handshake.received(Close(.normal), role: .server, now: Self.now, limits: Self.limits)
        }
        return handshake
    }

    @Test("each phase says what may still be done", arguments: Start.allCases)
    func properties(start: Start) {
        let handshake = Self.handshake(in: start)
        #expect(handshake.isOpen == (start == .open))
        #expect(handshake.readsFrames == (start == .open || start == .waitingForClose))
        #expect(handshake.hasEnded == (start == .ended))
        #expect((handshake.closure != nil) == (start == .ended))
        switch start {
        case .open, .ended: #expect(handshake.deadline == nil)
        case .waitingForClose, .waitingForEndOfStream: #expect(handshake.deadline == Self.now + .seconds(5))
        case .discarding: #expect(handshake.deadline == Self.now + .seconds(2))
        }
    }

    @Test("close begins the handshake once", arguments: Start.allCases)
    func close(start: Start) {
        var handshake = Self.handshake(in: start)
        let before = handshake.phase
        #expect(handshake.close(Self.close, now: Self.now, limits: Self.limits) == (start == .open))
        if start != .open { #expect(handshake.phase == before) }
    }

    @Test("the peer's Close frame is answered only by an end that has sent none", arguments: [Role.client, .server])
    func received(role: Role) {
        for start in [Start.open, .waitingForClose] {
            var handshake = Self.handshake(in: start)
            let received = Close(CloseCode(rawValue: 4000), reason: "r")
            let answer = handshake.received(received, role: role, now: Self.now, limits: Self.limits)
            #expect(answer == (start == .open ? received : nil))
            switch role {
            case .server: #expect(handshake.phase == .ended)
            case .client:
                #expect(handshake.phase == .waitingForEndOfStream(until: Self.now + .seconds(5)))
                handshake.transportEnded(.endOfStream)
            }
            let expected =
                start == .open
                ? Closure(ending: .clean, initiator: .peer, sent: answer, received: received)
                : Closure(ending: .clean, initiator: .local, sent: Self.close, received: received)
            #expect(handshake.closure == expected)
        }
    }

    @Test("a violation sends one Close frame at most", arguments: [Start.open, .waitingForClose])
    func fail(start: Start) {
        var handshake = Self.handshake(in: start)
        let sent = handshake.fail(Self.violation, now: Self.now, limits: Self.limits)
        #expect((sent?.code == .protocolError) == (start == .open))
        #expect(handshake.phase == .discarding(bytesLeft: 100, until: Self.now + .seconds(2)))
        handshake.transportEnded(.endOfStream)
        #expect(handshake.closure?.ending == .failed(Self.violation))
        #expect(handshake.closure?.initiator == .local)
        #expect(handshake.closure?.sent == (start == .open ? sent : Self.close))
    }

    @Test("discarded bytes count in the phase that discards, and there only", arguments: Start.allCases)
    func discarded(start: Start) {
        var handshake = Self.handshake(in: start)
        let before = handshake.phase
        handshake.discarded(60)
        if start == .discarding {
            #expect(handshake.phase == .discarding(bytesLeft: 40, until: Self.now + .seconds(2)))
            handshake.discarded(39)
            #expect(!handshake.hasEnded)
            handshake.discarded(1)
            #expect(handshake.hasEnded)
        } else {
            handshake.discarded(.max)
            #expect(handshake.phase == before)
        }
    }

    @Test("the transport's end ends every phase", arguments: Start.allCases)
    func transportEnded(start: Start) {
        var handshake = Self.handshake(in: start)
        handshake.transportEnded(.broken("reset"))
        #expect(handshake.hasEnded)
        let ending: Closure.Ending
        switch start {
        case .open, .waitingForClose: ending = .abnormal(.broken("reset"))
        case .discarding: ending = .failed(Self.violation)
        case .waitingForEndOfStream, .ended: ending = .clean
        }
        #expect(handshake.closure?.ending == ending)
    }

    @Test("who ended it: the end that dropped the transport, or that had begun to close")
    func initiator() {
        let cases: [(Start, Closure.TransportFailure, Closure.Initiator)] = [
            (.open, .endOfStream, .peer), (.open, .broken(""), .peer), (.open, .aborted, .local),
            (.waitingForClose, .endOfStream, .local), (.waitingForClose, .aborted, .local),
        ]
        for (start, failure, initiator) in cases {
            var handshake = Self.handshake(in: start)
            handshake.transportEnded(failure)
            #expect(handshake.closure?.initiator == initiator)
        }
    }

    @Test("a deadline that has not passed changes nothing, one that has ends the phase", arguments: Start.allCases)
    func timedOut(start: Start) {
        var handshake = Self.handshake(in: start)
        let before = handshake.phase
        let deadline = handshake.deadline
        handshake.timedOut(now: Timestamp(nanoseconds: (deadline ?? .distantFuture).nanoseconds - 1))
        #expect(handshake.phase == before)
        handshake.timedOut(now: deadline ?? .distantFuture)
        switch start {
        case .open: #expect(handshake.phase == .open)
        case .waitingForClose: #expect(handshake.closure?.ending == .timedOut(.close))
        case .discarding: #expect(handshake.closure?.ending == .failed(Self.violation))
        case .waitingForEndOfStream, .ended: #expect(handshake.closure?.ending == .clean)
        }
    }

    @Test("giving up ends every phase; an ending that is certain already stays", arguments: Start.allCases)
    func giveUp(start: Start) {
        var handshake = Self.handshake(in: start)
        let sent = handshake.giveUp(.write, Self.close)
        #expect((sent == Self.close) == (start == .open))
        #expect(handshake.hasEnded)
        switch start {
        case .open, .waitingForClose: #expect(handshake.closure?.ending == .timedOut(.write))
        case .discarding: #expect(handshake.closure?.ending == .failed(Self.violation))
        case .waitingForEndOfStream, .ended: #expect(handshake.closure?.ending == .clean)
        }
        let told = handshake.closure
        _ = handshake.giveUp(.keepAlive, Self.close)
        handshake.transportEnded(.endOfStream)
        handshake.timedOut(now: .distantFuture)
        #expect(handshake.closure == told)
    }
}
