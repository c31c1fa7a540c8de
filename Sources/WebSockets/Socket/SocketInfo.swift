public import WebSocketCore

/// What the opening handshake of a connection has settled.
public struct SocketInfo: Sendable {
    /// Where the peer is, or the proxy in between: an address and a port, as text; `unix:` and the path of a socket in the
    /// file system.
    public var remoteAddress: String

    /// The subprotocol both ends speak, if one was chosen (RFC 6455 §1.9).
    public var subprotocol: String?

    /// What was agreed on compression, `nil` without it (RFC 7692 §7).
    public var deflate: PerMessageDeflate.Agreement?

    /// Whether the connection is encrypted (wss).
    public var isSecure: Bool

    /// The request that opened the connection, on the server. A connection that is served by callbacks does not keep
    /// it: whoever makes its ``MessageReceiver`` is given it.
    public var request: RequestHead?

    /// The response that opened the connection, on the client.
    public var response: ResponseHead? {
        get { self.boxedResponse?.head }
        set { self.boxedResponse = newValue.map { Response($0, from: self.url) } }
    }

    /// Where the client has connected to, on the client: what it was given, or where redirects led it.
    public var url: WebSocketURL? { self.boxedResponse?.url }

    // Apart: on a server, where many connections are idle, there is none.
    private(set) var boxedResponse: Response?

    final class Response: Sendable {
        let head: ResponseHead
        let url: WebSocketURL?

        init(_ head: ResponseHead, from url: WebSocketURL?) {
            self.head = head
            self.url = url
        }
    }

    init(
        remoteAddress: String, subprotocol: String?, deflate: PerMessageDeflate.Agreement?, isSecure: Bool,
        request: RequestHead? = nil, response: Response? = nil
    ) {
        self.remoteAddress = remoteAddress
        self.subprotocol = subprotocol
        self.deflate = deflate
        self.isSecure = isSecure
        self.request = request
        self.boxedResponse = response
    }
}
