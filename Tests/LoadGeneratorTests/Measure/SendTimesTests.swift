import LoadGenerator
import Testing

@Suite("The ring of send times")
struct SendTimesTests {
    @Test("gives back in order, whatever its capacity, many times around", arguments: [1, 2, 3, 7, 8, 100])
    func order(capacity: Int) {
        var times = SendTimes(capacity: capacity)
        var given: UInt64 = 0
        var taken: UInt64 = 0
        for step in 0..<(capacity * 5 + 17) {
            while !times.isFull {
                let isAccepted = times.append(.init(due: given, sent: given + 1))
                #expect(isAccepted)
                given += 1
            }
            #expect(times.count == capacity)
            let isAccepted = times.append(.init(due: 0, sent: 0))
            #expect(!isAccepted)
            for _ in 0...(step % capacity) {
                let entry = times.removeFirst()
                #expect(entry == .init(due: taken, sent: taken + 1))
                taken += 1
            }
        }
        while times.count > 0 {
            let entry = times.removeFirst()
            #expect(entry?.due == taken)
            taken += 1
        }
        #expect(taken == given)
        let none = times.removeFirst()
        #expect(none == nil)
    }
}
