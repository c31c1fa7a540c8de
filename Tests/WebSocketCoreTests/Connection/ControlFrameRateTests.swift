import Testing

@testable import WebSocketCore

@Suite("The rate of control frames")
struct ControlFrameRateTests {
    private static func limits(perSecond: Int, burst: Int) -> Limits {
        var limits = Limits()
        (limits.controlFramesPerSecond, limits.controlFrameBurst) = (perSecond, burst)
        return limits
    }

    private static func admitted(
        _ rate: inout ControlFrameRate, at now: Timestamp, _ limits: Limits, upTo most: Int = 100_000
    ) -> Int {
        var count = 0
        while count < most, rate.admits(now: now, limits: limits) { count += 1 }
        return count
    }

    private static func admits(_ rate: inout ControlFrameRate, at now: Timestamp, _ limits: Limits) -> Bool {
        rate.admits(now: now, limits: limits)
    }

    @Test("admits a burst and not one more", arguments: [1, 2, 100])
    func burst(burst: Int) {
        let limits = Self.limits(perSecond: 20, burst: burst)
        var rate = ControlFrameRate()
        #expect(Self.admitted(&rate, at: .zero, limits) == burst)
        #expect(!Self.admits(&rate, at: .zero, limits))
        var late = ControlFrameRate()
        #expect(Self.admitted(&late, at: Timestamp(nanoseconds: 1 << 60), limits) == burst)
    }

    @Test("admits one more for each interval that has passed, and not earlier")
    func steady() {
        let limits = Self.limits(perSecond: 10, burst: 5)
        var rate = ControlFrameRate()
        #expect(Self.admitted(&rate, at: .zero, limits) == 5)
        #expect(!Self.admits(&rate, at: .zero + .nanoseconds(99_999_999), limits))
        for index in 1...100 {
            let now = Timestamp.zero + .milliseconds(100 * index)
            #expect(Self.admits(&rate, at: now, limits))
            #expect(!Self.admits(&rate, at: now, limits))
        }
    }

    @Test("a refusal costs the peer nothing of its later allowance")
    func refusalsAreFree() {
        let limits = Self.limits(perSecond: 10, burst: 2)
        var rate = ControlFrameRate()
        #expect(Self.admitted(&rate, at: .zero, limits) == 2)
        for _ in 0..<1000 { #expect(!Self.admits(&rate, at: .zero, limits)) }
        #expect(Self.admits(&rate, at: .zero + .milliseconds(100), limits))
    }

    @Test("silence gives the burst back, never more")
    func recovers() {
        let limits = Self.limits(perSecond: 10, burst: 5)
        var rate = ControlFrameRate()
        #expect(Self.admitted(&rate, at: .zero, limits) == 5)
        #expect(Self.admitted(&rate, at: .zero + .milliseconds(300), limits) == 3)
        #expect(Self.admitted(&rate, at: .zero + .seconds(3600), limits) == 5)
    }

    @Test("over a long time the peer gets the rate and one burst", arguments: [1, 20, 1000])
    func longRun(perSecond: Int) {
        let limits = Self.limits(perSecond: perSecond, burst: 10)
        var rate = ControlFrameRate()
        var count = 0
        for millisecond in 0..<10_000 {
            count += Self.admitted(&rate, at: .zero + .milliseconds(millisecond), limits, upTo: 3)
        }
        #expect((perSecond * 10 - 1...perSecond * 10 + 10).contains(count))
    }

    @Test(
        "limits without sense neither trap nor lock anybody out",
        arguments: [
            (Int.min, Int.min), (0, 0), (-1, -1), (1, .max), (.max, .max), (.max, 1), (1, 1),
        ])
    func extremes(perSecond: Int, burst: Int) {
        let limits = Self.limits(perSecond: perSecond, burst: burst)
        for now in [Timestamp.zero, Timestamp(nanoseconds: 1 << 62)] {
            var rate = ControlFrameRate()
            #expect(Self.admits(&rate, at: now, limits))
        }
        var last = ControlFrameRate()
        _ = last.admits(now: .distantFuture, limits: limits)
    }

    @Test("a clock that stands still or goes back is no trap")
    func oddClock() {
        let limits = Self.limits(perSecond: 10, burst: 3)
        var rate = ControlFrameRate()
        #expect(Self.admits(&rate, at: Timestamp(nanoseconds: 1 << 40), limits))
        #expect(!Self.admits(&rate, at: .zero, limits))
    }
}
