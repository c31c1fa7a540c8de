/// What keeps a server busy, from one thread, and counts what it has done.
protocol Generator: AnyObject {
    /// Goes on for this long. What is under way then is taken up by the next call.
    func run(nanoseconds: UInt64) throws(BenchError)

    /// Messages, deliveries or handshakes since the beginning.
    var done: Double { get }

    /// How long they took, since the last ``forgetLatencies()``.
    var latencies: LatencyHistogram { get }

    func forgetLatencies()
}

/// One server at one thing, once.
struct Sample: Sendable, Codable, Equatable {
    /// Messages, deliveries or handshakes.
    let perSecond: Double
    /// Processor time of the server for one of them.
    let nanosecondsEach: Double
    /// How much of the time the server's and the generator's processors worked for them.
    let serverBusy: Double
    let generatorBusy: Double
    /// What a round trip of a window, a delivery to all or a handshake takes; `nil` if none was completed.
    let medianMicroseconds: Double?
    let percentile99Microseconds: Double?

    /// Warms the server up, then measures for `seconds`.
    init(
        of process: ServerProcess, under generator: some Generator, seconds: Double, warmUpSeconds: Double
    ) throws(BenchError) {
        try generator.run(nanoseconds: UInt64(warmUpSeconds * 1e9))
        generator.forgetLatencies()

        let before = generator.done
        let (began, cpu, ownCPU) = (Clock.now(), try Clock.cpu(of: process.pid), Clock.ownCPU())
        try generator.run(nanoseconds: UInt64(seconds * 1e9))
        let took = Double(Clock.now() - began)
        let used = Double(try Clock.cpu(of: process.pid) - cpu)
        let done = generator.done - before
        guard done > 0 else { throw .stalled(seconds: Int(seconds)) }

        self.perSecond = done / took * 1e9
        self.nanosecondsEach = used / done
        self.serverBusy = used / took
        self.generatorBusy = Double(Clock.ownCPU() - ownCPU) / took
        self.medianMicroseconds = Self.microseconds(generator.latencies, 0.5)
        self.percentile99Microseconds = Self.microseconds(generator.latencies, 0.99)
    }

    private static func microseconds(_ latencies: LatencyHistogram, _ share: Double) -> Double? {
        latencies.total > 0 ? Double(latencies.percentile(share)) / 1_000 : nil
    }

    /// The rate says more of the generator than of the server. The processor time is the server's all the same.
    var isLimitedByGenerator: Bool { self.generatorBusy > 0.95 && self.serverBusy < 0.95 }
}
