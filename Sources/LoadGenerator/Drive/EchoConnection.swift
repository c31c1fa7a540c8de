import WebSocketCore
import WebSockets

/// What the connections of mode `echo` have in common.
struct EchoSettings: Sendable {
    let payload: Payload
    let kind: MessageKind
    let inFlight: Int
    let verifiesContent: Bool
    /// Verified messages carry their number, unless the content is the user's.
    let isStamped: Bool

    init(_ plan: LoadPlan) {
        self.payload = Payload(plan.message, byteCount: plan.sizeBytes, kind: plan.kind)
        self.kind = plan.kind
        self.inFlight = plan.inFlight
        self.verifiesContent = plan.verifiesContent
        self.isStamped =
            plan.verifiesContent && plan.message == nil && self.payload.bytes.count >= Payload.stampBytes
    }
}

/// Sends messages and expects each back.
final class EchoConnection: LoadConnection {
    private let settings: EchoSettings
    /// Of the settings, what each message is compared with.
    private let messageBytes: Int
    private let kind: MessageKind
    @exclusivity(unchecked) private var times: SendTimes
    /// Messages still to be sent.
    @exclusivity(unchecked) private var remaining = Int.max
    @exclusivity(unchecked) private var schedule: RateSchedule?
    /// Of the schedule: how many messages of this connection have been sent.
    @exclusivity(unchecked) private var round = 0
    /// A message was due and had no room: those up to the present wait for answers, not for this end.
    @exclusivity(unchecked) private var isHeldBack = false
    @exclusivity(unchecked) private var answered: UInt64 = 0
    @exclusivity(unchecked) private var stamp: UInt64 = 0
    /// The payload; a copy of its own where messages carry numbers.
    @exclusivity(unchecked) private var outgoing: [UInt8] = []

    init(_ meter: LoopMeter, began: UInt64, _ settings: EchoSettings) {
        self.settings = settings
        self.messageBytes = settings.payload.bytes.count
        self.kind = settings.kind
        self.times = SendTimes(capacity: settings.inFlight)
        self.outgoing = settings.payload.bytes
        super.init(meter, began: began)
    }

    override func limit(to count: Int) {
        self.remaining = count
        self.meter.unsent += count
    }

    override func begin(_ schedule: RateSchedule?) {
        self.schedule = schedule
        // With a schedule the time comes by itself.
        if schedule == nil, let socket { self.fillWindow(Clock.now(), socket) }
    }

    override func received(_ message: RawSpan, _ kind: MessageKind, _ socket: LoopSocket) {
        let now = Clock.now()
        let meter = self.meter
        guard let entry = self.times.removeFirst() else {
            meter.tally.errors.count(.unexpectedMessage)
            return
        }
        meter.outstanding &-= 1
        meter.tally.received &+= 1
        meter.tally.receivedBytes &+= message.byteCount
        meter.tally.latency.record(now &- entry.due)
        if self.schedule != nil { meter.tally.service.record(now &- entry.sent) }
        if message.byteCount != self.messageBytes || kind != self.kind
            || (self.settings.verifiesContent && !self.isNext(message))
        {
            meter.tally.errors.count(
                .mismatch,
                example: "\(message.byteCount) bytes of \(kind) for \(self.messageBytes) of \(self.kind)")
        }
        self.answered &+= 1
        if self.schedule == nil {
            self.fillWindow(now, socket)
        } else {
            self.sendDue(now, socket)
        }
    }

    override func writable(_ socket: LoopSocket) {
        // Only where something was refused: the window is not full then.
        if self.schedule == nil { self.fillWindow(Clock.now(), socket) }
    }

    override func timeHasCome() {
        if let socket { self.sendDue(Clock.now(), socket) }
    }

    override func stopped(now: UInt64) {
        // What was due and had no room. Where there was room, the timer was about to come.
        guard let schedule, self.times.isFull else { return }
        let due = schedule.rounds(before: now, connection: self.lane)
        self.meter.tally.errors.count(.notSent, min(self.remaining, due - self.round))
    }

    override func lost() {
        self.meter.outstanding -= self.times.count
        self.meter.tally.errors.count(.noReply, self.times.count)
        while self.times.removeFirst() != nil {}
        if self.remaining != .max { self.meter.unsent -= self.remaining }
        self.remaining = self.remaining == .max ? .max : 0
    }

    // MARK: Sending

    /// Closed loop: as many in flight as may be.
    private func fillWindow(_ now: UInt64, _ socket: LoopSocket) {
        guard self.meter.isSending else { return }
        while self.remaining > 0, !self.times.isFull {
            guard self.send(SendTimes.Entry(due: now, sent: now), socket) else { return }
        }
    }

    /// Fixed rate: everything that is due.
    private func sendDue(_ now: UInt64, _ socket: LoopSocket) {
        guard self.meter.isSending, let schedule else { return }
        while self.remaining > 0 {
            let due = schedule.time(ofRound: self.round, connection: self.lane)
            if due > now {
                self.isHeldBack = false
                return
            }
            if self.times.isFull {
                self.isHeldBack = true
                return
            }
            guard self.send(SendTimes.Entry(due: due, sent: now), socket) else { return }
            self.round &+= 1
            if self.isHeldBack {
                self.meter.tally.heldBack &+= 1
            } else {
                self.meter.tally.lateness.record(now &- due)
            }
        }
    }

    /// - Returns: `false` if it was not accepted.
    private func send(_ entry: SendTimes.Entry, _ socket: LoopSocket) -> Bool {
        if self.settings.isStamped {
            self.outgoing.withUnsafeMutableBytes {
                Hexadecimal.write(self.stamp, digits: Payload.stampBytes, to: $0, at: 0)
            }
        }
        if case .dropped(let reason) = socket.send(self.outgoing.span.bytes, as: self.kind) {
            if reason != .closed { self.meter.tally.errors.count(.notSent, example: "\(reason)") }
            return false
        }
        self.stamp &+= 1
        _ = self.times.append(entry)
        let meter = self.meter
        meter.outstanding &+= 1
        meter.tally.sent &+= 1
        meter.tally.sentBytes &+= self.messageBytes
        if self.remaining != .max {
            self.remaining &-= 1
            meter.unsent &-= 1
        }
        return true
    }

    /// Whether it is the message that has been waiting longest.
    private func isNext(_ message: RawSpan) -> Bool {
        message.withUnsafeBytes { came in
            self.settings.payload.bytes.withUnsafeBytes { expected in
                guard self.settings.isStamped else { return ByteComparison.areEqual(came, expected) }
                guard came.count == expected.count else { return false }
                let number = Hexadecimal.read(came, at: 0, digits: Payload.stampBytes)
                let (rest, expectedRest) = (came[Payload.stampBytes...], expected[Payload.stampBytes...])
                return number == self.answered & 0xFFFF_FFFF
                    && ByteComparison.areEqual(.init(rebasing: rest), .init(rebasing: expectedRest))
            }
        }
    }
}
