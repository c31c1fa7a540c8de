import WebSocketCore

/// Ends that this side has set to a connection's life: so long without a message, so long in all. It exists only where
/// one is set, and then the loop keeps it: a connection that has none keeps nothing for it.
///
/// Nothing is done for a message: a burst that brings one, and a flush that sends one, are noted once.
final class Lifespan {
    enum End {
        case idle
        case lifetime
    }

    private let idleTimeout: Duration?
    private let end: Timestamp
    private var lastMessage: Timestamp
    /// Bytes of control frames among those that wait to be flushed: they are no messages.
    private var controlBytes = 0

    init(_ settings: SharedSettings, now: Timestamp, random: inout some RandomNumberGenerator) {
        self.idleTimeout = settings.idleTimeout
        self.lastMessage = now
        self.end = settings.maximumLifetime.map { now + Self.jittered($0, &random) } ?? .distantFuture
    }

    /// Shortened by up to a tenth, so that connections that came together do not go together.
    static func jittered(_ lifetime: Duration, _ random: inout some RandomNumberGenerator) -> Duration {
        // Division first: a lifetime may be as long as a duration can be.
        lifetime - lifetime / 1_000 * Int(random.next() % 101)
    }

    /// When ``due(now:)`` is to be asked at the latest.
    var deadline: Timestamp { min(self.end, self.idleTimeout.map { self.lastMessage + $0 } ?? .distantFuture) }

    /// Which end has come, if one has.
    func due(now: Timestamp) -> End? {
        if self.end <= now { return .lifetime }
        return self.deadline <= now ? .idle : nil
    }

    /// A message came, or a part of one, or one was sent.
    func moved(at now: Timestamp) { self.lastMessage = max(self.lastMessage, now) }

    /// So many bytes of control frames wait to be flushed.
    func corkedControl(_ count: Int) { self.controlBytes += count }

    /// So many bytes are flushed.
    func flushed(_ count: Int, at now: Timestamp) {
        if count > self.controlBytes { self.moved(at: now) }
        self.controlBytes = 0
    }
}

extension Lifespan.End {
    /// With what the connection is closed.
    var close: Close {
        switch self {
        case .idle: Close(.goingAway, reason: "idle")
        case .lifetime: Close(.goingAway, reason: "end of lifetime")
        }
    }

    /// The name of the setting in metrics.
    var limit: String {
        switch self {
        case .idle: "idle_timeout"
        case .lifetime: "maximum_lifetime"
        }
    }
}
