/// What can be measured, as the command line calls it.
enum Measure: String, CaseIterable, Codable, Sendable {
    case echo
    case idle
    case handshake
    case fanout
    case deflate
    case tls
}

/// What a server can take part in. Those of one measure may ask for different things.
enum Ability: String, CaseIterable, Sendable {
    case echo
    case idle
    case handshake
    /// Sends every message that comes on the path `/fanout` to all connections there.
    case fanout
    /// Compresses messages; with or without the context of those before.
    case deflate
    case takeover
    case tls
}

/// What is echoed: how long the messages are, on how many connections, how many at one time on each.
struct EchoWorkload: Sendable, Hashable {
    let payloadBytes: Int
    let connections: Int
    let inFlight: Int

    static let standard = [
        EchoWorkload(payloadBytes: 20, connections: 1, inFlight: 1),
        EchoWorkload(payloadBytes: 20, connections: 100, inFlight: 1),
        EchoWorkload(payloadBytes: 20, connections: 100, inFlight: 16),
        EchoWorkload(payloadBytes: 20, connections: 1_000, inFlight: 16),
        EchoWorkload(payloadBytes: 1_024, connections: 100, inFlight: 16),
        EchoWorkload(payloadBytes: 16_384, connections: 100, inFlight: 1),
        EchoWorkload(payloadBytes: 1 << 20, connections: 16, inFlight: 1),
    ]

    static let tls = [Self.standard[1], Self.standard[2], Self.standard[5]]

    static let deflate = [
        EchoWorkload(payloadBytes: 200, connections: 100, inFlight: 16),
        EchoWorkload(payloadBytes: 1_024, connections: 100, inFlight: 16),
        EchoWorkload(payloadBytes: 16_384, connections: 100, inFlight: 1),
    ]

    /// `20 B, 100 connections, 16 in flight`
    var title: String {
        "\(self.size), \(self.connections) connection\(self.connections == 1 ? "" : "s"), \(self.inFlight) in flight"
    }

    /// `20x100x16`, as the command line takes it.
    var key: String { "\(self.payloadBytes)x\(self.connections)x\(self.inFlight)" }

    private var size: String {
        switch self.payloadBytes {
        case let bytes where bytes >= 1 << 20 && bytes % (1 << 20) == 0: "\(bytes >> 20) MiB"
        case let bytes where bytes >= 1_024 && bytes % 1_024 == 0: "\(bytes >> 10) KiB"
        default: "\(self.payloadBytes) B"
        }
    }
}

/// One thing that servers are measured at and compared by.
enum Subject: Sendable, Hashable {
    case echo(EchoWorkload)
    case handshakes(atOnce: Int)
    case fanout(subscribers: Int, payloadBytes: Int, inFlight: Int)
    case deflate(EchoWorkload, keepsContext: Bool)
    case tls(EchoWorkload)

    static let handshakes = Subject.handshakes(atOnce: 64)
    static let fanouts = [1, 16].map { Subject.fanout(subscribers: 1_000, payloadBytes: 100, inFlight: $0) }

    var measure: Measure {
        switch self {
        case .echo: .echo
        case .handshakes: .handshake
        case .fanout: .fanout
        case .deflate: .deflate
        case .tls: .tls
        }
    }

    /// What a server must be able to do.
    var ability: Ability {
        switch self {
        case .echo: .echo
        case .handshakes: .handshake
        case .fanout: .fanout
        case .deflate(_, let keepsContext): keepsContext ? .takeover : .deflate
        case .tls: .tls
        }
    }

    /// What is counted.
    var unit: String {
        switch self {
        case .echo, .deflate, .tls: "message"
        case .handshakes: "handshake"
        case .fanout: "delivery"
        }
    }

    var units: String { self.unit == "delivery" ? "deliveries" : self.unit + "s" }

    /// What the times are of.
    var latency: String {
        switch self {
        case .echo, .deflate, .tls: "round trip"
        case .handshakes: "handshake"
        case .fanout: "until all have it"
        }
    }

    var title: String {
        switch self {
        case .echo(let workload): workload.title
        case .handshakes(let count): "\(count) at once"
        case .fanout(let subscribers, let bytes, let inFlight):
            "\(bytes) B to \(subscribers) subscribers, \(inFlight) in flight"
        case .deflate(let workload, let keepsContext):
            "\(workload.title), \(keepsContext ? "with" : "no") context takeover"
        case .tls(let workload): workload.title
        }
    }

    /// Unique, for programs.
    var key: String {
        switch self {
        case .echo(let workload): "echo/\(workload.key)"
        case .handshakes(let count): "handshake/\(count)"
        case .fanout(let subscribers, let bytes, let inFlight): "fanout/\(bytes)x\(subscribers)x\(inFlight)"
        case .deflate(let workload, let keepsContext): "deflate/\(workload.key)/\(keepsContext ? "takeover" : "none")"
        case .tls(let workload): "tls/\(workload.key)"
        }
    }

    /// The most connections there are at one time.
    var connections: Int {
        switch self {
        case .echo(let workload), .deflate(let workload, _), .tls(let workload): workload.connections
        case .handshakes(let count): count
        case .fanout(let subscribers, _, _): subscribers
        }
    }
}
