import LoadGenerator
import Testing

@Suite("Which numbers of a publisher have come")
struct SequenceTrackerTests {
    @Test(
        "gaps, late ones and duplicates",
        arguments: [
            ([0, 1, 2], [.inOrder, .inOrder, .inOrder]),
            ([0, 0], [.inOrder, .duplicate]),
            ([2], [.afterGap(2)]),
            ([2, 0, 1, 3], [.afterGap(2), .outOfOrder, .outOfOrder, .inOrder]),
            ([.max, .max], [.afterGap(Int(UInt32.max)), .duplicate]),
            ([2, 0, 0, 2], [.afterGap(2), .outOfOrder, .duplicate, .duplicate]),
            (
                [100, 36, 35, 37, 37, 99, 99],
                [
                    // 64 are remembered: 37 and later. What is older may be either.
                    .afterGap(100), .outOfOrder, .outOfOrder, .outOfOrder, .duplicate, .outOfOrder, .duplicate,
                ]
            ),
            ([64, 0, 0], [.afterGap(64), .outOfOrder, .outOfOrder]),
            ([63, 0, 0], [.afterGap(63), .outOfOrder, .duplicate]),
        ] as [([UInt32], [SequenceTracker.Arrival])])
    func arrivals(numbers: [UInt32], arrivals: [SequenceTracker.Arrival]) {
        var tracker = SequenceTracker()
        var seen: [SequenceTracker.Arrival] = []
        for number in numbers { seen.append(tracker.received(number)) }
        #expect(seen == arrivals)
    }

    @Test("the next one expected is behind the highest")
    func expected() {
        var tracker = SequenceTracker()
        for number in [5, 3, 9, 1] as [UInt32] { _ = tracker.received(number) }
        #expect(tracker.expected == 10)
    }
}
