import WebSocketCore
import WebSockets

/// Mode `connect`: so many at once open a connection, close it, and open the next.
struct HandshakeLoad: Sendable {
    let connector: Connector
    let plan: LoadPlan
    let schedule: RateSchedule?
    let stopped = Completion()
    private let numbers = Numbers()

    /// After a failure: a server that is not there need not be asked ten thousand times a second.
    private static let pauseAfterFailure: UInt64 = 50_000_000

    init(_ plan: LoadPlan, _ connector: Connector) {
        self.plan = plan
        self.connector = connector
        self.schedule = plan.rate.map { RateSchedule(start: Clock.now(), rate: $0, connections: 1) }
    }

    /// Ends when ``stopped`` is complete, after the given number, or when its task is cancelled.
    func run() async {
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<self.plan.connections { group.addTask { await self.connectAgainAndAgain() } }
        }
    }

    private func connectAgainAndAgain() async {
        while !self.stopped.isComplete, !Task.isCancelled {
            let number = self.numbers.take()
            if let limit = self.plan.messages, number >= limit { return }
            let due = self.schedule?.time(of: number)
            // When none of those at once was free in time, this end is not to blame.
            let wasHeldBack = due.map { $0 < Clock.now() } ?? false
            if let due { await Connector.sleep(until: due) }
            if self.stopped.isComplete || Task.isCancelled { return }
            let began = Clock.now()
            let socket = await self.connector.connect(to: self.plan.url, number) { meter in
                HandshakeReceiver(meter: meter, due: due, wasHeldBack: wasHeldBack, began: began)
            }
            if let socket {
                await withTaskCancellationHandler {
                    _ = await socket.closed()
                } onCancel: {
                    socket.abort()
                }
            } else {
                await Connector.sleep(until: Clock.now() + Self.pauseAfterFailure)
            }
        }
    }
}

/// Closes what has been opened.
struct HandshakeReceiver: MessageReceiver {
    let meter: LoopMeter
    /// When it should have begun, at a fixed rate.
    let due: UInt64?
    let wasHeldBack: Bool
    let began: UInt64

    func opened(_ socket: LoopSocket) {
        let now = Clock.now()
        self.meter.openCount += 1
        self.meter.tally.opened += 1
        self.meter.tally.latency.record(now &- (self.due ?? self.began))
        if let due {
            self.meter.tally.service.record(now &- self.began)
            if self.wasHeldBack {
                self.meter.tally.heldBack += 1
            } else {
                self.meter.tally.lateness.record(self.began &- due)
            }
        }
        socket.close(.normal)
    }

    func received(_ message: RawSpan, _ kind: MessageKind, _ socket: LoopSocket) { self.meter.tally.others += 1 }

    func closed(_ closure: Closure) {
        self.meter.openCount -= 1
        if !closure.isClean { self.meter.tally.errors.count(ErrorKind(closure), example: closure.description) }
    }
}
