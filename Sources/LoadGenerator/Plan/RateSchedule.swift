/// When the messages of a fixed rate are due: connection after connection, round after round, at equal distances.
///
///     start      + period   + 2 periods           + connections × period
///     │ 0, round 0 │ 1, round 0 │ …  last, round 0 │ 0, round 1 │ …
///
/// The times do not depend on what has happened: who is late stays due since then, and the latency of a message counts
/// from the time when it was due (coordinated omission).
package struct RateSchedule: Sendable, Equatable {
    /// Nanoseconds of the monotonic clock.
    package let start: UInt64
    package let nanosecondsBetween: Double
    package let connections: Int

    /// - Parameters:
    ///   - start: when the first message is due, in nanoseconds.
    ///   - rate: messages a second of all connections together, above 0.
    ///   - connections: at least 1.
    package init(start: UInt64, rate: Double, connections: Int) {
        precondition(rate > 0 && connections > 0)
        self.start = start
        self.nanosecondsBetween = 1e9 / rate
        self.connections = connections
    }

    /// When message `round` of `connection` is due. Exact to a nanosecond for a hundred days.
    package func time(ofRound round: Int, connection: Int) -> UInt64 {
        self.time(of: round &* self.connections &+ connection)
    }

    /// When message `number` of all is due.
    package func time(of number: Int) -> UInt64 {
        self.start &+ UInt64(Double(number) * self.nanosecondsBetween)
    }

    /// How many messages are due before `time`.
    package func count(before time: UInt64) -> Int {
        guard time > self.start else { return 0 }
        let count = Int((Double(time &- self.start) / self.nanosecondsBetween).rounded(.up))
        // Rounding may have been on the other side when the times were made.
        if count > 0, self.time(of: count - 1) >= time { return count - 1 }
        return self.time(of: count) < time ? count + 1 : count
    }

    /// How many messages of `connection` are due before `time`.
    package func rounds(before time: UInt64, connection: Int) -> Int {
        let count = self.count(before: time)
        return count > connection ? (count - connection - 1) / self.connections + 1 : 0
    }

    /// The part of one of several event loops: a schedule of its own connections, whose times fall between the others'.
    ///
    /// - Parameters:
    ///   - rate: of all loops together.
    ///   - loop: which of the loops.
    ///   - connections: how many are on this loop; at least 1.
    ///   - total: how many there are.
    package static func part(start: UInt64, rate: Double, loop: Int, connections: Int, of total: Int) -> RateSchedule {
        let shift = UInt64(Double(loop) * 1e9 / rate)
        return RateSchedule(
            start: start &+ shift, rate: rate * Double(connections) / Double(total), connections: connections)
    }
}

/// How `total` things are shared by `count`: whole numbers that differ by one at most.
package func share(_ total: Int, of count: Int, index: Int) -> Int {
    total / count + (index < total % count ? 1 : 0)
}
