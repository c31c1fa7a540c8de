/// Detects a dead peer, and keeps middle boxes from forgetting the connection (RFC 6455 §5.5.2).
///
///     idle ──silence: sendPing──▶ awaitingPong ──silence: fail──▶ (the connection ends)
///      ▲                               │
///      └────────── any inbound byte ───┘
///
/// Bytes cost one store; the timer is moved only when it fires.
public struct KeepAlive: Sendable {
    /// When to ask and how long to wait.
    public struct Configuration: Sendable, Hashable {
        /// Silence after which a ping is sent. Default: 25 seconds, below the idle time-outs of NATs and proxies.
        public var interval: Duration
        /// How long the peer may then stay silent. Default: 10 seconds.
        public var pongTimeout: Duration
        /// Each interval is shortened by up to this many percent, so that connections do not ping in step. Default: 10.
        public var jitterPercent: Int

        public init(interval: Duration = .seconds(25), pongTimeout: Duration = .seconds(10), jitterPercent: Int = 10) {
            self.interval = interval
            self.pongTimeout = pongTimeout
            self.jitterPercent = min(max(jitterPercent, 0), 100)
        }
    }

    enum Action: Hashable {
        case sendPing(payload: UInt64)
        case fail
        case none
    }

    /// The driver arms one timer for this instant and calls `timedOut` when it passes.
    private(set) var deadline: Timestamp
    /// Since when a pong is awaited; the distant future while none is.
    private var pingSent = Timestamp.distantFuture
    private var lastByte: Timestamp

    init(_ configuration: Configuration, now: Timestamp) {
        self.deadline = now + configuration.interval
        self.lastByte = now
    }

    /// Never due.
    private init() {
        self.deadline = .distantFuture
        self.lastByte = .zero
    }

    static let none = KeepAlive()

    /// Any byte from the peer is a sign of life, not only a pong.
    mutating func receivedBytes(now: Timestamp) { self.lastByte = now }

    /// - Parameter isReading: whether this end reads at all. One that has stopped reading, because its application is
    ///   slow, cannot blame the peer for silence.
    mutating func timedOut(
        now: Timestamp, isReading: Bool, configuration: Configuration, random: inout some RandomNumberGenerator
    ) -> Action {
        guard self.deadline <= now else { return .none }  // A late or duplicate timer is harmless.
        if self.pingSent != .distantFuture {
            guard self.lastByte >= self.pingSent || !isReading else { return .fail }
            self.deadline = max(self.lastByte, self.pingSent) + Self.jittered(configuration, &random)
            self.pingSent = .distantFuture
            return .none
        }
        let due = self.lastByte + Self.jittered(configuration, &random)
        if due > now {
            self.deadline = due
            return .none
        }
        self.pingSent = now
        self.deadline = now + configuration.pongTimeout
        return .sendPing(payload: random.next())
    }

    private static func jittered(
        _ configuration: Configuration, _ random: inout some RandomNumberGenerator
    ) -> Duration {
        let percent = min(configuration.jitterPercent, 100)
        guard percent > 0 else { return configuration.interval }
        let thousandths = Int(random.next() % UInt64(percent * 10 + 1))
        // Division first: an interval may be as long as a duration can be.
        return configuration.interval - configuration.interval / 1000 * thousandths
    }
}
