public import WebSocketCore

/// An ordinary HTTP request that came to the port of a ``WebSocketServer``.
public struct HTTPRequest: Sendable {
    /// Method, target and all header fields.
    public let head: RequestHead
    /// The body, at most ``WebSocketServer/Configuration/maxRequestBodyBytes`` bytes.
    public let body: [UInt8]
    /// Address and port of the peer, as text; `unix:` and the server's path over a Unix socket.
    public let remoteAddress: String
    /// Whether the request came over TLS.
    public let isSecure: Bool
    /// The client's own certificate, which TLS has verified, if it has shown one.
    public let clientCertificate: ClientCertificate?
    /// Whether the server is to be sent new clients: ``RunningServer/isReady`` when the request came. What answers a
    /// load balancer's question says 503 if it is not.
    public let isServerReady: Bool

    public var method: String { self.head.method }
    /// The target's path, percent-encoding kept, without the query.
    public var path: String { self.head.path }
    public var query: String? { self.head.query }
    public var fields: HeaderFields { self.head.fields }
}

/// The answer to an ``HTTPRequest``.
public struct HTTPResponse: Sendable {
    /// 200 to 599.
    public var status: Int
    /// Without Content-Length, which is written for you.
    public var fields: HeaderFields
    public var body: [UInt8]

    public init(status: Int = 200, fields: HeaderFields = [:], body: [UInt8] = []) {
        self.status = status
        self.fields = fields
        self.body = body
    }

    /// A text, in UTF-8, of the given type.
    public init(status: Int = 200, _ text: String, type: String = "text/plain; charset=utf-8") {
        self.init(status: status, body: Array(text.utf8))
        // A type with control characters in it is left out.
        try? self.fields.append("Content-Type", type)
    }
}
