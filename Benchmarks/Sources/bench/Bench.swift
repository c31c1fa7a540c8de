import ArgumentParser
import Glibc

/// Measures echo servers against each other: processor time for a message, speed, round trips, memory.
@main
struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure the echo of the library against SwiftNIO's own WebSocket pipeline.",
        discussion: """
            Without options it measures the library's callbacks, borrowed views and message sequence against \
            stock-nio-echo, all of which lie beside this program, at the standard workloads and with 9,000 idle \
            connections. The Markdown goes to standard output, what is going on to standard error. Linux only.

            A server is any command that prints `listening on ws://HOST:PORT/` and echoes. The first is the one that \
            the others are compared with.

            EXAMPLES
              bench --output reports/benchmarks.md
              bench --rounds 9 --workload 20x100x1 --workload 20x100x16 --idle 0
              bench --only stock,callback --rounds 1 --seconds 0.5
              bench --only stock --server 'aloft=.build-release/release/aloft echo --port 0 --threads 1'
            """
    )

    @Option(help: "Rounds; the figures are the medians.")
    var rounds = 5

    @Option(help: "Seconds of one measurement.")
    var seconds = 2.0

    @Option(help: "Seconds before it that do not count.")
    var warmUp = 0.5

    @Option(
        help: ArgumentHelp("Workload, may be repeated: bytes, connections, messages in flight.", valueName: "BxCxF"))
    var workload: [EchoWorkload] = []

    @Option(help: "Idle connections whose memory is measured, in 3 rounds at most; 0 for none.")
    var idle = 9_000

    @Option(help: ArgumentHelp("Another server, may be repeated.", valueName: "name=command"))
    var server: [EchoServer] = []

    @Option(
        help: ArgumentHelp(
            "Of the servers that come with it, those: stock, portable, callback, views, sequence.",
            valueName: "names"))
    var only = "stock,portable,callback,views,sequence"

    @Flag(help: "Echo text, which the library checks to be UTF-8, instead of binary messages.")
    var text = false

    @Option(help: "Processor of the servers, 0 to 1023. (default: the first)")
    var serverProcessor: Int?

    @Option(help: "Processor of the load generator, 0 to 1023. (default: the second)")
    var generatorProcessor: Int?

    @Option(help: ArgumentHelp("Also write the Markdown there.", valueName: "file"))
    var output: String?

    /// A measurement takes longer than its seconds: starting, connecting, warming up, ending.
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
        let names = Set(self.only.split(separator: ",").map(String.init))
        let unknown = names.subtracting(Self.standardServers.map(\.name))
        guard unknown.isEmpty else {
            throw ValidationError("--only: unknown: \(unknown.sorted().joined(separator: ", "))")
        }
        guard !self.servers.isEmpty else { throw ValidationError("there is no server to measure") }
    }

    func run() throws {
        let machine = Machine()
        let processors = Processors(server: self.serverProcessor, generator: self.generatorProcessor)
        let workloads = self.workload.isEmpty ? EchoWorkload.standard : self.workload
        let servers = self.servers
        try FileDescriptors.raiseLimit(to: max(self.idle, workloads.map(\.connections).max() ?? 0) + 100)
        Interruption.arm(seconds: self.mostSeconds(workloads: workloads.count, servers: servers.count))

        var results = Results(servers: servers)
        for workload in workloads {
            results.add(
                workload,
                try self.rounds(of: servers, self.rounds) { server, round in
                    StandardError.line("\(workload.title): \(server.name), round \(round) of \(self.rounds)")
                    return try EchoMeasurement(
                        server, workload, isText: self.text, seconds: self.seconds, warmUpSeconds: self.warmUp,
                        on: processors)
                })
        }
        if self.idle > 0 {
            let rounds = min(self.rounds, Self.idleRounds)
            results.add(
                idle: self.idle,
                try self.rounds(of: servers, rounds) { server, round in
                    StandardError.line("\(self.idle) idle connections: \(server.name), round \(round) of \(rounds)")
                    return try IdleMeasurement(server, connections: self.idle, on: processors)
                })
        }
        let report = MarkdownReport(
            machine: machine, results: results, rounds: self.rounds, seconds: self.seconds, processors: processors,
            isText: self.text)
        print(report.text, terminator: "")
        if let output { try SystemFile.write(report.text, to: output) }
    }

    /// Measures every server once a round; another one begins each time.
    private func rounds<Measurement>(
        of servers: [EchoServer], _ rounds: Int, _ measure: (EchoServer, Int) throws -> Measurement
    ) throws -> [[Measurement]] {
        var measured = servers.map { _ in [Measurement]() }
        for round in 0..<rounds {
            for turn in servers.indices {
                let index = (round + turn) % servers.count
                measured[index].append(try measure(servers[index], round + 1))
            }
        }
        return measured
    }

    /// Twice what everything should take, and a minute.
    private func mostSeconds(workloads: Int, servers: Int) -> Int {
        let echo = Double(workloads * servers * self.rounds) * (self.seconds + self.warmUp + 1)
        let idle = self.idle > 0 ? Double(servers * Self.idleRounds) * (5 + Double(self.idle) / 2_000) : 0
        return Int(2 * (echo + idle)) + 60
    }

    private var servers: [EchoServer] {
        let names = self.only.split(separator: ",").map(String.init)
        return Self.standardServers.filter { names.contains($0.name) }.map { server in
            EchoServer(name: Self.titles[server.name] ?? server.name, command: server.command)
        } + self.server
    }

    private static let titles = [
        "stock": "SwiftNIO's pipeline", "portable": "callbacks, portable transport", "callback": "callbacks",
        "views": "task, borrowed views",
        "sequence": "task, sequence of messages",
    ]

    /// Those that lie beside this program.
    private static var standardServers: [EchoServer] {
        let program = CommandLine.arguments.first ?? ""
        let folder = program.lastIndex(of: "/").map { String(program[...$0]) } ?? ""
        let library = ["callback", "views", "sequence"].map { interface in
            EchoServer(
                name: interface, command: ["\(folder)aloft-echo", "--threads", "1", "--interface", interface])
        }
        let portable = EchoServer(
            name: "portable", command: ["\(folder)aloft-echo", "--threads", "1", "--transport", "portable"])
        return [EchoServer(name: "stock", command: ["\(folder)stock-nio-echo", "--threads", "1"]), portable] + library
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
        self.init(name: parts[0], command: parts[1].split(separator: " ").map(String.init))
    }
}
