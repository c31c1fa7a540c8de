import WebSocketCore

/// The deadlines of one loop's members, the earliest first: a binary heap in which each member knows its own place, so
/// that it can move or leave at once. Eight bytes for each member that waits.
struct DeadlineQueue {
    private var heap: [LoopMember] = []

    var earliest: Timestamp? { self.heap.first?.armed }

    var count: Int { self.heap.count }

    /// Gives `member` this deadline, whether or not it had one before.
    mutating func set(_ member: LoopMember, _ deadline: Timestamp) {
        member.armed = deadline
        if member.place < 0 {
            member.place = Int32(clamping: self.heap.count)
            self.heap.append(member)
            self.rise(Int(member.place))
        } else {
            self.rise(Int(member.place))
            self.sink(Int(member.place))
        }
    }

    /// The member whose deadline is the earliest, if that is not later than `now`. It has none any more.
    mutating func takeDue(_ now: Timestamp) -> LoopMember? {
        guard let first = self.heap.first, first.armed <= now else { return nil }
        self.remove(first)
        return first
    }

    /// Does nothing if it has none.
    mutating func remove(_ member: LoopMember) {
        let place = Int(member.place)
        guard place >= 0 else { return }
        member.place = -1
        member.armed = .distantFuture
        let last = self.heap.removeLast()
        if last === member { return }
        self.heap[place] = last
        last.place = Int32(clamping: place)
        self.rise(place)
        self.sink(Int(last.place))
    }

    private mutating func rise(_ place: Int) {
        var place = place
        while place > 0 {
            let parent = (place - 1) / 2
            guard self.heap[place].armed < self.heap[parent].armed else { return }
            self.exchange(place, parent)
            place = parent
        }
    }

    private mutating func sink(_ place: Int) {
        var place = place
        while true {
            var least = place
            let left = 2 * place + 1
            if left < self.heap.count, self.heap[left].armed < self.heap[least].armed { least = left }
            if left + 1 < self.heap.count, self.heap[left + 1].armed < self.heap[least].armed { least = left + 1 }
            if least == place { return }
            self.exchange(place, least)
            place = least
        }
    }

    private mutating func exchange(_ left: Int, _ right: Int) {
        self.heap.swapAt(left, right)
        self.heap[left].place = Int32(clamping: left)
        self.heap[right].place = Int32(clamping: right)
    }
}
