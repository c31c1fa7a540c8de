public import WebSocketCore

/// A valid request for a WebSocket, as the server's application gets to see it before it is accepted.
public struct UpgradeRequest: Sendable {
    /// Method, target and all header fields.
    public let head: RequestHead
    /// The subprotocols the client asks for, its favourite first.
    public let subprotocols: [String]
    /// The Origin field: which page's script asks. `nil` from a client that is no browser, or pretends.
    public let origin: String?
    /// The Host field.
    public let host: String
    /// Address and port of the peer, as text; `unix:` and the server's path over a Unix socket.
    public let remoteAddress: String
    /// Whether the request came over TLS.
    public let isSecure: Bool
    /// The client's own certificate, which TLS has verified; `nil` if it has shown none, and where
    /// ``ServerTLS/clientCertificates`` asks for none.
    public let clientCertificate: ClientCertificate?

    /// The target's path, percent-encoding kept, without the query.
    public var path: String { self.head.path }
    /// What follows the `?`, percent-encoding kept.
    public var query: String? { self.head.query }
    public var fields: HeaderFields { self.head.fields }

    /// The first of `supported`, in the server's order of preference, that the client asks for.
    public func firstSupported(_ supported: [String]) -> String? {
        supported.first { self.subprotocols.contains($0) }
    }
}

/// What the application says to an ``UpgradeRequest``.
public enum UpgradeDecision: Sendable {
    /// The connection is opened.
    /// - Parameters:
    ///   - subprotocol: one that the client asks for, or `nil` for none.
    ///   - fields: further fields of the response, such as a cookie.
    case accept(subprotocol: String? = nil, fields: HeaderFields = [:])

    /// The request is refused with this HTTP status (300 to 599), and the connection closed.
    case reject(status: Int, fields: HeaderFields = [:], body: String = "")
}
