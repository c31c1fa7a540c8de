import NIOCore
import WebSocketCore
import WebSockets

/// Opens the connections of a run: a limited number at once, and no more in a second than it is told.
struct Connector: Sendable {
    let plan: LoadPlan
    let meters: [LoopMeter]
    private let clients: [WebSocketClient]

    init(_ plan: LoadPlan, _ meters: [LoopMeter]) {
        self.plan = plan
        self.meters = meters
        let configuration = Self.configuration(plan)
        // A client for each loop, so that we know where a connection will be.
        self.clients = meters.map { WebSocketClient(configuration, eventLoopGroup: $0.eventLoop) }
    }

    /// Opens `count` connections, the loops taking turns. Failures are counted by the loops' meters.
    ///
    /// - Parameter make: makes one connection, on its loop: of its meter, the time when connecting began, its number.
    func open<Connection: LoadConnection>(
        _ count: Int, at url: String, _ make: @escaping @Sendable (LoopMeter, UInt64, Int) -> Connection
    ) async {
        let pause = self.plan.connectRate.map { RateSchedule(start: Clock.now(), rate: $0, connections: 1) }
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<count {
                if number >= self.plan.connectAtOnce { await group.next() }
                if let pause { await Self.sleep(until: pause.time(of: number)) }
                if Task.isCancelled { break }
                group.addTask {
                    let began = Clock.now()
                    await self.connect(to: url, number) { meter in
                        LoadReceiver(connection: make(meter, began, number))
                    }
                }
            }
        }
    }

    /// One connection. A failure is counted.
    /// - Returns: `nil` if it failed.
    @discardableResult
    func connect<Receiver: MessageReceiver>(
        to url: String, _ number: Int, _ make: @escaping @Sendable (LoopMeter) -> Receiver
    ) async -> WebSocket? {
        let meter = self.meters[number % self.meters.count]
        do {
            return try await self.clients[number % self.clients.count].connect(to: url) { make(meter) }
        } catch {
            if Task.isCancelled { return nil }
            let kind = ErrorKind(error)
            let text = Self.explanation(error)
            meter.eventLoop.execute { meter.tally.errors.count(kind, example: text) }
            return nil
        }
    }

    /// What the kind does not say yet.
    private static func explanation(_ error: any Error) -> String {
        if case .connectionFailed(let text)? = error as? WebSocketError { return text }
        return "\(error)"
    }

    /// Returns at once if the time has passed or the task is cancelled.
    static func sleep(until time: UInt64) async {
        let now = Clock.now()
        guard time > now else { return }
        try? await Task.sleep(nanoseconds: time - now)
    }

    static func configuration(_ plan: LoadPlan) -> WebSocketClient.Configuration {
        var configuration = WebSocketClient.Configuration()
        configuration.fields = plan.fields
        configuration.subprotocols = plan.subprotocols
        configuration.origin = plan.origin
        configuration.tls.trust = plan.trust
        configuration.connectTimeout = plan.timeout
        // How many at once is for the plan to say.
        configuration.connectsOneAtATime = false
        // A server may wrap what it passes on.
        configuration.socket.limits = Limits(maxMessageBytes: max(1 << 20, plan.messageBytes * 2 + 65_536))
        configuration.socket.limits.handshake.timeout = plan.timeout
        configuration.socket.keepAlive = plan.pingInterval.map {
            KeepAlive.Configuration(interval: $0, pongTimeout: plan.timeout, jitterPercent: 10)
        }
        switch plan.deflate {
        case .off: break
        case .withContextTakeover, .withoutContextTakeover:
            let keepsContext = plan.deflate == .withContextTakeover
            configuration.socket.deflate = PerMessageDeflate.Configuration(
                serverContextTakeover: keepsContext, clientContextTakeover: keepsContext, minimumBytes: 0)
        }
        // All that may be in flight fits below the mark, so that this end never stops reading: a server that waits for us
        // to read, while we wait for it to, would wait for ever.
        let window = plan.mode == .echo ? plan.inFlight * (plan.messageBytes + 32) : plan.messageBytes * 16
        configuration.socket.outbox.highWaterBytes = max(configuration.socket.outbox.highWaterBytes, window)
        configuration.socket.outbox.maxBytesBeyond = max(1 << 20, plan.messageBytes * 16)
        configuration.socket.outbox.writeTimeout = plan.timeout
        return configuration
    }
}
