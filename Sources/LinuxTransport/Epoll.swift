#if os(Linux)
import CLinux
import Glibc

/// What a socket is watched for, and what has come of it.
struct Readiness: OptionSet, Sendable {
    let rawValue: UInt32

    /// Bytes, an end of stream or a connection to accept.
    static let readable = Readiness(rawValue: clinux_epoll_readable)
    /// Room for bytes.
    static let writable = Readiness(rawValue: clinux_epoll_writable)
    /// The peer has ended the stream, perhaps behind bytes that have not been read.
    static let ending = Readiness(rawValue: clinux_epoll_ending)
    /// The connection is broken, or closed in both directions. Always watched for.
    static let broken = Readiness(rawValue: clinux_epoll_broken)
}

/// Something with a descriptor that a loop watches.
package class Watched {
    /// -1 once it has been closed or given away.
    @exclusivity(unchecked) final fileprivate(set) var descriptor: Int32
    /// What the system has last been told to watch for; `nil` while the loop does not know it.
    @exclusivity(unchecked) final fileprivate(set) var interest: Readiness?

    init(descriptor: Int32) { self.descriptor = descriptor }

    /// Called in a turn of the loop.
    func ready(_ readiness: Readiness) {}

    /// Gives the descriptor away; whoever takes it closes it.
    final func takeDescriptor() -> Int32 {
        let descriptor = self.descriptor
        self.descriptor = -1
        return descriptor
    }
}

/// One epoll instance, level-triggered: what is not read comes again in the next turn.
struct Epoll: ~Copyable {
    private let descriptor: Int32
    private let events: UnsafeMutableBufferPointer<epoll_event>
    /// Held until the batch of events is over, in which they may still be named.
    private var leaving: [Watched] = []
    /// How many are watched.
    private(set) var count = 0

    /// Events taken at one time. Whoever has none of these has its own in the next turn.
    static let batch = 1_024

    /// - Throws: when the process has no descriptor left.
    init() throws(SystemError) {
        self.descriptor = clinux_epoll_create()
        guard self.descriptor >= 0 else { throw SystemError("epoll_create1") }
        self.events = .allocate(capacity: Self.batch)
    }

    deinit {
        close(self.descriptor)
        self.events.deallocate()
    }

    /// Watches `watched`, which is kept alive until ``remove(_:)``.
    mutating func add(_ watched: Watched, _ interest: Readiness) throws(SystemError) {
        // Balanced in `remove`.
        let target = Unmanaged.passRetained(watched)
        guard
            clinux_epoll_ctl(
                self.descriptor, EPOLL_CTL_ADD, watched.descriptor, interest.rawValue, target.toOpaque()) == 0
        else {
            let error = SystemError("epoll_ctl")
            target.release()
            throw error
        }
        watched.interest = interest
        self.count += 1
    }

    /// Watches for something else from now on.
    func change(_ watched: Watched, to interest: Readiness) {
        guard let old = watched.interest, old != interest else { return }
        watched.interest = interest
        let target = Unmanaged.passUnretained(watched).toOpaque()
        _ = clinux_epoll_ctl(self.descriptor, EPOLL_CTL_MOD, watched.descriptor, interest.rawValue, target)
    }

    /// Watches it no longer. Its descriptor must still be open.
    mutating func remove(_ watched: Watched) {
        guard watched.interest != nil else { return }
        watched.interest = nil
        self.count -= 1
        _ = clinux_epoll_ctl(self.descriptor, EPOLL_CTL_DEL, watched.descriptor, 0, nil)
        self.leaving.append(watched)
        Unmanaged.passUnretained(watched).release()
    }

    /// Wakes this instance up when `wakeUp` is written to; such an event names nobody. Edge-triggered: it need not be
    /// read.
    func addWakeUp(_ wakeUp: Int32) throws(SystemError) {
        let events = clinux_epoll_readable | clinux_epoll_edge_triggered
        guard clinux_epoll_ctl(self.descriptor, EPOLL_CTL_ADD, wakeUp, events, nil) == 0 else {
            throw SystemError("epoll_ctl")
        }
    }

    /// Waits for events, at most so many nanoseconds, -1 for ever. How many there are.
    func wait(nanoseconds: Int64) -> Int {
        let count = clinux_epoll_wait(
            self.descriptor, self.events.baseAddress, Int32(self.events.count), nanoseconds)
        return max(0, Int(count))  // Interrupted: the loop goes round once more.
    }

    /// Whom the event concerns, if it is still watched, and what has happened. `nil` for a wake-up.
    func event(_ index: Int) -> (Watched, Readiness)? {
        // `index` is below what `wait` returned, which is at most the count of the buffer.
        let event = self.events.baseAddress.unsafelyUnwrapped + index
        guard let target = clinux_target(event) else { return nil }
        // Alive: retained by `add`, or since `remove` by `leaving`.
        let watched = Unmanaged<Watched>.fromOpaque(target).takeUnretainedValue()
        guard watched.interest != nil else { return nil }
        return (watched, Readiness(rawValue: clinux_events(event)))
    }

    /// The last batch of events has been dealt with.
    mutating func endBatch() {
        if !self.leaving.isEmpty { self.leaving.removeAll(keepingCapacity: true) }
    }
}
#endif
