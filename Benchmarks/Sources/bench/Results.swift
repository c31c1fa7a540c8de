import Glibc

/// Everything that was measured, round by round: the n-th measurement of each server belongs to the n-th round.
struct Results: Sendable {
    /// One server at one subject.
    struct Row: Sendable {
        let server: EchoServer
        /// `nil` for a round in which it failed.
        var samples: [Sample?] = []
        var failure: String?
    }

    /// All servers at one subject.
    struct Series: Sendable {
        let subject: Subject
        let rows: [Row]

        func row(_ id: String) -> Row? { self.rows.first { $0.server.id == id } }

        /// How many times a server does what the other one does, in the same processor time: compared round by round,
        /// because the speed of the machine changes from one to the next.
        func efficiency(of id: String, against other: String) -> Spread? {
            self.ratio(id, other) { $1.nanosecondsEach / $0.nanosecondsEach }
        }

        /// The same in time.
        func rate(of id: String, against other: String) -> Spread? {
            self.ratio(id, other) { $0.perSecond / $1.perSecond }
        }

        private func ratio(_ id: String, _ other: String, _ ratio: (Sample, Sample) -> Double) -> Spread? {
            guard let row = self.row(id), let other = self.row(other) else { return nil }
            return Spread(
                zip(row.samples, other.samples).compactMap { sample, other in
                    guard let sample, let other else { return nil }
                    return ratio(sample, other)
                })
        }
    }

    struct IdleRow: Sendable {
        let server: EchoServer
        var measurements: [IdleMeasurement] = []
        var failure: String?
    }

    let servers: [EchoServer]
    /// The id of the server that the others are compared with.
    let reference: String
    var series: [Series] = []
    var idle: (connections: Int, rows: [IdleRow])?

    init(servers: [EchoServer], reference: String) {
        self.servers = servers
        self.reference = reference
    }

    func name(_ id: String) -> String { self.servers.first { $0.id == id }?.name ?? id }

    func series(_ measure: Measure) -> [Series] { self.series.filter { $0.subject.measure == measure } }

    /// The geometric mean of the efficiencies at all echoes, and the least of them.
    func echoEfficiency(of id: String) -> (mean: Double, least: Double)? {
        let medians = self.series(.echo).compactMap { $0.efficiency(of: id, against: self.reference)?.median }
        guard let least = medians.min(), medians.count == self.series(.echo).count else { return nil }
        return (exp(medians.reduce(0) { $0 + log($1) } / Double(medians.count)), least)
    }

    /// How far the rounds lie apart, each server's efficiency at each subject: the greatest less the least, as a share
    /// of the median.
    var noise: [Double] {
        self.series.flatMap { series in
            series.rows.compactMap { row in
                guard row.server.id != self.reference else { return nil }
                let spread = series.efficiency(of: row.server.id, against: self.reference)
                return spread.map { ($0.greatest - $0.least) / $0.median }
            }
        }
    }
}
