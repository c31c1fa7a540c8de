import ArgumentParser
import Glibc

/// Measures WebSocket servers against each other: processor time for a message, speed, round trips, memory.
@main
struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure the library's servers beside those of others.",
        discussion: """
            Measures the library's callbacks (on epoll and on SwiftNIO), borrowed views and message sequence, the \
            servers that lie beside this program, and those in the file of --peers, which Benchmarks/Peers/install \
            writes. The Markdown goes to standard output, what is going on to standard error. Linux only.

            A server is any command that prints `listening on ws://HOST:PORT/` and echoes. One that fails is left out of \
            the round, and the report says why.

            EXAMPLES
              bench --peers .build-peers/peers.tsv --output reports/benchmarks.md --json reports/benchmarks.json
              bench --measure echo --rounds 9 --workload 20x100x1 --workload 20x100x16
              bench --only stock,callback --rounds 1 --seconds 0.5
              bench --only stock --server 'aloft=.build-release/release/aloft echo --port 0 --threads 1'
            """
    )

    @Option(help: "Rounds; the figures are the medians.")
    var rounds = 3

    @Option(help: "Seconds of one measurement.")
    var seconds = 1.0

    @Option(help: "Seconds before it that do not count.")
    var warmUp = 0.5

    @Option(
        help: ArgumentHelp(
            "What is measured: \(Measure.allCases.map(\.rawValue).joined(separator: ","))", valueName: "names"))
    var measure = Measure.allCases.map(\.rawValue).joined(separator: ",")

    @Option(
        help: ArgumentHelp(
            "Workload of the echo, may be repeated: bytes, connections, messages in flight.", valueName: "BxCxF"))
    var workload: [EchoWorkload] = []

    @Option(help: "Idle connections whose memory is measured, in 3 rounds at most; 0 for none.")
    var idle = 9_000

    @Option(help: ArgumentHelp("Another server, may be repeated.", valueName: "name=command"))
    var server: [EchoServer] = []

    @Option(help: ArgumentHelp("Servers of others, as Benchmarks/Peers/install writes them.", valueName: "file"))
    var peers: String?

    @Option(help: ArgumentHelp("Package.resolved, for the versions in the report.", valueName: "file"))
    var packages: String?

    @Option(
        help: ArgumentHelp(
            "Only those: stock, flyingfox, portable, callback, views, sequence, level1, or a peer's.",
            valueName: "names"))
    var only: String?

    @Option(
        help: ArgumentHelp("The server that the others are compared with, else the first.", valueName: "name"))
    var reference = "uws"

    @Flag(help: "Echo text, which the library checks to be UTF-8, instead of binary messages.")
    var text = false

    @Option(help: "Processor of the servers, 0 to 1023. (default: the first)")
    var serverProcessor: Int?

    @Option(help: "Processor of the load generator, 0 to 1023. (default: the second)")
    var generatorProcessor: Int?

    @Option(help: ArgumentHelp("Also write the Markdown there.", valueName: "file"))
    var output: String?

    @Option(help: ArgumentHelp("Also write everything there, for programs.", valueName: "file"))
    var json: String?

    private static let idleRounds = 3

    func validate() throws {
        guard (1...1_000).contains(self.rounds) else { throw ValidationError("--rounds must be 1 to 1000") }
        guard (0.1...600).contains(self.seconds) else { throw ValidationError("--seconds must be 0.1 to 600") }
        guard (0...60).contains(self.warmUp) else { throw ValidationError("--warm-up must be 0 to 60") }
        guard (0...1_000_000).contains(self.idle) else { throw ValidationError("--idle must be 0 to 1000000") }
        for processor in [self.serverProcessor, self.generatorProcessor].compactMap(\.self)
        where !(0...1_023).contains(processor) {
            throw ValidationError("a processor must be 0 to 1023, not \(processor)")
        }
        _ = try self.measures
        guard !(try self.servers).isEmpty else { throw ValidationError("there is no server to measure") }
    }

    func run() throws {
        let machine = Machine()
        let measures = try self.measures
        let servers = try self.servers
        let subjects = self.subjects(measures)
        let idle = measures.contains(.idle) ? self.idle : 0
        try FileDescriptors.raiseLimit(to: max(idle, subjects.map(\.connections).max() ?? 0) + 100)
        Interruption.arm(seconds: self.mostSeconds(subjects: subjects.count + 1, servers: servers.count, idle: idle))
        let conditions = Conditions(
            processors: Processors(server: self.serverProcessor, generator: self.generatorProcessor),
            seconds: self.seconds, warmUpSeconds: self.warmUp, isText: self.text,
            certificate: measures.contains(.tls) ? try Certificate() : nil)

        var results = Results(servers: servers, reference: servers.first?.id ?? "")
        for subject in subjects {
            let rows = self.measured(subject, servers, under: conditions)
            if rows.count > 0 { results.series.append(Results.Series(subject: subject, rows: rows)) }
        }
        if idle > 0 {
            results.idle = (idle, self.measured(idle: idle, servers, on: conditions.processors))
        }
        let report = MarkdownReport(machine: machine, results: results, rounds: self.rounds, conditions: conditions)
        print(report.text, terminator: "")
        if let output { try SystemFile.write(report.text, to: output) }
        if let json { try SystemFile.write(try JSONReport(results, machine: machine).text(), to: json) }
    }

    // MARK: What is measured

    private var measures: Set<Measure> {
        get throws {
            Set(
                try self.measure.split(separator: ",").map { name in
                    guard let measure = Measure(rawValue: String(name)) else {
                        throw ValidationError("--measure: unknown: \(name)")
                    }
                    return measure
                })
        }
    }

    private func subjects(_ measures: Set<Measure>) -> [Subject] {
        let echo = self.workload.isEmpty ? EchoWorkload.standard : self.workload
        let all =
            echo.map(Subject.echo) + Subject.fanouts + [Subject.handshakes]
            + EchoWorkload.deflate.map { .deflate($0, keepsContext: false) }
            + EchoWorkload.deflate.map { .deflate($0, keepsContext: true) } + EchoWorkload.tls.map(Subject.tls)
        return all.filter { measures.contains($0.measure) }
    }

    /// The reference first, then the library's own, then the others.
    private var servers: [EchoServer] {
        get throws {
            let versions = PackageVersions(resolved: self.packages.flatMap(SystemFile.read) ?? "")
            let standard = Catalogue.standard(versions: versions)
            var peers: [EchoServer] = []
            if let path = self.peers {
                guard let text = SystemFile.read(path) else { throw BenchError.unreadable(path: path) }
                peers = try Catalogue.peers(in: text)
            }
            var servers = standard.filter { $0.version == Catalogue.ownVersion } + peers
            servers += standard.filter { $0.version != Catalogue.ownVersion }
            if let only {
                let names = Set(only.split(separator: ",").map(String.init))
                let unknown = names.subtracting(servers.map(\.id))
                guard unknown.isEmpty else {
                    throw ValidationError("--only: unknown: \(unknown.sorted().joined(separator: ", "))")
                }
                servers.removeAll { !names.contains($0.id) }
            }
            servers += self.server
            let reference = ["stock", self.reference].reduce(0) { found, id in
                servers.firstIndex { $0.id == id } ?? found
            }
            if servers.indices.contains(reference) { servers.insert(servers.remove(at: reference), at: 0) }
            return servers
        }
    }

    // MARK: Rounds

    private func measured(_ subject: Subject, _ servers: [EchoServer], under conditions: Conditions) -> [Results.Row] {
        var rows = servers.filter { $0.abilities.contains(subject.ability) }.map { Results.Row(server: $0) }
        self.inTurns(rows.count, rounds: self.rounds) { index, round in
            let server = rows[index].server
            StandardError.line("\(subject.key): \(server.name), round \(round) of \(self.rounds)")
            do throws(BenchError) {
                rows[index].samples.append(try conditions.sample(server, at: subject))
            } catch {
                StandardError.line("  failed: \(error)")
                rows[index].samples.append(nil)
                rows[index].failure = "\(error)"
            }
        }
        return rows
    }

    private func measured(
        idle connections: Int, _ servers: [EchoServer], on processors: Processors
    ) -> [Results.IdleRow] {
        var rows = servers.filter { $0.abilities.contains(.idle) }.map { Results.IdleRow(server: $0) }
        let rounds = min(self.rounds, Self.idleRounds)
        self.inTurns(rows.count, rounds: rounds) { index, round in
            let server = rows[index].server
            StandardError.line("\(connections) idle connections: \(server.name), round \(round) of \(rounds)")
            do throws(BenchError) {
                rows[index].measurements.append(
                    try IdleMeasurement(server, connections: connections, on: processors))
            } catch {
                StandardError.line("  failed: \(error)")
                rows[index].failure = "\(error)"
            }
        }
        return rows
    }

    /// Every server once a round; another one begins each time.
    private func inTurns(_ count: Int, rounds: Int, _ measure: (_ index: Int, _ round: Int) -> Void) {
        for round in 0..<rounds {
            for turn in 0..<count { measure((round + turn) % count, round + 1) }
        }
    }

    /// Twice what everything should take, and a minute: a measurement takes longer than its seconds.
    private func mostSeconds(subjects: Int, servers: Int, idle: Int) -> Int {
        let rates = Double(subjects * servers * self.rounds) * (self.seconds + self.warmUp + 1.5)
        let idle = idle > 0 ? Double(servers * Self.idleRounds) * (5 + Double(idle) / 1_000) : 0
        return Int(2 * (rates + idle)) + 60
    }
}

extension EchoWorkload: ExpressibleByArgument {
    /// `20x100x16`: bytes, connections, messages in flight.
    init?(argument: String) {
        let numbers = argument.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) }
        guard numbers.count == 3, let payloadBytes = numbers[0], (0...1 << 20).contains(payloadBytes),
            let connections = numbers[1], (1...1_000_000).contains(connections),
            let inFlight = numbers[2], (1...10_000).contains(inFlight)
        else { return nil }
        self.init(payloadBytes: payloadBytes, connections: connections, inFlight: inFlight)
    }
}

extension EchoServer: ExpressibleByArgument {
    /// `name=program argument …`: split at spaces, without any quoting.
    init?(argument: String) {
        let parts = argument.split(separator: "=", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { return nil }
        self.init(id: parts[0], name: parts[0], command: parts[1].split(separator: " ").map(String.init))
    }
}
