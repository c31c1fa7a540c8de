/// An instant of a monotonic clock, in nanoseconds since an origin that only the caller knows.
///
/// The core never reads a clock: whoever drives it passes the time in.
public struct Timestamp: Sendable, Hashable, Comparable {
    public var nanoseconds: UInt64

    @inlinable
    public init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    /// The clock's origin.
    public static let zero = Timestamp(nanoseconds: 0)

    /// An instant that never comes.
    public static let distantFuture = Timestamp(nanoseconds: .max)

    @inlinable
    public static func < (left: Timestamp, right: Timestamp) -> Bool { left.nanoseconds < right.nanoseconds }

    /// The instant `duration` later; ends of the range are clamped, so no duration can trap.
    public static func + (instant: Timestamp, duration: Duration) -> Timestamp {
        let (seconds, attoseconds) = duration.components
        if seconds < 0 || attoseconds < 0 { return instant }
        let (whole, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        if overflow { return .distantFuture }
        let part = UInt64(attoseconds) / 1_000_000_000
        let (sum, overflow2) = whole.addingReportingOverflow(part)
        let (result, overflow3) = instant.nanoseconds.addingReportingOverflow(sum)
        return overflow2 || overflow3 ? .distantFuture : Timestamp(nanoseconds: result)
    }

    /// The time from `earlier` to this instant, zero if it lies in the future.
    @inlinable
    public func duration(since earlier: Timestamp) -> Duration {
        guard self > earlier else { return .zero }
        return .nanoseconds(Int64(clamping: self.nanoseconds - earlier.nanoseconds))
    }
}
