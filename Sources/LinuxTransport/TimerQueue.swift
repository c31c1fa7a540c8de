#if os(Linux)
import HeapModule
import NIOCore

/// What is to be done at what time, the earliest first.
struct TimerQueue {
    /// One thing to do once.
    final class Timer: Comparable, @unchecked Sendable {
        // `@unchecked`: made on any thread, used on the loop's.
        let deadline: NIODeadline
        fileprivate var body: (() -> Void)?
        fileprivate var onCancel: (() -> Void)?
        fileprivate var isCancelled = false
        fileprivate var order: UInt64 = 0

        init(deadline: NIODeadline, _ body: @escaping () -> Void) {
            self.deadline = deadline
            self.body = body
        }

        static func < (left: Timer, right: Timer) -> Bool {
            (left.deadline, left.order) < (right.deadline, right.order)
        }

        static func == (left: Timer, right: Timer) -> Bool { left === right }
    }

    private var heap = Heap<Timer>()
    private var lastOrder: UInt64 = 0
    private var cancelled = 0

    /// Those that wait, and some that have been cancelled.
    var count: Int { self.heap.count }

    var earliest: NIODeadline? { self.heap.min?.deadline }

    /// - Parameter onCancel: called when the loop ends before the timer is due.
    mutating func insert(_ timer: Timer, onCancel: @escaping () -> Void) {
        if timer.isCancelled { return }
        self.lastOrder += 1
        timer.order = self.lastOrder
        timer.onCancel = onCancel
        self.heap.insert(timer)
    }

    /// Does nothing if it has been due already.
    mutating func cancel(_ timer: Timer) {
        if timer.isCancelled || timer.body == nil { return }
        timer.isCancelled = true
        timer.body = nil
        timer.onCancel = nil
        guard timer.order > 0 else { return }
        self.cancelled += 1
        // Cancelled ones stay until they are due, unless they become the larger part.
        if self.cancelled > 64, self.cancelled > self.heap.count / 2 {
            self.heap = Heap(self.heap.unordered.lazy.filter { !$0.isCancelled })
            self.cancelled = 0
        }
    }

    /// What is to be done next, if it is due at `now`.
    mutating func takeDue(_ now: NIODeadline) -> (() -> Void)? {
        while let timer = self.heap.min, timer.deadline <= now {
            self.heap.removeMin()
            if timer.isCancelled {
                self.cancelled -= 1
                continue
            }
            timer.onCancel = nil
            return timer.body.take()
        }
        return nil
    }

    /// The loop ends.
    mutating func cancelAll() {
        while let timer = self.heap.popMin() {
            timer.isCancelled = true
            // Whatever it was to do holds the loop, perhaps.
            timer.body = nil
            timer.onCancel.take()?()
        }
    }
}
#endif
