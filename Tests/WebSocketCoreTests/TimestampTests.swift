import Testing
import WebSocketCore

@Suite("Timestamps")
struct TimestampTests {
    @Test(
        "a duration is added to the nanosecond",
        arguments: [
            (0, Duration.zero, 0), (5, .nanoseconds(7), 12), (0, .seconds(1), 1_000_000_000),
            (1, .milliseconds(1500), 1_500_000_001), (10, .seconds(3600 * 24 * 365), 31_536_000_000_000_010),
        ] as [(UInt64, Duration, UInt64)])
    func addition(start: UInt64, duration: Duration, end: UInt64) {
        #expect(Timestamp(nanoseconds: start) + duration == Timestamp(nanoseconds: end))
    }

    @Test(
        "what would lie beyond the range is the distant future",
        arguments: [
            (UInt64.max, Duration.nanoseconds(1)), (.max - 1, .nanoseconds(2)), (0, .seconds(Int64.max)),
            (1, .seconds(18_446_744_074)), (.max, .seconds(1)), (0, .seconds(18_446_744_073) + .seconds(1)),
        ])
    func saturation(start: UInt64, duration: Duration) {
        #expect(Timestamp(nanoseconds: start) + duration == .distantFuture)
    }

    @Test("the last instants are reached without clamping")
    func last() {
        #expect((Timestamp(nanoseconds: .max - 1) + .nanoseconds(1)) == .distantFuture)
        #expect((Timestamp.zero + .seconds(18_446_744_073)) < .distantFuture)
        #expect((Timestamp.distantFuture + .zero) == .distantFuture)
    }

    @Test(
        "a negative duration does not turn time back",
        arguments: [
            Duration.nanoseconds(-1), .seconds(-1), .seconds(Int64.min), .milliseconds(-1),
            .seconds(-1) + .nanoseconds(1),
        ])
    func negative(duration: Duration) {
        #expect(Timestamp(nanoseconds: 500) + duration == Timestamp(nanoseconds: 500))
        #expect(Timestamp.zero + duration == .zero)
    }

    @Test("what is finer than a nanosecond is dropped")
    func attoseconds() {
        let duration = Duration(secondsComponent: 0, attosecondsComponent: 1_999_999_999)
        #expect(Timestamp.zero + duration == Timestamp(nanoseconds: 1))
    }

    @Test("the duration since an instant is never negative, and clamped to what a duration of nanoseconds can say")
    func since() {
        let early = Timestamp(nanoseconds: 10)
        let late = Timestamp(nanoseconds: 25)
        #expect(late.duration(since: early) == .nanoseconds(15))
        #expect(early.duration(since: late) == .zero)
        #expect(early.duration(since: early) == .zero)
        #expect(Timestamp.distantFuture.duration(since: .zero) == .nanoseconds(Int64.max))
    }

    @Test("instants are ordered")
    func order() {
        #expect(Timestamp.zero < Timestamp(nanoseconds: 1))
        #expect(Timestamp(nanoseconds: 1) < .distantFuture)
        #expect(!(Timestamp.zero < .zero))
    }
}
