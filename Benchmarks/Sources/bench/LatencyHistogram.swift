/// Times in nanoseconds, counted in buckets that are at most 1.6 % wide.
struct LatencyHistogram {
    private var counts = [UInt64](repeating: 0, count: 64 * 59)
    private(set) var total: UInt64 = 0

    mutating func add(_ nanoseconds: UInt64) {
        self.counts[Self.bucket(nanoseconds)] &+= 1
        self.total &+= 1
    }

    /// The time that `share` of all times do not exceed: the upper end of its bucket. 0 if there are none.
    func percentile(_ share: Double) -> UInt64 {
        let rank = UInt64((Double(self.total) * share).rounded(.up))
        var seen: UInt64 = 0
        for (bucket, count) in self.counts.enumerated() {
            seen += count
            if count > 0, seen >= rank { return Self.upperEnd(bucket) }
        }
        return 0
    }

    /// The six bits behind the highest one tell the bucket within a power of two.
    private static func bucket(_ value: UInt64) -> Int {
        let shift = max(0, 57 - value.leadingZeroBitCount)
        return shift * 64 + Int(value >> UInt64(shift))
    }

    private static func upperEnd(_ bucket: Int) -> UInt64 {
        let shift = max(0, bucket / 64 - 1)
        let base = UInt64(bucket - shift * 64)
        return ((base &+ 1) << UInt64(shift)) &- 1
    }
}
