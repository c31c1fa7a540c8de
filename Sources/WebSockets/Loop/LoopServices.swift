import NIOCore
import NIOPosix
import WebSocketCore

/// What the connections of one event loop share: the clock and one timer, the receive buffer, randomness, the flush at
/// the end of a turn, the executor of their tasks. Everything here is touched on the loop only.
final class LoopServices: @unchecked Sendable {
    let eventLoop: any EventLoop
    let executor: LoopExecutor
    private let thread: ThreadIdentity
    let receiveBuffer = ReceiveBuffer()
    let corkMemory = CorkMemory()
    @exclusivity(unchecked) var random = LoopRandom()
    @exclusivity(unchecked) var spareBuffers = SpareBuffers()
    let workingMemory = WorkingMemory()
    /// Of the connections whose settings limit their life.
    @exclusivity(unchecked) var lifespans: [ObjectIdentifier: Lifespan] = [:]

    @exclusivity(unchecked) private var deadlines = DeadlineQueue()
    private var timer: Scheduled<Void>?
    private var timerDue = Timestamp.distantFuture
    @exclusivity(unchecked) private var unflushed: [SocketEngine] = []

    private static let current = ThreadSpecificVariable<LoopServices>()

    /// The services of `eventLoop`, made at first use. Call it on that loop.
    static func on(_ eventLoop: any EventLoop) -> LoopServices {
        eventLoop.preconditionInEventLoop()
        if let services = Self.current.currentValue, services.eventLoop === eventLoop { return services }
        let services = LoopServices(eventLoop)
        Self.current.currentValue = services
        return services
    }

    private init(_ eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
        self.thread = ThreadIdentity.current
        self.executor = LoopExecutor(eventLoop)
    }

    /// Whether the calling thread is the loop's. (Of a loop that has ended, the system may have given its name to another
    /// thread: then nobody else is there.)
    var isHere: Bool {
        @inline(__always) get { ThreadIdentity.current == self.thread }
    }

    /// Calls `body` on the loop: at once if the caller is there.
    func run(_ body: @escaping @Sendable () -> Void) {
        if self.isHere { body() } else { self.eventLoop.execute(body) }
    }

    /// The loop's monotonic clock.
    var now: Timestamp { Timestamp(nanoseconds: self.eventLoop.now.uptimeNanoseconds) }

    // MARK: Deadlines

    /// Sees to it that `member` is called when `deadline` has passed, or earlier. Costs nothing if it already will be.
    func arm(_ member: LoopMember, at deadline: Timestamp?) {
        guard let deadline, deadline < member.armed else { return }
        self.deadlines.set(member, deadline)
        self.schedule()
    }

    /// `member` is not called any more.
    func disarm(_ member: LoopMember) { self.deadlines.remove(member) }

    /// One timer for the earliest deadline of all.
    private func schedule() {
        guard let earliest = self.deadlines.earliest, earliest < self.timerDue else { return }
        self.timer?.cancel()
        self.timerDue = earliest
        let due = NIODeadline.uptimeNanoseconds(earliest.nanoseconds)
        self.timer = self.eventLoop.scheduleTask(deadline: due) { self.fire() }
    }

    private func fire() {
        self.timer = nil
        self.timerDue = .distantFuture
        let now = self.now
        while let member = self.deadlines.takeDue(now) { member.deadlinePassed(now: now) }
        self.schedule()
    }

    // MARK: Flush at the end of the turn

    /// `engine` has something to write that no burst of its own will flush.
    func flushSoon(_ engine: SocketEngine) {
        if self.unflushed.isEmpty {
            self.eventLoop.execute { self.flushAll() }
        }
        self.unflushed.append(engine)
    }

    private func flushAll() {
        let engines = self.unflushed
        self.unflushed = []
        for engine in engines { engine.turnEnded() }
    }
}
