/// The compression extension permessage-deflate (RFC 7692): what an end wishes, and what both agreed on.
public enum PerMessageDeflate {
    /// The name it is registered and offered under (RFC 7692 §7).
    public static let name = "permessage-deflate"

    /// What this end wishes, as a server or as a client.
    ///
    /// Memory is what matters: with context takeover each connection keeps a window for each direction as long as it
    /// lives, `1 << (windowBits + 2)` plus `1 << (memoryLevel + 9)` bytes to compress and `1 << windowBits` bytes to
    /// inflate. Without it, the default, it keeps none between messages.
    public struct Configuration: Sendable, Hashable {
        /// How hard to compress: 1 (fastest) to 9 (smallest). Default: 1.
        public let level: Int

        /// Whether the server may refer to its earlier messages (RFC 7692 §7.1.1.1). Default: no.
        public let serverContextTakeover: Bool

        /// Whether the client may refer to its earlier messages (RFC 7692 §7.1.1.2). Default: no.
        public let clientContextTakeover: Bool

        /// Base-2 logarithm of the largest window in bytes the server may use: 9 to 15 (RFC 7692 §7.1.2.1). Default: 15.
        public let serverMaxWindowBits: Int

        /// Base-2 logarithm of the largest window in bytes the client may use: 9 to 15 (RFC 7692 §7.1.2.2). Default: 15.
        /// A server can only ask it of a client that has offered to obey.
        public let clientMaxWindowBits: Int

        /// How much memory zlib's hash table may take, 1 to 9: `1 << (memoryLevel + 9)` bytes. Default: 8.
        public let memoryLevel: Int

        /// Whole messages with fewer bytes than this are sent uncompressed. Default: 1,024.
        public let minimumBytes: Int

        /// Whether a server agrees to context takeover and windows exactly as they are offered, whatever this value
        /// says of them: what a conformance test wants, and never a public server. Default: no. Clients ignore it.
        public let followsOffer: Bool

        /// Values out of range become the nearest one in range.
        public init(
            level: Int = 1,
            serverContextTakeover: Bool = false,
            clientContextTakeover: Bool = false,
            serverMaxWindowBits: Int = 15,
            clientMaxWindowBits: Int = 15,
            memoryLevel: Int = 8,
            minimumBytes: Int = 1024,
            followsOffer: Bool = false
        ) {
            self.level = min(max(level, 1), 9)
            self.serverContextTakeover = serverContextTakeover
            self.clientContextTakeover = clientContextTakeover
            self.serverMaxWindowBits = min(max(serverMaxWindowBits, 9), 15)
            self.clientMaxWindowBits = min(max(clientMaxWindowBits, 9), 15)
            self.memoryLevel = min(max(memoryLevel, 1), 9)
            self.minimumBytes = max(minimumBytes, 0)
            self.followsOffer = followsOffer
        }
    }

    /// What both ends agreed on in the opening handshake (RFC 7692 §7.1).
    public struct Agreement: Sendable, Hashable {
        /// The server begins each message with an empty window.
        public let serverNoContextTakeover: Bool

        /// The client begins each message with an empty window.
        public let clientNoContextTakeover: Bool

        /// Base-2 logarithm of the largest window in bytes the server uses: 8 to 15.
        public let serverMaxWindowBits: Int

        /// Base-2 logarithm of the largest window in bytes the client uses: 8 to 15.
        public let clientMaxWindowBits: Int

        /// Window bits out of range become the nearest value in range.
        public init(
            serverNoContextTakeover: Bool = false, clientNoContextTakeover: Bool = false,
            serverMaxWindowBits: Int = 15, clientMaxWindowBits: Int = 15
        ) {
            self.serverNoContextTakeover = serverNoContextTakeover
            self.clientNoContextTakeover = clientNoContextTakeover
            self.serverMaxWindowBits = min(max(serverMaxWindowBits, 8), 15)
            self.clientMaxWindowBits = min(max(clientMaxWindowBits, 8), 15)
        }

        /// Whether `role` can compress what it sends with zlib, which makes no raw stream with a window of 8 bits.
        /// If not, it sends uncompressed messages, as it may at any time (RFC 7692 §6). To inflate, any window of at
        /// least the agreed size will do.
        public func canCompress(as role: Role) -> Bool {
            switch role {
            case .client: self.clientMaxWindowBits >= 9
            case .server: self.serverMaxWindowBits >= 9
            }
        }
    }
}
