import WebSocketCore

extension LoadResult {
    /// What `schemaVersion` says: it changes when a key changes its meaning or goes. New keys may come.
    package static let schemaVersion = 1

    /// Percentiles that are given by name.
    static let percents: [(percent: Double, name: String)] = [
        (50, "p50"), (75, "p75"), (90, "p90"), (95, "p95"), (99, "p99"), (99.9, "p99_9"), (99.99, "p99_99"),
        (99.999, "p99_999"),
    ]

    package var json: JSON {
        .object([
            .init("schemaVersion", .integer(Self.schemaVersion)),
            .init("mode", .string(self.plan.mode.rawValue)),
            .init("url", .string(WebSocketURL.redacted(self.plan.url))),
            .init("plan", self.planJSON),
            .init("ending", .string(self.ending.rawValue)),
            .init("measuredSeconds", .number(self.seconds)),
            .init("connections", self.connectionsJSON),
            .init("messages", self.messagesJSON),
            .init("latency", Self.json(self.tally.latency, [.init("isCorrected", .bool(self.isLatencyCorrected))])),
            .init("serviceTime", self.plan.rate == nil ? .null : Self.json(self.tally.service)),
            .init("generatorLateness", self.plan.rate == nil ? .null : Self.json(self.tally.lateness)),
            .init("broadcast", self.broadcastJSON),
            .init(
                "errors",
                .object([
                    .init("total", .integer(self.tally.errors.total)),
                    .init(
                        "kinds",
                        .array(
                            self.tally.errors.sorted.map { kind, entry in
                                .object([
                                    .init("kind", .string(kind.key)), .init("count", .integer(entry.count)),
                                    .init("description", .string(kind.title)), .init("example", .text(entry.example)),
                                ])
                            })),
                ])),
            .init("generator", self.generatorJSON),
            .init("warnings", .array(self.warnings.map { .string($0) })),
        ])
    }

    private var planJSON: JSON {
        let plan = self.plan
        return .object([
            .init("connections", .integer(plan.connections)),
            .init("publishers", plan.mode == .broadcast ? .integer(plan.publishers) : .null),
            .init("inFlightPerConnection", plan.mode == .echo ? .integer(plan.inFlight) : .null),
            .init("messageBytes", .integer(plan.messageBytes)),
            .init("messageKind", .string(plan.kind == .text ? "text" : "binary")),
            .init("verifiesContent", .bool(plan.verifiesContent)),
            .init("deflate", .string(plan.deflate.rawValue)),
            .init("ratePerSecond", plan.rate.map { .number($0) } ?? .null),
            .init("connectRatePerSecond", plan.connectRate.map { .number($0) } ?? .null),
            .init("durationSeconds", plan.duration.map { .number($0.inSeconds) } ?? .null),
            .init("warmUpSeconds", .number(plan.warmUp.inSeconds)),
            .init("messages", plan.messages.map { .integer($0) } ?? .null),
            .init("expectedIntervalSeconds", plan.expectedInterval.map { .number($0.inSeconds) } ?? .null),
            .init("timeoutSeconds", .number(plan.timeout.inSeconds)),
            .init("pingIntervalSeconds", plan.pingInterval.map { .number($0.inSeconds) } ?? .null),
            .init("threads", .integer(plan.threads)),
        ])
    }

    private var connectionsJSON: JSON {
        .object([
            .init("opened", .integer(self.opened)),
            .init("openAtEnd", .integer(self.openAtEnd)),
            .init("compressed", self.plan.mode == .connect ? .null : .integer(self.tally.compressed)),
            .init("connectSeconds", self.plan.mode == .connect ? .null : .number(self.connectSeconds)),
            .init("handshake", self.plan.mode == .connect ? .null : Self.json(self.tally.handshake)),
            .init(
                "handshakesPerSecond",
                self.plan.mode == .connect ? .number(self.perSecond(self.done)) : .null),
        ])
    }

    private var messagesJSON: JSON {
        .object([
            .init("sent", .integer(self.tally.sent)),
            .init("sentPerSecond", .number(self.perSecond(self.tally.sent))),
            .init("sentBytes", .integer(self.tally.sentBytes)),
            .init("sentBytesPerSecond", .number(self.perSecond(self.tally.sentBytes))),
            .init("received", .integer(self.tally.received)),
            .init("receivedPerSecond", .number(self.perSecond(self.tally.received))),
            .init("receivedBytes", .integer(self.tally.receivedBytes)),
            .init("receivedBytesPerSecond", .number(self.perSecond(self.tally.receivedBytes))),
            .init("others", .integer(self.tally.others)),
            .init("heldBack", self.plan.rate == nil ? .null : .integer(self.tally.heldBack)),
        ])
    }

    private var broadcastJSON: JSON {
        guard let broadcast else { return .null }
        return .object([
            .init("published", .integer(broadcast.published)),
            .init("expectedDeliveries", .integer(broadcast.expected)),
            .init("deliveries", .integer(broadcast.delivered)),
        ])
    }

    private var generatorJSON: JSON {
        let cpu = self.generator.cpu
        return .object([
            .init("cpuSeconds", .number(Double(cpu.nanoseconds) / 1e9)),
            .init("cpuUserSeconds", .number(Double(cpu.userNanoseconds) / 1e9)),
            .init("cpuSystemSeconds", .number(Double(cpu.systemNanoseconds) / 1e9)),
            .init("cpuPercentOfOneCore", .number(self.cpuPercent)),
            .init("cpuNanosecondsPerMessage", self.cpuNanosecondsPerMessage.map { .number($0) } ?? .null),
            .init("loopsBusyPercent", .array(self.generator.busy.map { .number(($0 * 1000).rounded() / 10) })),
        ])
    }

    private static func json(_ latencies: Latencies, _ first: [JSON.Member] = []) -> JSON {
        var members = first
        members.append(.init("count", .integer(latencies.count)))
        members.append(.init("minNanoseconds", .integer(latencies.min)))
        members.append(.init("meanNanoseconds", .number(latencies.mean)))
        members.append(.init("standardDeviationNanoseconds", .number(latencies.standardDeviation)))
        for (percent, name) in Self.percents {
            members.append(.init("\(name)Nanoseconds", .integer(latencies.nanoseconds(at: percent))))
        }
        members.append(.init("maxNanoseconds", .integer(latencies.max)))
        members.append(
            .init(
                "percentiles",
                .array(
                    latencies.distribution.map {
                        .object([
                            .init("percent", .number($0.percent)), .init("nanoseconds", .integer($0.nanoseconds)),
                            .init("count", .integer($0.count)),
                        ])
                    })))
        return .object(members)
    }
}
