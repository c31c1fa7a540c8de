package import Histogram

/// Times in nanoseconds, to three digits: a High Dynamic Range histogram.
package struct Latencies: Sendable, Equatable {
    package private(set) var histogram = Histogram<UInt64>(numberOfSignificantValueDigits: .three)

    package init() {}

    package var count: UInt64 { self.histogram.totalCount }
    package var isEmpty: Bool { self.count == 0 }

    /// Longer than any run.
    private static let longest: UInt64 = 1 << 52

    package mutating func record(_ nanoseconds: UInt64) {
        self.histogram.record(Swift.min(nanoseconds, Self.longest))
    }

    package mutating func add(_ other: Latencies) {
        if !other.isEmpty { self.histogram.add(other.histogram) }
    }

    /// A time, and how many percent took no longer.
    package struct Percentile: Sendable, Equatable {
        package let percent: Double
        package let nanoseconds: UInt64
        /// How many were not slower.
        package let count: UInt64
    }

    /// - Parameter percent: 0 to 100.
    package func nanoseconds(at percent: Double) -> UInt64 {
        self.isEmpty ? 0 : self.histogram.valueAtPercentile(percent)
    }

    package var min: UInt64 { self.isEmpty ? 0 : self.histogram.min }
    package var max: UInt64 { self.isEmpty ? 0 : self.histogram.maxRecorded }
    package var mean: Double { self.isEmpty ? 0 : self.histogram.mean }
    package var standardDeviation: Double { self.isEmpty ? 0 : self.histogram.stdDeviation }

    /// The steps of HdrHistogram's percentile distribution, five for each half of what is left, each value once.
    package var distribution: [Percentile] {
        var steps: [Percentile] = []
        if self.isEmpty { return steps }
        for step in self.histogram.percentiles(ticksPerHalfDistance: 5) {
            let nanoseconds = Swift.min(step.value, self.max)
            if steps.last?.nanoseconds == nanoseconds { continue }
            let percent = Double(step.totalCountToThisValue) * 100 / Double(self.count)
            steps.append(
                Percentile(percent: percent, nanoseconds: nanoseconds, count: step.totalCountToThisValue))
        }
        return steps
    }

    /// How many lie in each range, the first beginning at 0 and the others where the one before ends.
    ///
    /// - Parameter ends: ascending; each belongs to the range that it ends.
    package func counts(endingAt ends: [UInt64]) -> [UInt64] {
        var counts = [UInt64](repeating: 0, count: ends.count)
        for step in self.histogram.recordedValues() {
            let value = Swift.min(step.value, self.max)
            if let index = ends.firstIndex(where: { value <= $0 }) { counts[index] += step.count }
        }
        return counts
    }

    /// As if a message had been due each `interval`: where one took longer, those that should have been sent meanwhile
    /// and could not are added (HdrHistogram's correction for coordinated omission).
    package func corrected(interval: UInt64) -> Latencies {
        guard interval > 0 else { return self }
        var corrected = Latencies()
        for step in self.histogram.recordedValues() {
            corrected.histogram.recordCorrectedValue(step.value, count: step.count, expectedInterval: interval)
        }
        return corrected
    }
}
