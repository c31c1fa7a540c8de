/// What both ends of a kind of connection share: limits, keep-alive. One object serves any number of connections.
public final class ConnectionConfiguration: Sendable {
    public let limits: Limits
    /// `nil`: no pings are sent.
    public let keepAlive: KeepAlive.Configuration?

    public init(limits: Limits = Limits(), keepAlive: KeepAlive.Configuration? = KeepAlive.Configuration()) {
        self.limits = limits
        self.keepAlive = keepAlive
    }
}
