/// Which end of the connection this is. A client masks what it sends, a server does not (RFC 6455 §5.1).
public enum Role: Sendable, Hashable {
    case client
    case server

    /// The other end.
    @inlinable
    public var peer: Role {
        switch self {
        case .client: .server
        case .server: .client
        }
    }
}
