import NIOCore
public import WebSocketCore

/// What all connections of one server, or of one client, have in common.
public struct SocketSettings: Sendable {
    /// Sizes and times of the protocol.
    public var limits = Limits()

    /// Pings and how long to wait for a sign of life; `nil` sends none.
    public var keepAlive: KeepAlive.Configuration? = KeepAlive.Configuration()

    /// Compression to agree to (server) or to offer (client); `nil`, the default, means none.
    ///
    /// A compression context takes up to 300 KiB of memory for each direction that keeps it between messages, and text
    /// of others compressed together with secrets can betray the secrets (RFC 7692 §8).
    public var deflate: PerMessageDeflate.Configuration?

    /// What may wait to be written.
    public var outbox = OutboxLimits()

    /// How long a connection may go without a message in either direction. Default: `nil`, for ever. Then it is closed
    /// with 1001 and the reason "idle". Pings and pongs are no messages: they keep the way open, not the connection.
    public var idleTimeout: Duration?

    /// How long a connection may live, shortened for each by up to a tenth at random, so that not all come back at once.
    /// Default: `nil`, for ever. Then it is closed with 1001 and the reason "end of lifetime".
    public var maximumLifetime: Duration?

    /// How many bytes of messages are read ahead of an application that does not receive. Default: 64 KiB.
    /// Beyond it nothing more is read from the peer; one message may exceed it.
    public var maxUnreadBytes = 64 << 10

    public init() {}
}

/// The same as an object that connections share.
final class SharedSettings: Sendable {
    /// How long the peer may acknowledge nothing of what was sent (`TCP_USER_TIMEOUT`, RFC 5482); `nil` without
    /// keep-alive.
    var userTimeout: TimeAmount? {
        self.connection.keepAlive.map { TimeAmount($0.interval + $0.pongTimeout) }
    }

    let connection: ConnectionConfiguration
    let deflate: PerMessageDeflate.Configuration?
    let outbox: OutboxLimits
    let maxUnreadBytes: Int
    let idleTimeout: Duration?
    let maximumLifetime: Duration?
    let handlerTimeout: Duration
    /// Whether connections have a ``Lifespan``.
    let limitsLife: Bool

    /// - Parameter handlerTimeout: ``WebSocketServer/Configuration/handlerTimeout``; a client has no handlers.
    init(_ settings: SocketSettings, handlerTimeout: Duration = .zero) {
        self.connection = ConnectionConfiguration(limits: settings.limits, keepAlive: settings.keepAlive)
        self.deflate = settings.deflate
        var outbox = settings.outbox
        // Half of it is the low-water mark.
        outbox.highWaterBytes = max(2, outbox.highWaterBytes)
        self.outbox = outbox
        self.maxUnreadBytes = max(1, settings.maxUnreadBytes)
        self.idleTimeout = settings.idleTimeout
        self.maximumLifetime = settings.maximumLifetime
        self.limitsLife = settings.idleTimeout != nil || settings.maximumLifetime != nil
        self.handlerTimeout = handlerTimeout
    }
}
