import Testing
import WebSocketTesting

@testable import WebSocketCore

@Suite("Keep-alive (RFC 6455 §5.5.2)")
struct KeepAliveTests {
    private static let steady = KeepAlive.Configuration(
        interval: .seconds(10), pongTimeout: .seconds(5), jitterPercent: 0)

    private static func at(_ second: Int) -> Timestamp { .zero + .seconds(second) }

    private static func act(
        _ keepAlive: inout KeepAlive, at second: Int, isReading: Bool = true,
        _ configuration: KeepAlive.Configuration = steady
    ) -> KeepAlive.Action {
        var random = SeededGenerator(seed: UInt64(second))
        return keepAlive.timedOut(
            now: Self.at(second), isReading: isReading, configuration: configuration, random: &random)
    }

    private static func isPing(_ action: KeepAlive.Action) -> Bool {
        switch action {
        case .sendPing: true
        case .fail, .none: false
        }
    }

    @Test(
        "asks only when the interval has passed",
        arguments: [(0, false), (9, false), (10, true), (11, true), (1000, true)])
    func asksOnTime(second: Int, asks: Bool) {
        var keepAlive = KeepAlive(Self.steady, now: .zero)
        #expect(keepAlive.deadline == Self.at(10))
        #expect(Self.isPing(Self.act(&keepAlive, at: second)) == asks)
    }

    @Test("fails when no byte came after the ping in time")
    func fails() {
        var keepAlive = KeepAlive(Self.steady, now: .zero)
        #expect(Self.isPing(Self.act(&keepAlive, at: 10)))
        #expect(keepAlive.deadline == Self.at(15))
        #expect(Self.act(&keepAlive, at: 14) == .none)
        #expect(Self.act(&keepAlive, at: 15) == .fail)
    }

    @Test("any byte after the ping is a sign of life", arguments: [10, 12, 15])
    func signOfLife(second: Int) {
        var keepAlive = KeepAlive(Self.steady, now: .zero)
        #expect(Self.isPing(Self.act(&keepAlive, at: 10)))
        keepAlive.receivedBytes(now: Self.at(second))
        #expect(Self.act(&keepAlive, at: 15) == .none)
        #expect(keepAlive.deadline == Self.at(second + 10))
        #expect(Self.isPing(Self.act(&keepAlive, at: second + 10)))
    }

    @Test("bytes before the ping are none")
    func bytesBefore() {
        var keepAlive = KeepAlive(Self.steady, now: .zero)
        keepAlive.receivedBytes(now: Self.at(3))
        #expect(Self.act(&keepAlive, at: 10) == .none)
        #expect(keepAlive.deadline == Self.at(13))
        #expect(Self.isPing(Self.act(&keepAlive, at: 13)))
        #expect(Self.act(&keepAlive, at: 18) == .fail)
    }

    @Test("a peer that talks is never asked, whatever the timer does")
    func busyPeer() {
        var keepAlive = KeepAlive(Self.steady, now: .zero)
        for second in 1...500 {
            keepAlive.receivedBytes(now: Self.at(second))
            #expect(Self.act(&keepAlive, at: second) == .none)
        }
    }

    @Test("a late or duplicate timer does nothing")
    func duplicate() {
        var keepAlive = KeepAlive(Self.steady, now: .zero)
        #expect(Self.isPing(Self.act(&keepAlive, at: 10)))
        #expect(Self.act(&keepAlive, at: 10) == .none)
        #expect(Self.act(&keepAlive, at: 11) == .none)
    }

    @Test("an end that does not read does not blame its peer, and asks again later")
    func notReading() {
        var keepAlive = KeepAlive(Self.steady, now: .zero)
        #expect(Self.isPing(Self.act(&keepAlive, at: 10)))
        #expect(Self.act(&keepAlive, at: 15, isReading: false) == .none)
        #expect(keepAlive.deadline == Self.at(20))
        #expect(Self.isPing(Self.act(&keepAlive, at: 20)))
        #expect(Self.act(&keepAlive, at: 25) == .fail)
    }

    @Test("after each timer the next deadline lies ahead, or an action was taken")
    func noSpin() {
        let configurations = [
            Self.steady, .init(), .init(interval: .seconds(1), pongTimeout: .seconds(10), jitterPercent: 100),
            .init(interval: .seconds(10), pongTimeout: .seconds(1), jitterPercent: 50),
        ]
        for configuration in configurations {
            for isReading in [true, false] {
                var keepAlive = KeepAlive(configuration, now: .zero)
                var now = Timestamp.zero
                var random = SeededGenerator(seed: 3)
                var actions = 0
                for _ in 0..<100 {
                    now = max(now, keepAlive.deadline)
                    let action = keepAlive.timedOut(
                        now: now, isReading: isReading, configuration: configuration, random: &random)
                    if action == .fail { break }
                    if action == .none, keepAlive.deadline <= now { actions += 1 }
                }
                // At most the turn from a pong's deadline to an interval that is over already.
                #expect(actions <= 100 / 2)
            }
        }
    }

    @Test("intervals are shortened by up to the jitter, and differ", arguments: [0, 10, 100])
    func jitter(percent: Int) {
        let configuration = KeepAlive.Configuration(
            interval: .seconds(100), pongTimeout: .seconds(5), jitterPercent: percent)
        var deadlines: Set<UInt64> = []
        var random = SeededGenerator(seed: 9)
        for _ in 0..<200 {
            var keepAlive = KeepAlive(configuration, now: .zero)
            keepAlive.receivedBytes(now: Self.at(100))
            // The timer of the first interval fires and is moved.
            let action = keepAlive.timedOut(
                now: Self.at(100), isReading: true, configuration: configuration, random: &random)
            if percent == 100, Self.isPing(action) { continue }
            let wait = keepAlive.deadline.duration(since: Self.at(100))
            #expect(wait <= .seconds(100))
            #expect(wait >= .seconds(100 - percent))
            deadlines.insert(keepAlive.deadline.nanoseconds)
        }
        #expect(percent == 0 ? deadlines.count == 1 : deadlines.count > 50)
    }

    @Test("the payload of pings is random")
    func payloads() {
        var random = SeededGenerator(seed: 4)
        var payloads: Set<UInt64> = []
        for _ in 0..<100 {
            var keepAlive = KeepAlive(Self.steady, now: .zero)
            switch keepAlive.timedOut(now: Self.at(10), isReading: true, configuration: Self.steady, random: &random) {
            case .sendPing(let payload): payloads.insert(payload)
            case .fail, .none: Issue.record("no ping")
            }
        }
        #expect(payloads.count == 100)
    }

    @Test("a percentage out of range is the nearest in range", arguments: [(-5, 0), (0, 0), (100, 100), (1000, 100)])
    func percentage(given: Int, kept: Int) {
        #expect(KeepAlive.Configuration(jitterPercent: given).jitterPercent == kept)
    }

    @Test("an interval without end never ends and does not trap")
    func endless() async {
        await #expect(processExitsWith: .success) {
            let configuration = KeepAlive.Configuration(interval: .seconds(Int64.max), pongTimeout: .seconds(Int64.max))
            var keepAlive = KeepAlive(configuration, now: .zero)
            var random = SystemRandomNumberGenerator()
            keepAlive.receivedBytes(now: Timestamp(nanoseconds: 1 << 62))
            _ = keepAlive.timedOut(now: .distantFuture, isReading: true, configuration: configuration, random: &random)
        }
    }
}
