/// Lets a peer send control frames at a steady rate with bursts, in one number (the generic cell rate algorithm).
struct ControlFrameRate {
    /// When, at the steady rate, all frames so far would have been sent.
    private var due: UInt64 = 0
    /// Time in which this end did not read what the peer sent: what comes at once later was not sent at once.
    private var credit: UInt64 = 0

    mutating func notReading(from: Timestamp, to now: Timestamp) {
        guard now > from else { return }
        let (sum, overflow) = self.credit.addingReportingOverflow(now.nanoseconds - from.nanoseconds)
        self.credit = overflow ? .max : sum
    }

    /// Whether one more frame is within the limits.
    mutating func admits(now: Timestamp, limits: Limits) -> Bool {
        let interval = 1_000_000_000 / UInt64(max(1, limits.controlFramesPerSecond))
        let tolerance = interval.multipliedReportingOverflow(by: UInt64(max(1, limits.controlFrameBurst)))
        if tolerance.overflow { return true }
        let start = max(self.due, now.nanoseconds)
        let (next, overflow) = start.addingReportingOverflow(interval)
        if overflow || next - now.nanoseconds > tolerance.partialValue {
            guard self.credit >= interval else { return false }
            self.credit -= interval
            return true
        }
        self.due = next
        return true
    }
}
