#if os(Linux)
import NIOCore
import Testing

@testable import LinuxTransport

@Suite("What is to be done later")
struct TimerQueueTests {
    @Test("is done in the order of its time, and of its coming where the time is the same", arguments: 1...8)
    func order(seed: UInt64) {
        var random = Seeded(state: seed)
        var queue = TimerQueue()
        var done: [Int] = []
        var expected: [(Int, Int)] = []
        var cancelled = 0
        for number in 0..<1_000 {
            let due = random.below(100)
            let timer = TimerQueue.Timer(deadline: .uptimeNanoseconds(UInt64(due))) { done.append(number) }
            queue.insert(timer) { cancelled += 1 }
            if random.below(3) == 0 {
                queue.cancel(timer)
                queue.cancel(timer)
            } else {
                expected.append((due, number))
            }
        }
        for now in [20, 50, 50, 98] {
            while let body = queue.takeDue(.uptimeNanoseconds(UInt64(now))) { body() }
            #expect(done == expected.filter { $0.0 <= now }.sorted { $0 < $1 }.map(\.1))
            #expect((queue.earliest.map { $0.uptimeNanoseconds > UInt64(now) }) != false)
        }
        let left = expected.count - done.count
        queue.cancelAll()
        #expect(cancelled == left)
    }

    @Test("cancelled ones do not pile up")
    func cancelled() {
        var queue = TimerQueue()
        for _ in 0..<10_000 {
            let timer = TimerQueue.Timer(deadline: .distantFuture) {}
            queue.insert(timer) {}
            queue.cancel(timer)
        }
        #expect(queue.count < 200)
    }

    @Test("one that is cancelled before it arrives is not kept")
    func early() {
        var queue = TimerQueue()
        let timer = TimerQueue.Timer(deadline: .uptimeNanoseconds(0)) { Issue.record("cancelled") }
        queue.cancel(timer)
        queue.insert(timer) { Issue.record("not kept") }
        #expect(queue.takeDue(.distantFuture).map { _ in true } == nil)
        queue.cancelAll()
    }
}
#endif
