import NIOCore
import WebSocketCore
import WebSockets

/// The connections of one event loop and what it has measured. Everything here is touched on that loop only: there is no
/// lock, task or allocation for a message.
final class LoopMeter: @unchecked Sendable {
    // `@unchecked`: references travel between threads, calls do not.
    let eventLoop: any EventLoop
    @exclusivity(unchecked) var tally = Tally()
    /// Whether messages may be sent. Answers are waited for after it.
    @exclusivity(unchecked) var isSending = false
    /// Connections are being closed: that they end is no error any more.
    @exclusivity(unchecked) var isClosing = false
    /// Messages that wait for their answer, and those still to be sent where their number is given.
    @exclusivity(unchecked) var outstanding = 0
    @exclusivity(unchecked) var unsent = 0

    private(set) var connections: [LoadConnection] = []
    /// Connections that are open now.
    var openCount = 0
    /// From here on one that is lost keeps its place: the schedule counts places.
    private var hasBegun = false
    private var pacer: Pacer?
    /// When measuring began, by both clocks of this thread.
    private var window: (wall: UInt64, cpu: UInt64) = (0, 0)

    init(_ eventLoop: any EventLoop) { self.eventLoop = eventLoop }

    // MARK: Called by connections

    func opened(_ connection: LoadConnection) {
        // The client must have taken the loop that it was given.
        self.eventLoop.preconditionInEventLoop()
        self.tally.opened += 1
        self.tally.handshake.record(Clock.now() &- connection.began)
        connection.place = self.connections.count
        self.connections.append(connection)
        self.openCount += 1
    }

    func closed(_ connection: LoadConnection, _ closure: Closure) {
        self.openCount -= 1
        if !self.isClosing || !Self.isExpected(closure) {
            self.tally.errors.count(ErrorKind(closure), example: closure.description)
        }
        if !self.hasBegun, !self.isClosing { self.forget(connection) }
    }

    /// While connections are being closed, or given up while they open.
    private static func isExpected(_ closure: Closure) -> Bool {
        switch closure.ending {
        case .clean, .abnormal(.aborted), .abnormal(.endOfStream): true
        case .failed, .abnormal(.broken), .timedOut: false
        }
    }

    private func forget(_ connection: LoadConnection) {
        guard connection.place < self.connections.count, self.connections[connection.place] === connection else {
            return
        }
        let last = self.connections.removeLast()
        if last !== connection {
            last.place = connection.place
            self.connections[connection.place] = last
        }
    }

    // MARK: Called by whoever conducts the run, on the loop

    /// What was measured since the last call.
    func take() -> Tally {
        let tally = self.tally
        self.tally = Tally()
        return tally
    }

    /// Messages go out from now on.
    /// - Parameter paced: those that the schedule wakes up, in its order.
    func begin(_ schedule: RateSchedule?, paced: [LoadConnection]) {
        self.hasBegun = true
        self.isSending = true
        for connection in self.connections { connection.begin(schedule) }
        if let schedule, !paced.isEmpty {
            let pacer = Pacer(schedule, paced, self.eventLoop)
            self.pacer = pacer
            pacer.tick()
        }
    }

    /// Measuring begins.
    /// - Returns: what came before.
    func beginMeasuring() -> Tally {
        self.window = (Clock.now(), Clock.threadCPU())
        return self.take()
    }

    /// Measuring ends, and nothing is sent any more.
    /// - Returns: what was measured since the last call, how long was measured in all, and which share of that time the
    ///   loop's thread has run.
    func endMeasuring() -> (tally: Tally, seconds: Double, busy: Double) {
        self.isSending = false
        self.pacer?.stop()
        self.pacer = nil
        let now = Clock.now()
        for connection in self.connections { connection.stopped(now: now) }
        let wall = Double(now &- self.window.wall)
        let busy = Double(Clock.threadCPU() &- self.window.cpu)
        return (self.take(), wall / 1e9, wall > 0 ? busy / wall : 0)
    }

    func closeAll() {
        self.isClosing = true
        for connection in self.connections { connection.socket?.close(.normal) }
    }

    func abortAll() {
        for connection in self.connections { connection.socket?.abort() }
    }
}

/// Wakes up connections when a message of theirs is due.
final class Pacer: @unchecked Sendable {
    // `@unchecked`: it is on its loop only.
    private let schedule: RateSchedule
    private let connections: [LoadConnection]
    private let eventLoop: any EventLoop
    private var number = 0
    private var isStopped = false

    /// Messages that are due in less than this are sent together: a wake-up costs more than a message.
    static let resolution: UInt64 = 100_000

    init(_ schedule: RateSchedule, _ connections: [LoadConnection], _ eventLoop: any EventLoop) {
        self.schedule = schedule
        self.connections = connections
        self.eventLoop = eventLoop
    }

    func stop() { self.isStopped = true }

    func tick() {
        if self.isStopped { return }
        let now = Clock.now()
        // Who has been woken up once sends all that is due: a round is enough, however late it is.
        var woken = 0
        while woken < self.connections.count, self.schedule.time(of: self.number) <= now {
            self.connections[self.number % self.connections.count].timeHasCome()
            self.number &+= 1
            woken &+= 1
        }
        if woken == self.connections.count { self.number = max(self.number, self.schedule.count(before: now)) }
        let next = max(self.schedule.time(of: self.number), now &+ Self.resolution)
        let wait = next &- min(next, Clock.now())
        self.eventLoop.scheduleTask(in: .nanoseconds(Int64(clamping: wait))) { self.tick() }
    }
}
