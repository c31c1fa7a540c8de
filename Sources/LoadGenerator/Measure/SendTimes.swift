/// When the messages were sent that wait for their answer. Answers come in the order of the messages, so a ring of fixed
/// capacity is enough: nothing is allocated for a message.
package struct SendTimes: ~Copyable {
    package struct Entry: Equatable {
        /// When it should have been sent: what its latency counts from.
        package var due: UInt64
        /// When it was sent.
        package var sent: UInt64

        package init(due: UInt64, sent: UInt64) {
            self.due = due
            self.sent = sent
        }
    }

    /// Has a power of two as its size, so that a position is cut to an index.
    private let entries: UnsafeMutableBufferPointer<Entry>
    private var first = 0
    private var next = 0
    package let capacity: Int

    /// - Parameter capacity: how many may wait; at least 1.
    package init(capacity: Int) {
        precondition(capacity > 0)
        var size = 1
        while size < capacity { size <<= 1 }
        self.entries = .allocate(capacity: size)
        self.entries.initialize(repeating: Entry(due: 0, sent: 0))
        self.capacity = capacity
    }

    deinit { self.entries.deallocate() }

    package var count: Int { self.next &- self.first }
    package var isFull: Bool { self.count >= self.capacity }

    /// - Returns: `false` if it is full.
    package mutating func append(_ entry: Entry) -> Bool {
        guard !self.isFull else { return false }
        self.entries[self.next & (self.entries.count &- 1)] = entry
        self.next &+= 1
        return true
    }

    /// The oldest; `nil` if nothing waits.
    package mutating func removeFirst() -> Entry? {
        guard self.first != self.next else { return nil }
        let entry = self.entries[self.first & (self.entries.count &- 1)]
        self.first &+= 1
        return entry
    }
}
