import LoadGenerator
import Testing

@Suite("Latencies")
struct LatenciesTests {
    private static func latencies(_ values: some Sequence<UInt64>) -> Latencies {
        var latencies = Latencies()
        for value in values { latencies.record(value) }
        return latencies
    }

    /// To the three digits that a histogram keeps.
    private static func isNear(_ value: UInt64, _ expected: UInt64) -> Bool {
        abs(Double(value) - Double(expected)) <= Double(expected) / 1000 + 1
    }

    @Test(
        "percentiles of 1 to 10,000 µs",
        arguments: [(50.0, 5_000), (75, 7_500), (90, 9_000), (99, 9_900), (99.9, 9_990), (99.99, 9_999), (100, 10_000)])
    func percentiles(percent: Double, microseconds: UInt64) {
        let latencies = Self.latencies((1...10_000).map { $0 * 1000 })
        #expect(Self.isNear(latencies.nanoseconds(at: percent), microseconds * 1000))
    }

    @Test("smallest, largest, mean")
    func summary() {
        let latencies = Self.latencies([1_000_000, 2_000_000, 6_000_000])
        #expect(latencies.count == 3)
        #expect(latencies.min == 1_000_000)
        #expect(latencies.max == 6_000_000)
        #expect(Self.isNear(UInt64(latencies.mean), 3_000_000))
    }

    @Test("nothing recorded")
    func empty() {
        let latencies = Latencies()
        #expect(latencies.isEmpty)
        #expect([latencies.min, latencies.max, latencies.nanoseconds(at: 50), UInt64(latencies.mean)] == [0, 0, 0, 0])
        #expect(latencies.distribution.isEmpty)
        #expect(latencies.counts(endingAt: [1]) == [0])
    }

    @Test("the largest number there is takes a place, too")
    func huge() {
        let latencies = Self.latencies([.max, 5])
        #expect(latencies.count == 2)
        #expect(latencies.max == 1 << 52)
    }

    @Test("merged is as if recorded together, in any order")
    func merged() {
        let all = (1...1000 as ClosedRange<UInt64>).map { $0 * $0 * 1000 }
        var merged = Self.latencies(all.prefix(100))
        merged.add(Latencies())
        merged.add(Self.latencies(all.dropFirst(100)))
        var backwards = Self.latencies(all.dropFirst(100))
        backwards.add(Self.latencies(all.prefix(100)))
        let together = Self.latencies(all)
        #expect(merged == together)
        #expect(backwards == together)
    }

    @Test("counts by ranges, every one in one")
    func ranges() {
        let latencies = Self.latencies([1, 10, 10, 11, 999, 1000])
        #expect(latencies.counts(endingAt: [10, 11, 1000]) == [3, 1, 2])
    }

    @Test("corrected for an expected interval: those that were not sent meanwhile are added")
    func corrected() {
        // A second of silence where a message was due each 100 ms.
        let corrected = Self.latencies([1_000_000, 1_000_000_000]).corrected(interval: 100_000_000)
        #expect(corrected.count == 11)
        #expect(Self.isNear(corrected.nanoseconds(at: 50), 500_000_000))
        #expect(Self.latencies([5, 6]).corrected(interval: 0) == Self.latencies([5, 6]))
    }

    @Test("the distribution ends with all of them")
    func distribution() throws {
        let latencies = Self.latencies((1...1000).map { $0 * 1000 })
        let last = try #require(latencies.distribution.last)
        #expect(last.percent == 100)
        #expect(last.count == 1000)
        #expect(last.nanoseconds == latencies.max)
        #expect(latencies.distribution.map(\.nanoseconds) == latencies.distribution.map(\.nanoseconds).sorted())
    }
}
