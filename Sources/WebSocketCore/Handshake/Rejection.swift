/// A response that refuses a WebSocket and ends the connection (RFC 6455 §4.2.1, §4.2.2).
///
///     } catch { write(Rejection(error).encode()); close() }
public struct Rejection: Sendable, Hashable {
    /// The head: with Content-Length and `Connection: close` and, for 426, what the server speaks instead.
    public let head: ResponseHead

    /// The body.
    public let body: [UInt8]

    /// Tells the peer what is wrong with its request, in the words of the fault.
    public init(_ fault: HandshakeFault) {
        let status = fault.status
        // What our own program did wrong is not the peer's to read.
        let text = status == 500 ? "internal server error" : fault.description
        self.init(status: status, body: text + "\n")
    }

    /// - Parameters:
    ///   - status: 300 to 599; any other becomes 500, since it would not refuse.
    ///   - fields: further fields, such as `Location` or `WWW-Authenticate`. Those that this response writes itself are
    ///     left out, but for `Content-Type`, which replaces `text/plain; charset=utf-8`.
    ///   - body: the text that the peer is shown.
    public init(status: Int, fields: HeaderFields = [:], body: String) {
        self.init(status: status, fields: fields, body: Array(body.utf8))
    }

    /// As ``init(status:fields:body:)-(_,_,String)``, with a body of bytes.
    public init(status: Int, fields: HeaderFields = [:], body: [UInt8]) {
        let status = 300...599 ~= status ? status : 500
        var own = HeaderFields()
        own.appendValid("Connection", "close".utf8)
        if status == 426 {
            // What the server speaks (RFC 6455 §4.4, RFC 9110 §15.5.22).
            own = HeaderFields()
            own.appendValid("Connection", "close, Upgrade".utf8)
            own.appendValid("Upgrade", "websocket".utf8)
            own.appendValid("Sec-WebSocket-Version", "13".utf8)
        }
        if fields.count(of: "Content-Type") == 0 { own.appendValid("Content-Type", "text/plain; charset=utf-8".utf8) }
        own.appendValid("Content-Length", String(body.count).utf8)

        var others = fields
        for name in ["Connection", "Content-Length", "Transfer-Encoding", "Upgrade", "Sec-WebSocket-Version"] {
            others.removeAll(named: name)
        }
        own.append(others)
        self.head = ResponseHead(status: status, fields: own)
        self.body = body
    }

    /// The response as it is written to the wire.
    public func encode() -> [UInt8] {
        var bytes = self.head.encode()
        bytes.append(contentsOf: self.body)
        return bytes
    }
}
