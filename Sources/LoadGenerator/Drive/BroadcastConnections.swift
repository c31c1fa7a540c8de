import WebSocketCore
import WebSockets

/// What the connections of mode `broadcast` have in common.
struct BroadcastSettings: Sendable {
    /// Tells this run's messages from those of others.
    let run: UInt32
    /// What is published, with room for the mark at ``markOffset``.
    let message: [UInt8]
    let markOffset: Int
    let kind: MessageKind
    let publishers: Int
    let hello: String?

    init(_ plan: LoadPlan, run: UInt32) {
        self.run = run
        let payload = Payload(nil, byteCount: plan.sizeBytes, kind: plan.kind).bytes
        if let template = plan.template, let place = template.firstRange(of: LoadPlan.placeholder) {
            let before = Array(template[..<place.lowerBound].utf8)
            self.message = before + payload + Array(template[place.upperBound...].utf8)
            self.markOffset = before.count
        } else {
            self.message = payload
            self.markOffset = 0
        }
        self.kind = plan.kind
        self.publishers = plan.publishers
        self.hello = plan.hello
    }
}

/// Says hello, and then receives what others publish.
final class SubscriberConnection: LoadConnection {
    private let settings: BroadcastSettings
    @exclusivity(unchecked) private var trackers: [SequenceTracker]
    private(set) var delivered = 0

    init(_ meter: LoopMeter, began: UInt64, _ settings: BroadcastSettings) {
        self.settings = settings
        self.trackers = Array(repeating: SequenceTracker(), count: settings.publishers)
        super.init(meter, began: began, hello: settings.hello)
    }

    override func received(_ message: RawSpan, _ kind: MessageKind, _ socket: LoopSocket) {
        let meter = self.meter
        guard let mark = message.withUnsafeBytes({ BroadcastMark.find(in: $0) }), mark.run == self.settings.run,
            Int(mark.publisher) < self.trackers.count
        else {
            meter.tally.others &+= 1
            return
        }
        switch self.trackers[Int(mark.publisher)].received(mark.number) {
        case .inOrder, .afterGap: break
        case .outOfOrder: meter.tally.errors.count(.outOfOrder)
        case .duplicate:
            meter.tally.errors.count(.duplicate)
            return
        }
        self.delivered &+= 1
        meter.tally.received &+= 1
        meter.tally.receivedBytes &+= message.byteCount
        meter.tally.latency.record(Clock.now() &- mark.time)
    }
}

/// Publishes at a fixed rate. What comes back to it is nobody's.
final class PublisherConnection: LoadConnection {
    private let settings: BroadcastSettings
    private let number: UInt16
    private var schedule: RateSchedule?
    /// How many of its times have come.
    private var round = 0
    private(set) var published: UInt32 = 0
    private var remaining = Int.max
    private var outgoing: [UInt8]

    init(_ meter: LoopMeter, began: UInt64, number: Int, _ settings: BroadcastSettings) {
        self.settings = settings
        self.number = UInt16(clamping: number)
        self.outgoing = settings.message
        super.init(meter, began: began, hello: settings.hello)
    }

    override func limit(to count: Int) {
        self.remaining = count
        self.meter.unsent += count
    }

    override func begin(_ schedule: RateSchedule?) { self.schedule = schedule }

    override func timeHasCome() {
        guard self.meter.isSending, let schedule, let socket else { return }
        let now = Clock.now()
        while self.remaining > 0 {
            let due = schedule.time(ofRound: self.round, connection: self.lane)
            guard due <= now else { return }
            self.round &+= 1
            self.publish(due, socket)
            self.meter.tally.lateness.record(now &- due)
        }
    }

    override func lost() {
        if self.remaining != .max {
            self.meter.unsent -= self.remaining
            self.remaining = 0
        }
    }

    private func publish(_ due: UInt64, _ socket: LoopSocket) {
        let mark = BroadcastMark(run: self.settings.run, publisher: self.number, number: self.published, time: due)
        self.outgoing.withUnsafeMutableBytes { mark.write(to: $0, at: self.settings.markOffset) }
        let meter = self.meter
        if self.remaining != .max {
            self.remaining &-= 1
            meter.unsent &-= 1
        }
        if case .dropped(let reason) = socket.send(self.outgoing.span.bytes, as: self.settings.kind) {
            if reason != .closed { meter.tally.errors.count(.notSent, example: "\(reason)") }
            return
        }
        self.published &+= 1
        meter.tally.sent &+= 1
        meter.tally.sentBytes &+= self.outgoing.count
    }
}

/// Is open, and counts what comes.
final class IdleConnection: LoadConnection {
    override func received(_ message: RawSpan, _ kind: MessageKind, _ socket: LoopSocket) {
        self.meter.tally.received &+= 1
        self.meter.tally.receivedBytes &+= message.byteCount
    }
}
