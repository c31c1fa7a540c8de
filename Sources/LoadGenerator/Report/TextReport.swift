import WebSocketCore

/// The result as a page for a person.
package struct TextReport {
    private let result: LoadResult
    private var lines: [String] = []

    package init(_ result: LoadResult) { self.result = result }

    /// All lines.
    package static func text(_ result: LoadResult) -> String {
        var report = TextReport(result)
        report.write()
        return report.lines.joined(separator: "\n")
    }

    private mutating func write() {
        let result = self.result
        self.writePlan()
        if result.hasMeasured {
            self.writeCounts()
            self.writeLatencies()
            self.writeDistribution()
            self.writeGenerator()
        }
        self.writeErrors()
        for warning in result.warnings { self.lines.append("  ! \(warning)") }
        if !result.warnings.isEmpty { self.lines.append("") }
    }

    // MARK: Parts

    private mutating func writePlan() {
        let plan = self.result.plan
        self.lines.append("aloft bench \(plan.mode.rawValue) \(WebSocketURL.redacted(plan.url))")
        self.lines.append("")
        let loops = plan.threads == 1 ? "1 event loop" : "\(plan.threads) event loops"
        let kind = plan.kind == .text ? "text" : "binary"
        var message = "\(Figures.bytes(Double(plan.messageBytes))) \(kind)"
        if plan.deflate != .off { message += ", deflate" }
        let connections = "\(Figures.grouped(plan.connections)) \(plan.connections == 1 ? "connection" : "connections")"
        switch plan.mode {
        case .echo:
            self.lines.append(
                "  \(connections), \(Figures.grouped(plan.inFlight)) in flight on each, \(message), \(loops)")
        case .connect: self.lines.append("  \(connections) at once, opened and closed again and again, \(loops)")
        case .idle: self.lines.append("  \(connections) held open, \(loops)")
        case .broadcast:
            let publishers = plan.publishers == 1 ? "1 publisher" : "\(Figures.grouped(plan.publishers)) publishers"
            self.lines.append(
                "  \(publishers), \(Figures.grouped(plan.connections)) subscribers, \(message), \(loops)")
        }
        guard self.result.hasMeasured else { return self.lines.append("") }
        var pace = plan.rate.map { "\(Figures.short($0)) a second" } ?? "as fast as answers come"
        if plan.mode == .idle { pace = "" } else { pace += ", " }
        let warmUp = plan.warmUp > .zero ? " after \(Figures.duration(plan.warmUp.inSeconds)) of warm-up" : ""
        self.lines.append("  \(pace)measured for \(Figures.duration(self.result.seconds))\(warmUp)")
        self.lines.append("")
    }

    private mutating func writeCounts() {
        let result = self.result
        let tally = result.tally
        if result.plan.mode != .connect {
            self.row("connections", result.opened, "opened in \(Figures.duration(result.connectSeconds))")
        }
        switch result.plan.mode {
        case .connect: self.row("handshakes", tally.opened, self.perSecond(tally.opened))
        case .idle:
            self.row("still open", result.openAtEnd, "at the end")
            if tally.received > 0 { self.row("received", tally.received, "messages that nobody had asked for") }
        case .echo:
            self.row("sent", tally.sent, self.perSecond(tally.sent, tally.sentBytes))
            self.row("answered", tally.received, self.perSecond(tally.received, tally.receivedBytes))
        case .broadcast:
            self.row("published", tally.sent, self.perSecond(tally.sent, tally.sentBytes))
            self.row("delivered", tally.received, self.perSecond(tally.received, tally.receivedBytes))
            if let broadcast = result.broadcast {
                let share = broadcast.expected > 0 ? Double(broadcast.delivered) / Double(broadcast.expected) : 1
                self.row(
                    "expected", broadcast.expected,
                    "\(Figures.decimals(share * 100, share == 1 ? 0 : 3)) % of them came")
            }
            if tally.others > 0 { self.row("others", tally.others, "messages that are not from this run") }
        }
        self.lines.append("")
    }

    private mutating func row(_ name: String, _ count: Int, _ rest: String) {
        self.lines.append("  \(name.padded(to: 12))\(Figures.grouped(count).aligned(to: 14))   \(rest)")
    }

    private func perSecond(_ count: Int, _ bytes: Int? = nil) -> String {
        let rate = "\(Figures.short(self.result.perSecond(count)).aligned(to: 10)) per second"
        guard let bytes else { return rate }
        let perSecond = self.result.seconds > 0 ? Double(bytes) / self.result.seconds : 0
        return "\(rate)   \(Figures.bytes(perSecond))/s"
    }

    private static let columns: [(name: String, value: @Sendable (Latencies) -> Double)] = [
        ("min", { Double($0.min) }), ("mean", { $0.mean }),
        ("p50", { Double($0.nanoseconds(at: 50)) }), ("p75", { Double($0.nanoseconds(at: 75)) }),
        ("p90", { Double($0.nanoseconds(at: 90)) }), ("p99", { Double($0.nanoseconds(at: 99)) }),
        ("p99.9", { Double($0.nanoseconds(at: 99.9)) }), ("p99.99", { Double($0.nanoseconds(at: 99.99)) }),
        ("max", { Double($0.max) }),
    ]

    /// The rows of the table of times: what they are called and what they are.
    private var times: [(name: String, latencies: Latencies, meaning: String)] {
        let tally = self.result.tally
        let isFixed = self.result.plan.rate != nil
        switch self.result.plan.mode {
        case .idle: return [("handshake", tally.handshake, "TCP, TLS and opening handshake")]
        case .connect:
            return isFixed
                ? [
                    ("latency", tally.latency, "from when a connection was due: corrected for coordinated omission"),
                    ("handshake", tally.service, "from its actual beginning"),
                    ("lateness", tally.lateness, "how late this end was"),
                ]
                : [("handshake", tally.latency, "not corrected for coordinated omission: nothing was due at a time")]
        case .echo where !isFixed:
            let meaning =
                self.result.plan.expectedInterval.map {
                    "corrected as if a message had been due every \(Figures.time($0.wholeNanoseconds))"
                } ?? "a closed loop: not corrected for coordinated omission, see --rate"
            return [("latency", tally.latency, meaning)]
        case .echo:
            return [
                ("latency", tally.latency, "from when a message was due: corrected for coordinated omission"),
                ("service", tally.service, "from when it was sent: not corrected"),
                ("lateness", tally.lateness, "how late this end sent, where nothing else was in the way"),
            ]
        case .broadcast:
            return [
                ("delivery", tally.latency, "from when a message was due: corrected for coordinated omission"),
                ("lateness", tally.lateness, "how late this end published"),
            ]
        }
    }

    private mutating func writeLatencies() {
        let rows = self.times.filter { !$0.latencies.isEmpty }
        if rows.isEmpty { return }
        self.lines.append("  ".padded(to: 12) + Self.columns.map { $0.name.aligned(to: 9) }.joined())
        for row in rows {
            let values = Self.columns.map { Figures.time($0.value(row.latencies)).aligned(to: 9) }
            self.lines.append("  \(row.name)".padded(to: 12) + values.joined())
        }
        for row in rows { self.lines.append("    \(row.name.padded(to: 10))\(row.meaning)") }
        self.lines.append("")
    }

    private mutating func writeDistribution() {
        guard let latencies = self.times.first?.latencies, latencies.count >= 10 else { return }
        let ends = LatencyRanges.ends(min: latencies.min, max: latencies.max)
        let counts = latencies.counts(endingAt: ends)
        let most = Double(counts.max() ?? 1)
        for (end, count) in zip(ends, counts) {
            let share = Double(count) / Double(latencies.count)
            let bar = count == 0 ? "" : Figures.bar(max(Double(count) / most, 1 / 320), width: 40)
            let percent = "\(Figures.decimals(share * 100, share < 0.001 && count > 0 ? 4 : 2)) %"
            self.lines.append("  ≤ \(Figures.time(end).aligned(to: 8)) \(percent.aligned(to: 10))  \(bar)")
        }
        self.lines.append("")
    }

    private mutating func writeGenerator() {
        let generator = self.result.generator
        let seconds = Double(generator.cpu.nanoseconds) / 1e9
        var text =
            "  generator   \(Figures.decimals(seconds, 2)) s of processor time, "
            + "\(Figures.short(self.result.cpuPercent)) % of one core"
        if let each = self.result.cpuNanosecondsPerMessage {
            text += ", \(Figures.time(each)) for each \(self.result.plan.mode == .connect ? "handshake" : "message")"
        }
        self.lines.append(text)
        let busy = generator.busy.map { "\(Int(($0 * 100).rounded())) %" }.joined(separator: ", ")
        self.lines.append("              event loops busy: \(busy)")
        self.lines.append("")
    }

    private mutating func writeErrors() {
        let errors = self.result.tally.errors
        if errors.isEmpty {
            self.lines.append("  no errors")
        } else {
            self.lines.append("  errors")
            for (kind, entry) in errors.sorted {
                let example = entry.example.map { "   (\($0))" } ?? ""
                self.lines.append("  \(Figures.grouped(entry.count).aligned(to: 12))  \(kind.title)\(example)")
            }
        }
        self.lines.append("")
    }
}

/// The rows of a drawn distribution.
enum LatencyRanges {
    /// Where the ranges end: 1, 2, 5 of each power of ten, or finer steps where that would be few rows. The last is at
    /// least `max`, the first below twice `min` where it can be.
    static func ends(min: UInt64, max: UInt64) -> [UInt64] {
        let coarse = Self.ends(min, max, [1, 2, 5])
        return coarse.count >= 6 ? coarse : Self.ends(min, max, [1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 8])
    }

    private static func ends(_ min: UInt64, _ max: UInt64, _ steps: [Double]) -> [UInt64] {
        var ends: [UInt64] = []
        var power = 1.0
        while power < 1e18 {
            for step in steps {
                let end = UInt64((step * power).rounded())
                if end >= min, ends.last != end { ends.append(end) }
                if end >= max { return ends }
            }
            power *= 10
        }
        return ends
    }
}
