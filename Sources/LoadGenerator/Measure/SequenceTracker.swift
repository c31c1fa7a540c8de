/// Which numbers of one publisher a subscriber has got.
///
/// The last 64 numbers below the next one expected are remembered one by one: one that comes late is told from one that
/// comes twice. One that comes still later than that counts as out of order.
package struct SequenceTracker: Equatable {
    package enum Arrival: Equatable {
        case inOrder
        /// So many were left out. They may come yet.
        case afterGap(Int)
        /// It was left out before, or its place is not remembered any more.
        case outOfOrder
        case duplicate
    }

    /// The number that comes next if all is well.
    package private(set) var expected: UInt64 = 0
    /// Bit n: number `expected` - 1 - n has come.
    private var seen: UInt64 = 0

    package init() {}

    package mutating func received(_ number: UInt32) -> Arrival {
        let number = UInt64(number)
        if number == self.expected {
            self.advance(by: 1)
            return .inOrder
        }
        if number > self.expected {
            let gap = number - self.expected
            self.advance(by: gap + 1)
            return .afterGap(Int(gap))
        }
        let back = self.expected - 1 - number
        guard back < 64 else { return .outOfOrder }
        let bit = UInt64(1) << back
        if self.seen & bit != 0 { return .duplicate }
        self.seen |= bit
        return .outOfOrder
    }

    private mutating func advance(by count: UInt64) {
        self.expected += count
        self.seen = count < 64 ? self.seen << count | 1 : 1
    }
}
