/// How much one connection may have waiting to be written.
public struct OutboxLimits: Sendable, Hashable {
    /// Above this many waiting bytes `send` suspends, and nothing more is read from the peer: one that does not read is
    /// not read from. Default: 64 KiB.
    public var highWaterBytes = 64 << 10

    /// The most bytes that are accepted beyond what waited when the high-water mark was passed. Default: 1 MiB.
    /// What would exceed it is dropped, and the sender told.
    public var maxBytesBeyond = 1 << 20

    /// The most messages that are accepted beyond the high-water mark. Default: 1,024.
    public var maxMessagesBeyond = 1_024

    /// How long the peer may take nothing at all while bytes wait. Default: 10 seconds. Then the connection is given up.
    public var writeTimeout: Duration = .seconds(10)

    public init() {}
}

/// Says whether one more message may wait. One message is always accepted below the high-water mark, whatever its size.
struct OutboxGauge {
    private var bytesBeyond = 0
    private var messagesBeyond = 0

    mutating func admits(_ bytes: Int, waiting: Int, limits: OutboxLimits) -> Bool {
        if waiting < limits.highWaterBytes {
            self.bytesBeyond = 0
            self.messagesBeyond = 0
            return true
        }
        guard self.messagesBeyond < limits.maxMessagesBeyond,
            bytes <= limits.maxBytesBeyond - self.bytesBeyond
        else { return false }
        self.bytesBeyond += bytes
        self.messagesBeyond += 1
        return true
    }
}
