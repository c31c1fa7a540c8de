public import WebSocketCore

/// Why there is no connection through a proxy.
public enum ProxyFault: Sendable, Hashable, CustomStringConvertible {
    /// The proxy wants to know who asks, and has not been told: status 407, or no method of SOCKS in common (setting: the
    /// proxy's `credentials`).
    case authenticationRequired
    /// The proxy does not accept the user name and the password.
    case authenticationRefused
    /// An HTTP proxy answered CONNECT with another status than 2xx.
    case refused(ResponseHead)
    /// A SOCKS proxy could not or would not connect.
    case socksRefused(SOCKSReply)
    /// The answer of an HTTP proxy is none, or larger than `Limits.handshake` allows.
    case invalidAnswer(HandshakeFault)
    /// The answer of a SOCKS proxy is none, or something followed it that nobody asked for.
    case protocolError(String)
    /// The proxy ended the connection before it had answered.
    case ended

    /// How a SOCKS proxy answers a request (RFC 1928 §6).
    public struct SOCKSReply: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
        /// 1 to 255.
        public let rawValue: UInt8

        /// - Parameter rawValue: the byte in the reply.
        public init(rawValue: UInt8) { self.rawValue = rawValue }

        public var description: String {
            switch self.rawValue {
            case 1: "general failure"
            case 2: "not allowed by the rules"
            case 3: "network unreachable"
            case 4: "host unreachable"
            case 5: "connection refused"
            case 6: "time to live expired"
            case 7: "command not supported"
            case 8: "type of address not supported"
            default: "reply \(self.rawValue)"
            }
        }
    }

    public var description: String {
        switch self {
        case .authenticationRequired: "it wants to know who asks (setting: the proxy's credentials)"
        case .authenticationRefused:
            "it does not accept the user name and the password (setting: the proxy's credentials)"
        case .refused(let head): "it answered \(head.status) \(head.reason)"
        case .socksRefused(let reply): "it answered: \(reply)"
        case .invalidAnswer(let fault): "its answer is wrong: \(fault)"
        case .protocolError(let text): text
        case .ended: "it closed the connection before it had answered"
        }
    }
}
