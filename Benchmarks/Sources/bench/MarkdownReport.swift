/// The results as a page of Markdown.
struct MarkdownReport {
    let machine: Machine
    let results: Results
    let rounds: Int
    let conditions: Conditions

    var text: String {
        var parts = ["# Benchmarks", Self.introduction, self.summary]
        parts.append(self.verdicts)
        parts.append(self.method)
        parts.append(self.echo)
        parts.append(self.section(.fanout, "Fan-out", "fanout", Self.fanoutNote))
        parts.append(self.section(.handshake, "Opening handshakes", "handshake", Self.handshakeNote))
        if let idle = self.results.idle { parts.append(self.table(idle.connections, idle.rows)) }
        parts.append(self.section(.deflate, "permessage-deflate", nil, Self.deflateNote))
        parts.append(self.section(.tls, "TLS", nil, Self.tlsNote))
        return parts.filter { !$0.isEmpty }.joined(separator: "\n\n") + "\n"
    }

    private static let introduction = """
        What `make bench` has measured: servers that echo, and what else servers do, one beside the other in one run. \
        See [method](#method), [machine and versions](#machine-and-versions), and [noise](#noise) for what the figures \
        are worth.
        """

    private var reference: String { self.results.name(self.results.reference) }

    // MARK: Echo

    /// Efficiencies at a glance.
    private var summary: String {
        let series = self.results.series(.echo)
        guard !series.isEmpty else { return "" }
        let heads = series.map(\.subject.title)
        var lines = [
            "Echo: how many messages a server handles in the processor time in which \(self.reference) handles one. "
                + "More is better; differences under 10 % are ties.", "",
            "<!-- plot: efficiency -->", "",
            "| server | \(heads.joined(separator: " | ")) | geometric mean |",
            "|---|\(String(repeating: "--:|", count: heads.count + 1))",
        ]
        let costs = series.map { Self.cost($0.row(self.results.reference)) }
        lines.append("| \(self.reference), CPU ns/message | \(costs.joined(separator: " | ")) | |")
        for server in self.results.servers where server.id != self.results.reference {
            let cells = series.map { series in
                series.efficiency(of: server.id, against: self.results.reference)?.median.text(2) ?? ""
            }
            guard cells.contains(where: { !$0.isEmpty }) else { continue }
            let mean = self.results.echoEfficiency(of: server.id)?.mean.text(2) ?? ""
            lines.append("| \(server.name) | \(cells.joined(separator: " | ")) | \(mean) |")
        }
        return lines.joined(separator: "\n")
    }

    private static func cost(_ row: Results.Row?) -> String {
        Self.median(row?.samples.compactMap { $0?.nanosecondsEach })
    }

    private var echo: String {
        let series = self.results.series(.echo)
        guard !series.isEmpty else { return "" }
        return (["## Echo"] + series.map(self.table)).joined(separator: "\n\n")
    }

    private func section(_ measure: Measure, _ title: String, _ plot: String?, _ note: String) -> String {
        let series = self.results.series(measure)
        guard !series.isEmpty else { return "" }
        var parts = ["## \(title)", note]
        if let plot { parts.append("<!-- plot: \(plot) -->") }
        return (parts + series.map(self.table)).joined(separator: "\n\n")
    }

    private func table(_ series: Results.Series) -> String {
        let subject = series.subject
        var lines = [
            "### \(subject.title)", "",
            "| server | \(subject.units)/s | CPU, ns/\(subject.unit) | efficiency "
                + "| \(subject.latency), median µs | 99 % µs | server busy | generator busy |",
            "|---|--:|--:|--:|--:|--:|--:|--:|",
        ]
        var isLimited = false
        for row in series.rows {
            let samples = row.samples.compactMap(\.self)
            guard !samples.isEmpty else {
                lines.append("| \(row.server.name) | failed: \(Self.line(row.failure)) | | | | | | |")
                continue
            }
            let limited = samples.filter(\.isLimitedByGenerator).count * 2 > samples.count
            isLimited = isLimited || limited
            let efficiency = series.efficiency(of: row.server.id, against: self.results.reference)
            let cells = [
                row.server.name,
                Self.cell(samples.map(\.perSecond)) + (limited ? " \\*" : ""),
                Self.cell(samples.map(\.nanosecondsEach)),
                Self.cell(efficiency, digits: 2),
                Self.median(samples.compactMap(\.medianMicroseconds), digits: 1),
                Self.median(samples.compactMap(\.percentile99Microseconds), digits: 1),
                Self.median(samples.map { $0.serverBusy * 100 }) + " %",
                Self.median(samples.map { $0.generatorBusy * 100 }) + " %",
            ]
            lines.append("| " + cells.joined(separator: " | ") + " |")
        }
        if isLimited { lines += ["", "\\* Limited by the generator: the server could do more in a second."] }
        return lines.joined(separator: "\n")
    }

    private func table(_ connections: Int, _ rows: [Results.IdleRow]) -> String {
        var lines = [
            "## Idle connections", "",
            "<!-- plot: idle -->", "",
            "Bytes for each of \(connections) connections: resident, and of that not shared with other processes.", "",
            "| server | after the handshake | not shared | after a message of 20 B each | not shared |",
            "|---|--:|--:|--:|--:|",
        ]
        for row in rows {
            guard !row.measurements.isEmpty else {
                lines.append("| \(row.server.name) | failed: \(Self.line(row.failure)) | | | |")
                continue
            }
            let cells = [
                row.server.name,
                Self.cell(row.measurements.map { Double($0.afterHandshake.resident) }),
                Self.median(row.measurements.map { Double($0.afterHandshake.notShared) }),
                Self.cell(row.measurements.map { Double($0.afterMessage.resident) }),
                Self.median(row.measurements.map { Double($0.afterMessage.notShared) }),
            ]
            lines.append("| " + cells.joined(separator: " | ") + " |")
        }
        return lines.joined(separator: "\n")
    }

    // MARK: Targets

    private var verdicts: String {
        let verdicts = Verdict.all(self.results)
        guard !verdicts.isEmpty else { return "" }
        var lines = [
            "## Targets", "",
            "Ratios of processor time, beside \(self.reference) where nothing else is said. 0.95 stands for 1 less the "
                + "5 % that make a tie.", "",
            "| target | asked | reached | |", "|---|--:|--:|---|",
        ]
        for verdict in verdicts {
            let outcome =
                switch verdict.outcome {
                case .met: "met"
                case .missed: "**missed**"
                case .notMeasured: "not measured"
                }
            lines.append("| \(verdict.target) | \(verdict.asked) | \(verdict.reached) | \(outcome) |")
        }
        return lines.joined(separator: "\n")
    }

    // MARK: Cells

    private static func cell(_ values: [Double], digits: Int = 0) -> String {
        Self.cell(Spread(values), digits: digits)
    }

    private static func cell(_ spread: Spread?, digits: Int = 0) -> String {
        guard let spread else { return "" }
        return "\(spread.median.text(digits)) (\(spread.least.text(digits))..\(spread.greatest.text(digits)))"
    }

    private static func median(_ values: [Double]?, digits: Int = 0) -> String {
        values.flatMap { Spread($0) }?.median.text(digits) ?? ""
    }

    private static func line(_ text: String?) -> String {
        (text ?? "").split { $0 == "\n" || $0 == "\r\n" || $0 == "|" }.first.map(String.init) ?? ""
    }
}
