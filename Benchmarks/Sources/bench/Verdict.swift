/// What the library promises of its speed and size, and what of it was reached on the machine at hand.
struct Verdict: Equatable {
    enum Outcome: Equatable {
        case met
        case missed
        case notMeasured
    }

    /// What it is about.
    let target: String
    /// `at least 1.05`
    let asked: String
    let reached: String
    let outcome: Outcome

    private init(_ target: String, atLeast least: Double, _ value: Double?, note: String = "") {
        self.target = target
        self.asked = "at least \(least.text(2))"
        self.reached = value.map { "\($0.text(2))\(note)" } ?? ""
        self.outcome = value.map { $0 >= least ? .met : .missed } ?? .notMeasured
    }

    private init(_ target: String, atMost most: Int, bytes: Double?) {
        self.target = target
        self.asked = "at most \(most) bytes"
        self.reached = bytes.map { "\($0.text())" } ?? ""
        self.outcome = bytes.map { $0 <= Double(most) ? .met : .missed } ?? .notMeasured
    }

    static func all(_ results: Results) -> [Verdict] {
        Self.callbacks(results) + Self.tasks(results) + Self.portable(results) + Self.others(results)
            + Self.memory(results)
    }

    /// Within 5 % of 1 is a tie, and as good as 1.
    private static let tie = 0.95

    private static func callbacks(_ results: Results) -> [Verdict] {
        results.series(.echo).map { series in
            let efficiency = series.efficiency(of: "callback", against: results.reference)?.median
            guard case .echo(let workload) = series.subject, workload.payloadBytes < 1 << 20 else {
                return Verdict("callbacks, echo: \(series.subject.title)", atLeast: 1.2, efficiency)
            }
            let isTie = efficiency.map { Self.tie...1.05 ~= $0 } ?? false
            return Verdict(
                "callbacks, echo: \(workload.title)", atLeast: Self.tie, efficiency, note: isTie ? " (a tie)" : "")
        } + [Verdict("callbacks, echo: geometric mean", atLeast: 1.05, results.echoEfficiency(of: "callback")?.mean)]
    }

    private static func tasks(_ results: Results) -> [Verdict] {
        let views = results.echoEfficiency(of: "views")
        return [
            Verdict("borrowed views, echo: geometric mean", atLeast: 0.95, views?.mean),
            Verdict("borrowed views, echo: the least", atLeast: 0.85, views?.least),
            Verdict(
                "sequence of messages, echo: geometric mean", atLeast: 0.7,
                results.echoEfficiency(of: "sequence")?.mean),
        ]
    }

    private static func portable(_ results: Results) -> [Verdict] {
        let portable = results.echoEfficiency(of: "portable")
        let againstStock = results.series(.echo).compactMap { series -> Verdict? in
            guard case .echo(let workload) = series.subject else { return nil }
            return Verdict(
                "portable transport beside SwiftNIO's pipeline, echo: \(workload.title)",
                atLeast: workload.inFlight > 1 ? 3 : 1.1,
                series.efficiency(of: "portable", against: "stock")?.median)
        }
        return [
            Verdict("portable transport, echo: geometric mean", atLeast: 0.65, portable?.mean),
            Verdict("portable transport, echo: the least", atLeast: 0.55, portable?.least),
        ] + againstStock
    }

    private static func others(_ results: Results) -> [Verdict] {
        results.series.flatMap { series -> [Verdict] in
            let efficiency = series.efficiency(of: "callback", against: results.reference)?.median
            let rate = series.rate(of: "callback", against: results.reference)?.median
            switch series.subject {
            case .echo: return []
            case .handshakes:
                let note = efficiency.map { " (in processor time: \($0.text(2)))" } ?? ""
                return [Verdict("handshakes per second, \(series.subject.title)", atLeast: 0.95, rate, note: note)]
            case .fanout:
                let note = rate.map { " (deliveries per second: \($0.text(2)))" } ?? ""
                return [Verdict("fan-out: \(series.subject.title)", atLeast: 1.1, efficiency, note: note)]
            case .deflate:
                return [Verdict("permessage-deflate: \(series.subject.title)", atLeast: Self.tie, efficiency)]
            case .tls:
                let note = efficiency.map { " (beside uWebSockets: \($0.text(2)))" } ?? ""
                return ["node-ws", "gorilla"].map { peer in
                    Verdict(
                        "TLS beside \(results.name(peer)): \(series.subject.title)", atLeast: Self.tie,
                        series.efficiency(of: "callback", against: peer)?.median, note: note)
                }
            }
        }
    }

    private static func memory(_ results: Results) -> [Verdict] {
        guard let idle = results.idle else { return [] }
        let limits = [("callback", 512), ("views", 2_560), ("sequence", 2_560), ("portable", 6_144)]
        return limits.map { id, most in
            let row = idle.rows.first { $0.server.id == id }
            let bytes = row.flatMap { Spread($0.measurements.map(\.afterHandshake.resident))?.median }
            return Verdict("an idle connection: \(results.name(id))", atMost: most, bytes: bytes)
        }
    }
}
