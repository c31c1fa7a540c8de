import NIOCore
import WebSockets

/// A run of the load generator: opens the connections, puts the load on them, measures, waits for what is still under
/// way, and closes them.
package struct LoadTest: Sendable {
    package let plan: LoadPlan

    /// - Throws: ``PlanFault``.
    package init(_ plan: LoadPlan) throws(PlanFault) {
        try plan.check()
        self.plan = plan
    }

    /// - Parameters:
    ///   - stop: ends it early.
    ///   - progress: called about once a second.
    /// - Throws: when the event loops cannot be started or used any more.
    package func run(
        stop: StopRequest = StopRequest(), progress: @escaping @Sendable (Progress) -> Void = { _ in }
    ) async throws -> LoadResult {
        // The fastest loops there are for `ws`; TLS runs on SwiftNIO's.
        let transport = self.plan.isSecure ? Transport.portable : .automatic
        let group = try transport.makeEventLoopGroup(threads: self.plan.threads)
        do {
            var conductor = Conductor(self.plan, group.makeIterator().map { LoopMeter($0) }, stop, progress)
            let result = try await conductor.run()
            try await group.shutdownGracefully()
            return result
        } catch {
            try? await group.shutdownGracefully()
            throw error
        }
    }
}

/// Leads the loops through the phases of a run.
struct Conductor {
    let plan: LoadPlan
    let meters: [LoopMeter]
    private let connector: Connector
    private let stop: StopRequest
    private let progress: @Sendable (Progress) -> Void
    private let broadcast: BroadcastSettings

    /// What belongs to the result.
    private var total = Tally()
    /// The same of the phase that is going on, for the progress.
    private var phase = Tally()
    private var errorsBefore = 0
    private var tookAt = Clock.now()
    private var opened = 0

    /// How often it is looked whether a phase is over, and how often the progress is told.
    private static let looksEvery: UInt64 = 20_000_000
    private static let tellsEvery: UInt64 = 1_000_000_000

    init(
        _ plan: LoadPlan, _ meters: [LoopMeter], _ stop: StopRequest, _ progress: @escaping @Sendable (Progress) -> Void
    ) {
        self.plan = plan
        self.meters = meters
        self.connector = Connector(plan, meters)
        self.stop = stop
        self.progress = progress
        self.broadcast = BroadcastSettings(plan, run: .random(in: 0 ... .max))
    }

    mutating func run() async throws -> LoadResult {
        let began = Clock.now()
        if self.plan.mode != .connect { try await self.connect() }
        let connected = Clock.now()

        let isWarmingUp = self.plan.warmUp > .zero
        if !isWarmingUp { try await self.beginMeasuring() }
        let handshakes = HandshakeLoad(self.plan, self.connector)
        let handshakesDone = Completion()
        // Given up where this ends, if it is not done then.
        async let _: Void = Self.shakeHands(self.plan, handshakes, handshakesDone)
        if self.plan.mode != .connect, self.opened > 0, !self.stop.isMade { try await self.begin() }
        if isWarmingUp {
            _ = try await self.wait(.warmingUp, for: self.plan.warmUp, or: handshakesDone)
            try await self.beginMeasuring()
        }
        let cpu = ProcessorTime.now()
        let ending = try await self.wait(.measuring, for: self.plan.duration, or: handshakesDone)

        // Nothing is sent from here on; what has been is waited for.
        handshakes.stopped.complete()
        let (seconds, generator) = try await self.endMeasuring(since: cpu)
        var measured = self.total
        let openAtEnd = try await self.sum { $0.openCount }
        try await self.finish(handshakesDone)
        let delivered = try await self.countDeliveries()
        try await self.close()
        try await self.takeAll()
        measured.errors = self.total.errors
        measured.latency = self.total.latency
        measured.service = self.total.service
        if self.plan.mode == .connect { self.opened = self.total.opened }
        if let interval = self.plan.expectedInterval {
            measured.latency = measured.latency.corrected(interval: interval.wholeNanoseconds)
        }
        return LoadResult(
            plan: self.plan, ending: ending, seconds: seconds, connectSeconds: Double(connected - began) / 1e9,
            opened: self.opened, openAtEnd: openAtEnd, tally: measured, generator: generator, broadcast: delivered)
    }

    // MARK: Phases

    private static func shakeHands(_ plan: LoadPlan, _ load: HandshakeLoad, _ done: Completion) async {
        if plan.mode == .connect { await load.run() }
        done.complete()
    }

    private mutating func connect() async throws {
        let done = Completion()
        let stop = self.stop
        do {
            // Given up where the scope ends, if it is not done then.
            async let opening: Void = Self.open(self.plan, self.connector, self.broadcast, done)
            try await self.poll(.connecting, until: nil) { _ in done.isComplete || stop.isMade }
            if !done.isComplete {
                // That connections are given up is no error.
                for meter in self.meters { try await meter.eventLoop.submit { meter.isClosing = true }.get() }
            } else {
                await opening
            }
        }
        self.opened = try await self.sum { $0.openCount }
        self.phase = Tally()
    }

    private static func open(
        _ plan: LoadPlan, _ connector: Connector, _ broadcast: BroadcastSettings, _ done: Completion
    ) async {
        switch plan.mode {
        case .echo:
            let settings = EchoSettings(plan)
            await connector.open(plan.connections, at: plan.url) { meter, began, _ in
                EchoConnection(meter, began: began, settings)
            }
        case .idle:
            await connector.open(plan.connections, at: plan.url) { meter, began, _ in
                IdleConnection(meter, began: began, hello: plan.hello)
            }
        case .broadcast:
            await connector.open(plan.connections, at: plan.url) { meter, began, _ in
                SubscriberConnection(meter, began: began, broadcast)
            }
            await connector.open(plan.publishers, at: plan.publishURL ?? plan.url) { meter, began, number in
                PublisherConnection(meter, began: began, number: number, broadcast)
            }
        case .connect: break
        }
        done.complete()
    }

    /// Lets every loop begin, with its part of the schedule and of the number of messages.
    private func begin() async throws {
        let start = Clock.now() + 5_000_000
        let mode = self.plan.mode
        var open: [Int] = []
        for meter in self.meters {
            open.append(try await meter.eventLoop.submit { meter.senders(mode).count }.get())
        }
        let all = open.reduce(0, +)
        guard all > 0 else { return }
        var first = 0
        for (index, meter) in self.meters.enumerated() where open[index] > 0 {
            let schedule = self.plan.rate.map {
                RateSchedule.part(start: start, rate: $0, loop: index, connections: open[index], of: all)
            }
            let (messages, offset) = (self.plan.messages, first)
            try await meter.eventLoop.submit {
                let senders = meter.senders(mode)
                for (place, sender) in senders.enumerated() {
                    sender.lane = place
                    if let messages { sender.limit(to: share(messages, of: all, index: offset + place)) }
                }
                meter.begin(schedule, paced: senders)
            }.get()
            first += open[index]
        }
    }

    /// What has been measured so far is not part of the result, but for what went wrong and what was opened.
    private mutating func beginMeasuring() async throws {
        for meter in self.meters {
            self.total.add(try await meter.eventLoop.submit { meter.beginMeasuring() }.get())
        }
        var total = Tally()
        total.errors = self.total.errors
        total.handshake = self.total.handshake
        total.compressed = self.total.compressed
        self.total = total
    }

    /// - Returns: how long was measured, by the loops' own clocks, and what it has cost.
    private mutating func endMeasuring(
        since cpu: ProcessorTime
    ) async throws -> (seconds: Double, generator: LoadResult.Generator) {
        var seconds = 0.0
        var busy: [Double] = []
        for meter in self.meters {
            let end = try await meter.eventLoop.submit { meter.endMeasuring() }.get()
            self.total.add(end.tally)
            seconds += end.seconds
            busy.append(end.busy)
        }
        let cost = LoadResult.Generator(cpu: ProcessorTime.now() - cpu, busy: busy)
        return (seconds / Double(self.meters.count), cost)
    }

    /// Goes on until the time is up or there is nothing left to do.
    private mutating func wait(
        _ phase: Progress.Phase, for duration: Duration?, or handshakesDone: Completion
    ) async throws -> LoadResult.Ending {
        if self.plan.mode != .connect, self.opened == 0 { return .noConnections }
        try await self.takeAll()
        self.phase = Tally()
        let end = duration.map { Clock.now() &+ $0.wholeNanoseconds }
        let plan = self.plan
        let stop = self.stop
        let timeout = plan.timeout.wholeNanoseconds
        var ending = LoadResult.Ending.duration
        var moved = (count: 0, at: Clock.now())
        try await self.poll(phase, until: end, total: duration) { conductor in
            if stop.isMade {
                ending = .interrupted
                return true
            }
            if plan.mode == .connect {
                if handshakesDone.isComplete { ending = .messages }
                return handshakesDone.isComplete
            }
            if plan.messages != nil, plan.mode != .idle {
                if try await conductor.sum({ $0.unsent + $0.outstanding }) == 0 {
                    ending = .messages
                    return true
                }
                let count = conductor.phase.sent + conductor.phase.received
                if count != moved.count { moved = (count, Clock.now()) }
                // Without an end of time, silence is one; but a slow schedule is silent between its messages.
                let patience = timeout &+ UInt64(1e9 / (plan.rate ?? 1e9))
                if end == nil, Clock.now() > moved.at &+ patience &+ Self.tellsEvery {
                    ending = .stalled
                    return true
                }
            }
            if try await conductor.sum({ $0.openCount }) == 0 {
                ending = .noConnections
                return true
            }
            return false
        }
        return ending
    }

    /// Waits for answers that are still under way.
    private mutating func finish(_ handshakesDone: Completion) async throws {
        self.phase = Tally()
        let end = Clock.now() &+ self.plan.timeout.wholeNanoseconds
        let stop = self.stop
        let wasStopped = stop.isMade
        let plan = self.plan
        try await self.poll(.finishing, until: end) { conductor in
            // Asked to stop while it waits: it does not wait any longer.
            if stop.isMade, !wasStopped { return true }
            switch plan.mode {
            case .idle: return true
            case .connect: return handshakesDone.isComplete
            case .echo: return try await conductor.sum { $0.outstanding } == 0
            case .broadcast:
                guard let deliveries = try await conductor.countDeliveries() else { return true }
                return deliveries.delivered >= deliveries.expected
            }
        }
        let left = try await self.sum { $0.outstanding }
        self.total.errors.count(.noReply, left, example: "after \(plan.timeout)")
        if plan.mode == .broadcast, let deliveries = try await self.countDeliveries() {
            self.total.errors.count(.missing, deliveries.expected - deliveries.delivered)
        }
    }

    private mutating func close() async throws {
        for meter in self.meters { try await meter.eventLoop.submit { meter.closeAll() }.get() }
        let end = Clock.now() &+ self.plan.timeout.wholeNanoseconds
        try await self.poll(.finishing, until: end) { try await $0.sum { $0.openCount } == 0 }
        for meter in self.meters { try await meter.eventLoop.submit { meter.abortAll() }.get() }
    }

    // MARK: Asking the loops

    private func sum(_ value: @escaping @Sendable (LoopMeter) -> Int) async throws -> Int {
        var sum = 0
        for meter in self.meters { sum += try await meter.eventLoop.submit { value(meter) }.get() }
        return sum
    }

    private func countDeliveries() async throws -> LoadResult.Broadcast? {
        guard self.plan.mode == .broadcast else { return nil }
        let published = try await self.sum { $0.published }
        let delivered = try await self.sum { $0.delivered }
        let subscribers = try await self.sum { $0.subscriberCount }
        return LoadResult.Broadcast(published: published, expected: published * subscribers, delivered: delivered)
    }

    @discardableResult
    private mutating func takeAll() async throws -> Tally {
        var taken = Tally()
        for meter in self.meters { taken.add(try await meter.eventLoop.submit { meter.take() }.get()) }
        self.total.add(taken)
        self.phase.add(taken)
        self.tookAt = Clock.now()
        return taken
    }

    /// Looks again and again whether a phase is over, and tells of the progress.
    private mutating func poll(
        _ phase: Progress.Phase, until end: UInt64?, total: Duration? = nil,
        _ isOver: (inout Conductor) async throws -> Bool
    ) async throws {
        let began = Clock.now()
        var tells = began &+ Self.tellsEvery
        while true {
            try Task.checkCancellation()
            if try await isOver(&self) { return }
            let now = Clock.now()
            if let end, now >= end { return }
            if now >= tells {
                tells = now &+ Self.tellsEvery
                let before = self.tookAt
                let tally = try await self.takeAll()
                self.progress(
                    Progress(
                        phase: phase, seconds: Double(self.tookAt - began) / 1e9, totalSeconds: total?.inSeconds,
                        tally: tally, tallySeconds: Double(self.tookAt - before) / 1e9,
                        openConnections: try await self.sum { $0.openCount }, wantedConnections: self.plan.descriptors,
                        errors: self.total.errors.total,
                        done: self.plan.mode == .connect ? self.phase.opened : self.phase.received,
                        totalDone: phase == .measuring ? self.plan.messages : nil))
            }
            await Connector.sleep(until: min(now &+ Self.looksEvery, end ?? .max))
        }
    }
}

extension LoopMeter {
    /// The connections that send messages, in the order of their turns.
    func senders(_ mode: LoadPlan.Mode) -> [LoadConnection] {
        switch mode {
        case .echo: self.connections
        case .broadcast: self.connections.filter { $0 is PublisherConnection }
        case .connect, .idle: []
        }
    }

    var published: Int {
        self.connections.reduce(0) { $0 + Int(($1 as? PublisherConnection)?.published ?? 0) }
    }

    var delivered: Int { self.connections.reduce(0) { $0 + (($1 as? SubscriberConnection)?.delivered ?? 0) } }

    var subscriberCount: Int { self.connections.reduce(0) { $0 + ($1 is SubscriberConnection ? 1 : 0) } }
}
