import FoundationEssentials

/// The results for programs.
struct JSONReport: Codable {
    struct Server: Codable {
        let id: String
        let name: String
        let version: String
    }

    struct Row: Codable {
        let id: String
        let samples: [Sample?]
        let failure: String?
        /// Of the rounds' ratios to the reference.
        let efficiency: Double?
        let rate: Double?
    }

    struct Series: Codable {
        let key: String
        let measure: Measure
        let title: String
        let unit: String
        let rows: [Row]
    }

    struct IdleRow: Codable {
        let id: String
        let measurements: [IdleMeasurement]
        let failure: String?
    }

    let machine: String
    let reference: String
    let servers: [Server]
    let series: [Series]
    let idleConnections: Int?
    let idle: [IdleRow]

    init(_ results: Results, machine: Machine) {
        self.machine = machine.description
        self.reference = results.reference
        self.servers = results.servers.map { Server(id: $0.id, name: $0.name, version: $0.version) }
        self.series = results.series.map { series in
            Series(
                key: series.subject.key, measure: series.subject.measure, title: series.subject.title,
                unit: series.subject.unit,
                rows: series.rows.map { row in
                    let id = row.server.id
                    return Row(
                        id: id, samples: row.samples, failure: row.failure,
                        efficiency: series.efficiency(of: id, against: results.reference)?.median,
                        rate: series.rate(of: id, against: results.reference)?.median)
                })
        }
        self.idleConnections = results.idle?.connections
        self.idle =
            results.idle?.rows.map {
                IdleRow(id: $0.server.id, measurements: $0.measurements, failure: $0.failure)
            } ?? []
    }

    func text() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        return String(decoding: try encoder.encode(self), as: UTF8.self) + "\n"
    }
}
