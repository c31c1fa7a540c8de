/// What is echoed: how long the messages are, on how many connections, how many at one time on each.
struct EchoWorkload: Sendable, Hashable {
    let payloadBytes: Int
    let connections: Int
    let inFlight: Int

    static let standard = [
        EchoWorkload(payloadBytes: 20, connections: 1, inFlight: 1),
        EchoWorkload(payloadBytes: 20, connections: 100, inFlight: 1),
        EchoWorkload(payloadBytes: 20, connections: 100, inFlight: 16),
        EchoWorkload(payloadBytes: 1_024, connections: 100, inFlight: 16),
        EchoWorkload(payloadBytes: 16_384, connections: 100, inFlight: 1),
    ]

    /// `20 B, 100 connections, 16 in flight`
    var title: String {
        let size =
            self.payloadBytes >= 1_024 && self.payloadBytes % 1_024 == 0
            ? "\(self.payloadBytes / 1_024) KiB" : "\(self.payloadBytes) B"
        return "\(size), \(self.connections) connection\(self.connections == 1 ? "" : "s"), \(self.inFlight) in flight"
    }
}

/// One server at one workload, once.
struct EchoMeasurement {
    let messagesPerSecond: Double
    /// Processor time of the server for one message: there and back.
    let nanosecondsPerMessage: Double
    /// How much of the time the server's and the generator's processors worked for them.
    let serverBusy: Double
    let generatorBusy: Double
    /// Round trips of a window, in nanoseconds.
    let median: UInt64
    let percentile99: UInt64

    /// Starts `server`, warms it up, measures for `seconds`, ends it.
    init(
        _ server: EchoServer, _ workload: EchoWorkload, isText: Bool, seconds: Double, warmUpSeconds: Double,
        on processors: Processors
    ) throws(BenchError) {
        let process = try ServerProcess(server, on: processors)
        defer { process.stop() }
        let window = FrameWindow(
            messages: workload.inFlight, payloadBytes: workload.payloadBytes, isText: isText)
        let generator = try LoadGenerator(
            port: process.port, connections: workload.connections, window: window)
        try generator.run(nanoseconds: UInt64(warmUpSeconds * 1e9))
        generator.forgetLatencies()

        let messages = generator.messages
        let (began, cpu, ownCPU) = (Clock.now(), try Clock.cpu(of: process.pid), Clock.ownCPU())
        try generator.run(nanoseconds: UInt64(seconds * 1e9))
        let took = Double(Clock.now() - began)
        let used = Double(try Clock.cpu(of: process.pid) - cpu)
        let done = generator.messages - messages
        guard done > 0 else { throw .stalled(seconds: Int(seconds)) }

        self.messagesPerSecond = done / took * 1e9
        self.nanosecondsPerMessage = used / done
        self.serverBusy = used / took
        self.generatorBusy = Double(Clock.ownCPU() - ownCPU) / took
        self.median = generator.latencies.percentile(0.5)
        self.percentile99 = generator.latencies.percentile(0.99)
    }
}
