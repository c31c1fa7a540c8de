/// Which limit refuses a connection before its first request is read; as metrics name it.
enum AdmissionLimit: String, Sendable {
    case maxConnections = "max_connections"
    case maxConnectionsPerAddress = "max_connections_per_address"
    case newConnectionsPerAddress = "new_connections_per_address"

    /// What the peer is told.
    var text: String {
        switch self {
        case .maxConnections: "too many connections\n"
        case .maxConnectionsPerAddress: "too many connections from this address\n"
        case .newConnectionsPerAddress: "too many new connections from this address\n"
        }
    }
}

/// How a connection that has come is counted in the table of addresses.
enum AddressClaim: Equatable {
    /// Not at all.
    case none
    case admitted(AddressKey)
    /// It is told of its refusal.
    case told(AddressKey)
}
