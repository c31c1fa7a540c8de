/// What the connections that come from one address may be and cost: an IPv4 address, or the first 64 bits of an IPv6
/// address, which is what one subscriber gets. Beyond it a connection is answered with 503 and closed, before its
/// request is read; of many at one time most are closed without a word.
///
/// Behind a proxy all connections have the proxy's address: limit them there. Connections over a Unix socket have no
/// address and are not limited by it.
public struct AddressLimits: Sendable, Hashable {
    /// The most connections of one address at one time. Default: 500. `nil` for no limit.
    public var maxConnections: Int? = 500

    /// How many new connections a second one address may open in the long run. Default: 50. `nil` for no limit.
    public var newConnectionsPerSecond: Double? = 50

    /// How many new connections it may open at once, when it has been quiet. Default: 200.
    public var newConnectionBurst = 200

    /// Whether `127.0.0.0/8` and `::1` are not limited. Default: `true`.
    public var exemptsLoopback = true

    /// How many addresses without a connection are remembered for their rate. Default: 16,384. Beyond it some are
    /// forgotten, which gives them their burst again. One takes about 64 bytes.
    public var maxRemembered = 16_384

    public init() {}
}
