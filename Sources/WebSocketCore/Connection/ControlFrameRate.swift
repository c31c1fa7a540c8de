/// Lets a peer send control frames at a steady rate with bursts, in one number (the generic cell rate algorithm).
struct ControlFrameRate {
    /// When, at the steady rate, all frames so far would have been sent.
    private var due: UInt64 = 0

    /// Whether one more frame is within the limits.
    mutating func admits(now: Timestamp, limits: Limits) -> Bool {
        let interval = 1_000_000_000 / UInt64(max(1, limits.controlFramesPerSecond))
        let tolerance = interval.multipliedReportingOverflow(by: UInt64(max(1, limits.controlFrameBurst)))
        if tolerance.overflow { return true }
        let start = max(self.due, now.nanoseconds)
        let (next, overflow) = start.addingReportingOverflow(interval)
        if overflow || next - now.nanoseconds > tolerance.partialValue { return false }
        self.due = next
        return true
    }
}
