/// Where the transport connects to: the server, or its proxy.
enum Destination: Sendable, Hashable {
    /// A name to be looked up, or an address in numbers.
    case host(String, port: Int)
    /// Addresses in numbers that stand for a name.
    case addresses([String], port: Int)
    /// A socket in the file system.
    case unixSocket(path: String)

    /// The longest path of a socket: what `sockaddr_un` has room for on every system, without the final zero.
    private static let maxPathBytes = 103

    /// - Throws: ``WebSocketError/invalidSetting(_:)`` for an address that is none, or a path that no socket can have.
    init(
        host: String, port: Int, overrides: [HostOverride], unixSocketPath path: String?
    ) throws(WebSocketError) {
        if let path {
            guard 1...Self.maxPathBytes ~= path.utf8.count, !path.utf8.contains(0) else {
                throw .invalidSetting("unixSocketPath must have 1 to \(Self.maxPathBytes) bytes, none of them zero")
            }
            self = .unixSocket(path: path)
        } else if let override = overrides.first(where: { $0.matches(host, port) }) {
            guard !override.addresses.isEmpty, override.addresses.allSatisfy({ IPAddress($0) != nil }) else {
                throw .invalidSetting("hostOverrides: \(override.host) needs IPv4 or IPv6 addresses in numbers")
            }
            self = .addresses(override.addresses, port: port)
        } else {
            self = .host(host, port: port)
        }
    }

    /// Whether the connection goes to this very address in numbers.
    func leads(to address: IPAddress) -> Bool {
        if case .host(let host, _) = self { IPAddress(host) == address } else { false }
    }
}
