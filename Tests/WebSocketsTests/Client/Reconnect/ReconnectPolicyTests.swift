import Testing
import WebSocketCore
import WebSocketTesting

@testable import WebSockets

@Suite("When to try again (RFC 6455 §7.2.3)")
struct ReconnectPolicyTests {
    private static func policy(_ configure: (inout ReconnectPolicy) -> Void = { _ in }) -> ReconnectPolicy {
        var policy = ReconnectPolicy()
        configure(&policy)
        return policy
    }

    @Test("the longest pause doubles up to its limit")
    func growth() {
        let longest = (1...9).map { ReconnectPolicy().longestDelay(afterFailures: $0) }
        #expect(longest == [1, 2, 4, 8, 16, 32, 60, 60, 60])
        #expect(ReconnectPolicy().longestDelay(afterFailures: .max) == 60)
        let slow = Self.policy {
            $0.firstDelay = .milliseconds(100)
            $0.factor = 1.5
            $0.maxDelay = .milliseconds(300)
        }
        #expect((1...4).map { (slow.longestDelay(afterFailures: $0) * 1000).rounded() } == [100, 150, 225, 300])
    }

    @Test("odd settings are no trap", arguments: [0.0, 1, -3, 0.5, .infinity, .nan])
    func oddFactor(factor: Double) {
        let policy = Self.policy { $0.factor = factor }
        for failures in [1, 2, 1000, Int.max] {
            #expect(1...60 ~= policy.longestDelay(afterFailures: failures))
        }
        let none = Self.policy {
            $0.factor = factor
            $0.firstDelay = .zero
        }
        #expect(none.longestDelay(afterFailures: .max) == 0)
        let reversed = Self.policy {
            $0.firstDelay = .seconds(90)
            $0.maxDelay = .seconds(-1)
        }
        #expect(reversed.longestDelay(afterFailures: 3) == 0)
        let endless = Self.policy {
            $0.firstDelay = .seconds(Int64.max)
            $0.maxDelay = .seconds(Int64.max)
            $0.maxRetryAfter = .seconds(Int64.max)
        }
        var random = SeededGenerator(seed: 1)
        #expect(endless.delay(afterFailures: 9, .after(.seconds(Int64.max)), using: &random) != nil)
    }

    @Test("the pause is anywhere between nothing and the longest")
    func jitter() throws {
        let policy = ReconnectPolicy()
        var random = SeededGenerator(seed: 7)
        let delays = (0..<1000).compactMap { _ in policy.delay(afterFailures: 4, .now, using: &random) }
        #expect(delays.count == 1000)
        #expect(delays.allSatisfy { .zero...(.seconds(8)) ~= $0 })
        #expect(delays.count(where: { $0 < .seconds(4) }) > 400)
        #expect(delays.count(where: { $0 > .seconds(4) }) > 400)
        #expect(try #require(delays.min()) < .milliseconds(100))
        #expect(try #require(delays.max()) > .milliseconds(7900))
    }

    @Test("the same random numbers make the same pauses")
    func deterministic() {
        var (first, second) = (SeededGenerator(seed: 3), SeededGenerator(seed: 3))
        for failures in 1...20 {
            #expect(
                ReconnectPolicy().delay(afterFailures: failures, .now, using: &first)
                    == ReconnectPolicy().delay(afterFailures: failures, .now, using: &second))
        }
    }

    @Test("a server that names a time is not asked earlier, and cannot name any time")
    func retryAfter() throws {
        var random = SeededGenerator(seed: 1)
        let policy = ReconnectPolicy()
        for (asked, least) in [(7, 7), (1 << 40, 300), (-7, 0)] {
            let delay = try #require(policy.delay(afterFailures: 1, .after(.seconds(asked)), using: &random))
            // The random pause comes on top.
            #expect(.seconds(least)...(.seconds(least + 1)) ~= delay)
        }
    }

    @Test("never is never, and one too many is too many")
    func stops() {
        var random = SeededGenerator(seed: 1)
        #expect(ReconnectPolicy().delay(afterFailures: 1, .never, using: &random) == nil)
        let policy = Self.policy { $0.maxFailures = 2 }
        #expect(policy.delay(afterFailures: 2, .now, using: &random) != nil)
        #expect(policy.delay(afterFailures: 3, .now, using: &random) == nil)
        #expect(Self.policy { $0.maxFailures = 0 }.delay(afterFailures: 1, .now, using: &random) == nil)
    }

    @Test("only a connection that lasted makes the failures before it forgotten")
    func backoff() {
        var random = SeededGenerator(seed: 1)
        var backoff = Backoff(ReconnectPolicy())
        for failures in 1...3 {
            _ = backoff.ended(.now, connectedFor: nil, using: &random)
            #expect(backoff.failures == failures)
        }
        _ = backoff.ended(.now, connectedFor: .seconds(9), using: &random)
        #expect(backoff.failures == 4)
        _ = backoff.ended(.now, connectedFor: .seconds(10), using: &random)
        #expect(backoff.failures == 1)
    }
}

@Suite("What is worth another attempt")
struct RetryTests {
    private static func closure(
        _ ending: Closure.Ending, by initiator: Closure.Initiator = .peer, received: Close? = nil, sent: Close? = nil
    ) -> Closure {
        Closure(ending: ending, initiator: initiator, sent: sent, received: received)
    }

    @Test(
        "the peer's code decides",
        arguments: [
            (1000, false), (1001, true), (1002, false), (1003, false), (1007, false), (1008, false), (1009, false),
            (1010, false), (1011, true), (1012, true), (1013, true), (1014, true), (3000, false), (4000, false),
            (4999, false),
        ] as [(UInt16, Bool)])
    func codes(code: UInt16, isWorth: Bool) {
        let received = Close(CloseCode(rawValue: code))
        for ending in [Closure.Ending.clean, .abnormal(.endOfStream), .timedOut(.write)] {
            #expect(Self.closure(ending, received: received).retry == (isWorth ? .now : .never))
        }
    }

    @Test("a loss is worth it, an end that somebody wanted is not")
    func endings() {
        #expect(Self.closure(.abnormal(.endOfStream)).retry == .now)
        #expect(Self.closure(.abnormal(.broken("reset")), by: .local).retry == .now)
        #expect(Self.closure(.timedOut(.keepAlive), by: .local).retry == .now)
        #expect(Self.closure(.timedOut(.write), by: .local).retry == .now)
        #expect(Self.closure(.timedOut(.close), by: .local, sent: Close(.normal)).retry == .never)
        #expect(Self.closure(.abnormal(.aborted), by: .local).retry == .never)
        #expect(Self.closure(.clean, received: Close(nil)).retry == .never)
        #expect(Self.closure(.clean, by: .local, received: Close(.normal), sent: Close(.normal)).retry == .never)
    }

    @Test("a message beyond the limits would come again")
    func ownLimits() {
        let violation = ProtocolViolation(.messageTooLarge(limit: 1))
        #expect(Self.closure(.failed(violation), by: .local, sent: Close(.messageTooBig)).retry == .never)
    }

    @Test(
        "statuses of a refusal",
        arguments: [
            (400, false), (401, false), (403, false), (404, false), (408, true), (410, false), (426, false),
            (429, true),
            (500, true), (501, false), (502, true), (503, true), (504, true), (505, false), (301, false), (200, false),
        ])
    func statuses(status: Int, isWorth: Bool) throws {
        let error = WebSocketError.handshakeRejected(ResponseHead(status: status), body: [])
        #expect(error.retry(at: 0) == (isWorth ? .now : .never))
        let later = ResponseHead(status: status, fields: ["Retry-After": "7"])
        #expect(
            WebSocketError.handshakeRejected(later, body: []).retry(at: 0) == (isWorth ? .after(.seconds(7)) : .never))
        let proxy = try Proxy("a")
        #expect(
            WebSocketError.proxyFailed(proxy, .refused(ResponseHead(status: status))).retry == (isWorth ? .now : .never)
        )
    }

    @Test("other errors")
    func others() throws {
        let proxy = try Proxy("a")
        let worth: [WebSocketError] = [
            .connectionFailed("refused"), .handshakeTimedOut(after: .seconds(1)), .tooManyConnecting(limit: 1),
            .proxyFailed(proxy, .ended), .proxyFailed(proxy, .socksRefused(.init(rawValue: 5))),
        ]
        for error in worth { #expect(error.retry == .now, "\(error)") }
        let not: [WebSocketError] = [
            .closing, .outboxFull, .alreadyReceiving, .invalidURL(""), .invalidHandshake(.acceptMismatch),
            .invalidSetting(""), .tlsFailed(.untrusted("")), .tlsFailed(.handshakeFailed("")),
            .redirectRefused(.tooMany(limit: 1)), .proxyFailed(proxy, .authenticationRequired),
            .proxyFailed(proxy, .authenticationRefused), .proxyFailed(proxy, .socksRefused(.init(rawValue: 2))),
            .proxyFailed(proxy, .protocolError("")), .proxyFailed(proxy, .invalidAnswer(.malformedStatusLine)),
        ]
        for error in not { #expect(error.retry == .never, "\(error)") }
    }

    @Test(
        "Retry-After (RFC 9110 §10.2.3)",
        arguments: [
            ("0", 0), ("7", 7), ("120", 120), ("99999999999999999999999", 3_162_240_000), ("", nil), ("-1", nil),
            ("1.5", nil), ("7s", nil), ("soon", nil),
            // 784111777 is Sun, 06 Nov 1994 08:49:37 GMT; it is ten seconds earlier.
            ("Sun, 06 Nov 1994 08:49:37 GMT", 10), ("Sunday, 06-Nov-94 08:49:37 GMT", 10),
            ("Sun Nov  6 08:49:37 1994", 10), ("Sun, 06 Nov 1994 08:49:27 GMT", 0),
            ("Sun, 06 Nov 1994 08:49:26 GMT", 0),
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0), ("Mon, 07 Nov 1994 08:49:37 GMT", 86_410),
            ("Tue, 29 Feb 2000 00:00:00 GMT", 951_782_400 - 784_111_767),
            ("Fri, 31 Dec 9999 23:59:60 GMT", 3_162_240_000),
            ("Sun, 06 Nov 1994 08:49:37", nil), ("Sun, 06 Nov 1994 08:49:37 CET", nil),
            ("Sun, 32 Nov 1994 08:49:37 GMT", nil), ("Sun, 06 Foo 1994 08:49:37 GMT", nil),
            ("Sun, 06 Nov 1994 24:49:37 GMT", nil), ("Sun, 06 Nov 1994 08:60:37 GMT", nil),
            ("Sun, 06 Nov 1994 08:49 GMT", nil), ("Sun, 06 Nov 99999 08:49:37 GMT", nil), ("a b c d e f", nil),
            ("a b c d e", nil),
        ] as [(String, Int64?)])
    func retryAfter(value: String, seconds: Int64?) {
        #expect(RetryAfter.delay(value, now: 784_111_767) == seconds.map { .seconds($0) })
    }
}
