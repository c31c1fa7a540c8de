import Synchronization

/// Ends a run early, from any thread: what has been measured is reported.
package final class StopRequest: Sendable {
    private let flag = Atomic<Bool>(false)

    package init() {}

    package func make() { self.flag.store(true, ordering: .relaxed) }

    package var isMade: Bool { self.flag.load(ordering: .relaxed) }
}

/// Set once, by another task.
final class Completion: Sendable {
    private let flag = Atomic<Bool>(false)

    func complete() { self.flag.store(true, ordering: .releasing) }

    var isComplete: Bool { self.flag.load(ordering: .acquiring) }
}

/// Numbers from 0 on, each given to one task.
final class Numbers: Sendable {
    private let next = Atomic<Int>(0)

    func take() -> Int { self.next.wrappingAdd(1, ordering: .relaxed).oldValue }
}
