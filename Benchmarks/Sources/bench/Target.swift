/// What the library promises of its speed and size on SwiftNIO, measured on the machine at hand.
enum Target {
    /// At least this many times as efficient as the first server, at this workload.
    case efficiency(EchoWorkload, atLeast: Double)
    /// At most this many bytes resident for each idle connection.
    case idleBytes(atMost: Int)

    static let all: [Target] = [
        .efficiency(EchoWorkload(payloadBytes: 20, connections: 100, inFlight: 1), atLeast: 1.1),
        .efficiency(EchoWorkload(payloadBytes: 20, connections: 100, inFlight: 16), atLeast: 3),
        .idleBytes(atMost: 6 << 10),
    ]

    struct Verdict {
        let text: String
        let isMet: Bool
    }

    /// How the server at `index` does; `nil` where it was not measured.
    func verdict(_ results: Results, server index: Int) -> Verdict? {
        switch self {
        case .efficiency(let workload, let least):
            guard let measured = results.echo.first(where: { $0.workload == workload }), index > 0,
                let first = measured.byServer.first, measured.byServer.indices.contains(index),
                let ratio = Results.efficiency(of: measured.byServer[index], against: first)
            else { return nil }
            return Verdict(
                text: "\(workload.title): \(ratio.median.text(2)) times, at least \(least.text(1))",
                isMet: ratio.median >= least)
        case .idleBytes(let most):
            guard let idle = results.idle, idle.byServer.indices.contains(index),
                let bytes = Spread(idle.byServer[index].map(\.afterHandshake.resident))
            else { return nil }
            return Verdict(
                text: "\(idle.connections) idle connections: \(bytes.median.text()) bytes each, at most \(most)",
                isMet: bytes.median <= Double(most))
        }
    }
}
