/// The results as a page of Markdown.
struct MarkdownReport {
    let machine: Machine
    let results: Results
    let rounds: Int
    let seconds: Double
    let processors: Processors
    let isText: Bool

    var text: String {
        var parts = ["# Echo, measured", self.method]
        for echo in self.results.echo { parts.append(self.table(echo.workload, echo.byServer)) }
        if let idle = self.results.idle { parts.append(self.table(idle.connections, idle.byServer)) }
        parts.append(self.targets)
        return parts.joined(separator: "\n\n") + "\n"
    }

    private var first: String { self.results.servers.first?.name ?? "" }

    private var method: String {
        """
        \(self.machine.description).

        Each server has one event loop, bound to processor \(self.processors.server); the load generator, one thread on \
        epoll, runs on processor \(self.processors.generator)\(self.processors.areShared ? ", **the same one**" : ""). \
        A connection sends all messages it may have in flight in one write and sends them again when all have come back; \
        every byte is compared. Messages are \(self.isText ? "text" : "binary"), masked, uncompressed. \
        \(self.rounds) rounds; in each every server is started anew, warmed up and measured for \
        \(self.seconds.text(1)) s, one after the other in changing order. CPU is the processor time of the server's \
        threads, system calls included. Figures are medians of the rounds, in brackets the least and the greatest; \
        efficiency is the CPU time of \(self.first) divided by the server's, round by round.
        """
    }

    private func table(_ workload: EchoWorkload, _ byServer: [[EchoMeasurement]]) -> String {
        var lines = [
            "## \(workload.title)", "",
            "| server | messages/s | CPU, ns/message | efficiency | round trip, median µs | 99 % µs | server busy | generator busy |",
            "|---|--:|--:|--:|--:|--:|--:|--:|",
        ]
        for (server, rounds) in zip(self.results.servers, byServer) {
            let ratio = byServer.first.flatMap { Results.efficiency(of: rounds, against: $0) }
            let cells = [
                server.name,
                Self.cell(Spread(rounds.map(\.messagesPerSecond))),
                Self.cell(Spread(rounds.map(\.nanosecondsPerMessage))),
                Self.cell(ratio, digits: 2),
                Self.median(Spread(rounds.map { Double($0.median) / 1_000 }), digits: 1),
                Self.median(Spread(rounds.map { Double($0.percentile99) / 1_000 }), digits: 1),
                Self.median(Spread(rounds.map { $0.serverBusy * 100 }), digits: 0) + " %",
                Self.median(Spread(rounds.map { $0.generatorBusy * 100 }), digits: 0) + " %",
            ]
            lines.append("| " + cells.joined(separator: " | ") + " |")
        }
        return lines.joined(separator: "\n")
    }

    private func table(_ connections: Int, _ byServer: [[IdleMeasurement]]) -> String {
        var lines = [
            "## \(connections) idle connections", "",
            "Bytes for each connection: resident, and of that not shared with other processes.", "",
            "| server | after the handshake | not shared | after a message of 20 B each | not shared |",
            "|---|--:|--:|--:|--:|",
        ]
        for (server, rounds) in zip(self.results.servers, byServer) {
            let cells = [
                server.name,
                Self.cell(Spread(rounds.map(\.afterHandshake.resident))),
                Self.median(Spread(rounds.map(\.afterHandshake.notShared))),
                Self.cell(Spread(rounds.map(\.afterMessage.resident))),
                Self.median(Spread(rounds.map(\.afterMessage.notShared))),
            ]
            lines.append("| " + cells.joined(separator: " | ") + " |")
        }
        return lines.joined(separator: "\n")
    }

    /// The targets are those of the callback layer, the second server.
    private var targets: String {
        let verdicts = Target.all.compactMap { $0.verdict(self.results, server: 1) }
        guard self.results.servers.count > 1, !verdicts.isEmpty else { return "No target was measured." }
        let lines = verdicts.map { "- \($0.isMet ? "met" : "**missed**"): \($0.text)" }
        return "## Targets of \(self.results.servers[1].name)\n\n" + lines.joined(separator: "\n")
    }

    private static func cell(_ spread: Spread?, digits: Int = 0) -> String {
        guard let spread else { return "" }
        return "\(spread.median.text(digits)) (\(spread.least.text(digits))..\(spread.greatest.text(digits)))"
    }

    private static func median(_ spread: Spread?, digits: Int = 0) -> String { spread?.median.text(digits) ?? "" }
}
