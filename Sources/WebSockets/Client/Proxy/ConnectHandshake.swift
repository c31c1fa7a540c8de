import WebSocketCore

/// Asks an HTTP proxy for a tunnel (RFC 9110 §9.3.6).
struct ConnectHandshake {
    let request: [UInt8]
    private let hasCredentials: Bool
    private var parser: FinalResponseParser

    /// - Throws: ``WebSocketError/invalidSetting(_:)`` for a user name with a colon (RFC 7617 §2).
    init(
        host: String, port: Int, credentials: Proxy.Credentials?, limits: Limits.Handshake
    ) throws(WebSocketError) {
        let authority = "\(host.contains(":") ? "[\(host)]" : host):\(port)"
        var head = "CONNECT \(authority) HTTP/1.1\r\nHost: \(authority)\r\n"
        if let credentials {
            guard !credentials.user.utf8.contains(UInt8(ascii: ":")) else {
                throw .invalidSetting("proxy: the user name of an HTTP proxy cannot have a colon")
            }
            let text = Base64.encode(Array("\(credentials.user):\(credentials.password)".utf8))
            head += "Proxy-Authorization: Basic \(String(decoding: text, as: UTF8.self))\r\n"
        }
        self.request = Array("\(head)\r\n".utf8)
        self.hasCredentials = credentials != nil
        self.parser = FinalResponseParser(limits: limits)
    }

    mutating func received(_ bytes: inout [UInt8]) -> ProxyHandshake.Step {
        switch self.parser.parse(bytes.span.bytes) {
        case .needMoreBytes: return .needMoreBytes
        case .invalid(let fault): return .failed(.invalidAnswer(fault))
        case .complete(let head, let headBytes):
            switch head.status {
            case 200...299:
                // Such an answer has no body, whatever its fields say.
                bytes.removeFirst(headBytes)
                return .established
            case 407: return .failed(self.hasCredentials ? .authenticationRefused : .authenticationRequired)
            default: return .failed(.refused(head))
            }
        }
    }
}
