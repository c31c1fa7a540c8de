#if os(Linux)
import CLinux
import Glibc
import NIOConcurrencyHelpers
package import NIOCore
import Synchronization

/// One thread that waits for its sockets, for a timer and for other threads, and calls whoever is concerned.
///
///     wait ─▶ sockets that are ready ─▶ timers that are due ─▶ work ─▶ wait
///
/// Everything that belongs to a loop is touched by its thread only. Other threads reach it with ``execute(_:)``.
package final class EpollEventLoop: @unchecked Sendable {
    // `@unchecked`: apart from the mailbox and the atomics everything is used on the loop's thread only.

    /// Something to be done on the loop.
    enum Work {
        case task(() -> Void)
        /// A piece of a Swift task: of one that prefers this executor, or of an actor that is isolated to it.
        case job(UnownedJob)
    }

    /// What other threads have sent.
    private struct Mailbox {
        var work: [Work] = []
        /// The loop has been woken up and will look.
        var isSignalled = false
        /// The thread has ended, or is about to: nothing is taken any more.
        var isClosed = false
    }

    @exclusivity(unchecked) private var epoll: Epoll
    private let wakeUp: Int32
    private let mailbox = NIOLockedValueBox(Mailbox())
    private let thread = Atomic<UInt>(0)

    @exclusivity(unchecked) private var work: [Work] = []
    @exclusivity(unchecked) private var running: [Work] = []
    @exclusivity(unchecked) var timers = TimerQueue()
    @exclusivity(unchecked) private var turnBegan = NIODeadline.now()
    @exclusivity(unchecked) private var isStopping = false
    @exclusivity(unchecked) private var crowdedTurns = 0

    /// So many turns in a row timers wait for sockets at most.
    private static let mostCrowdedTurns = 32

    /// Where the sockets of this loop read to, one after the other.
    let receiveBuffer: ReceiveMemory
    @exclusivity(unchecked) var outputBuffers = OutputBufferPool()
    /// What tests let go wrong with calls on sockets; `nil` otherwise.
    @exclusivity(unchecked) package var faults: SocketFaults?

    /// Sockets that were ready in this turn, at the moment.
    @exclusivity(unchecked) package private(set) var readyCount = 0

    /// How often what the work itself adds is done before sockets are looked at again.
    private static let roundsPerTurn = 8

    init() throws(SystemError) {
        let epoll = try Epoll()
        self.wakeUp = clinux_eventfd()
        guard self.wakeUp >= 0 else { throw SystemError("eventfd") }
        self.epoll = epoll
        self.receiveBuffer = ReceiveMemory()
        try self.epoll.addWakeUp(self.wakeUp)
    }

    deinit { Glibc.close(self.wakeUp) }

    // MARK: The thread

    /// Whether the calling thread is the loop's.
    package var inEventLoop: Bool { self.thread.load(ordering: .relaxed) == UInt(pthread_self()) }

    /// The time at which this turn began, on the loop; elsewhere, the time.
    package var now: NIODeadline { self.inEventLoop ? self.turnBegan : .now() }

    /// Turns until it is stopped.
    func run() {
        self.thread.store(UInt(pthread_self()), ordering: .relaxed)
        while true {
            self.turn()
            if self.isStopping, self.work.isEmpty, self.closeMailbox() { break }
        }
        self.timers.cancelAll()
        // The system may give its name to another thread.
        self.thread.store(0, ordering: .relaxed)
    }

    private func turn() {
        let ready = self.epoll.wait(nanoseconds: self.patience())
        self.turnBegan = .now()
        var hasMail = false
        self.readyCount = ready
        for index in 0..<ready {
            if let (watched, readiness) = self.epoll.event(index) {
                watched.ready(readiness)
            } else {
                hasMail = true  // Or a socket that has gone: looking costs little.
            }
        }
        self.readyCount = 0
        self.epoll.endBatch()
        if hasMail { self.takeMail() }
        self.fireTimers(ready)
        for _ in 0..<Self.roundsPerTurn where !self.work.isEmpty { self.runWork() }
    }

    /// Not while more sockets may be ready than were taken at once: after a standstill the sign of life that a deadline
    /// waits for may be among them.
    private func fireTimers(_ ready: Int) {
        if ready == Epoll.batch, self.crowdedTurns < Self.mostCrowdedTurns {
            self.crowdedTurns += 1
            return
        }
        self.crowdedTurns = 0
        while let body = self.timers.takeDue(self.turnBegan) { body() }
    }

    /// How many nanoseconds there is nothing to do, unless a socket is ready; -1 for ever.
    private func patience() -> Int64 {
        if !self.work.isEmpty { return 0 }
        guard let due = self.timers.earliest else { return -1 }
        // Where there is time, the beginning of the turn is now enough: asking again costs more than a late timer does.
        var wait = (due - self.turnBegan).nanoseconds
        if wait < Self.distantWait { wait = max(0, (due - .now()).nanoseconds) }
        // Rounded up to a millisecond where that is nothing: one wake-up serves more timers.
        return wait < Self.exactWait ? wait : (wait - 1) / 1_000_000 * 1_000_000 + 1_000_000
    }

    /// Up to so many nanoseconds a wait is exact.
    private static let exactWait: Int64 = 2_000_000
    /// From here on the duration of a turn does not matter.
    private static let distantWait: Int64 = 1_000_000_000

    private func takeMail() {
        let mail = self.mailbox.withLockedValue { mailbox in
            mailbox.isSignalled = false
            defer { mailbox.work = [] }
            return mailbox.work
        }
        self.work.append(contentsOf: mail)
    }

    private func runWork() {
        swap(&self.work, &self.running)
        let executor = self.asUnownedTaskExecutor()
        for item in self.running {
            switch item {
            case .task(let body): body()
            case .job(let job): job.runSynchronously(isolatedTo: self.asUnownedSerialExecutor(), taskExecutor: executor)
            }
        }
        self.running.removeAll(keepingCapacity: true)
    }

    /// Whether nothing is left, and nothing more is taken from now on.
    private func closeMailbox() -> Bool {
        self.mailbox.withLockedValue { mailbox in
            guard mailbox.work.isEmpty else { return false }
            mailbox.isClosed = true
            return true
        }
    }

    /// Ends the thread once everything that was sent has been done.
    func stop() { self.perform(.task { self.isStopping = true }) }

    /// Does `work` in this turn or the next one. After the loop has ended nothing is done.
    func perform(_ work: Work) {
        if self.inEventLoop {
            self.work.append(work)
            return
        }
        let mustWake = self.mailbox.withLockedValue { mailbox in
            if mailbox.isClosed { return false }
            mailbox.work.append(work)
            defer { mailbox.isSignalled = true }
            return !mailbox.isSignalled
        }
        guard mustWake else { return }
        var one: UInt64 = 1
        // It cannot fail: the counter does not reach its maximum.
        _ = write(self.wakeUp, &one, MemoryLayout<UInt64>.size)
    }

    // MARK: Sockets

    /// How many sockets are watched, on the loop.
    package var watchedCount: Int { self.epoll.count }

    func watch(_ watched: Watched, for interest: Readiness) throws(SystemError) {
        try self.epoll.add(watched, interest)
    }

    func change(_ watched: Watched, to interest: Readiness) { self.epoll.change(watched, to: interest) }

    func unwatch(_ watched: Watched) { self.epoll.remove(watched) }
}
#endif
