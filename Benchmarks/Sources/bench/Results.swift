/// Everything that was measured, round by round: the n-th measurement of each server belongs to the n-th round.
struct Results {
    /// The first is the one that the others are compared with.
    let servers: [EchoServer]
    private(set) var echo: [(workload: EchoWorkload, byServer: [[EchoMeasurement]])] = []
    private(set) var idle: (connections: Int, byServer: [[IdleMeasurement]])?

    init(servers: [EchoServer]) { self.servers = servers }

    mutating func add(_ workload: EchoWorkload, _ byServer: [[EchoMeasurement]]) {
        self.echo.append((workload, byServer))
    }

    mutating func add(idle connections: Int, _ byServer: [[IdleMeasurement]]) {
        self.idle = (connections, byServer)
    }

    /// How many messages a server handles in the processor time that the first one takes for one: compared round by
    /// round, because the speed of the machine changes from one to the next.
    static func efficiency(of server: [EchoMeasurement], against first: [EchoMeasurement]) -> Spread? {
        Spread(zip(server, first).map { $1.nanosecondsPerMessage / $0.nanosecondsPerMessage })
    }
}
