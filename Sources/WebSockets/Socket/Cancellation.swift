import Synchronization

/// Whether a task was cancelled, for its loop to see: a task that is cancelled while its wait is on the way to the loop
/// would otherwise begin to wait after whoever wakes it has come and gone.
final class Cancellation: Sendable {
    private let flag = Atomic<Bool>(false)

    func come() { self.flag.store(true, ordering: .releasing) }

    var hasCome: Bool { self.flag.load(ordering: .acquiring) }
}
