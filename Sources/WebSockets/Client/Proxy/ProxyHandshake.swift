import WebSocketCore

/// What is said to a proxy before the connection goes through to the server: bytes in, a step out.
enum ProxyHandshake {
    enum Step: Equatable {
        case needMoreBytes
        case write([UInt8])
        /// What comes now is the server's.
        case established
        case failed(ProxyFault)
    }

    case connect(ConnectHandshake)
    case socks(SOCKSHandshake)

    /// - Parameters:
    ///   - host: of the server; an IPv6 address without brackets.
    ///   - limits: of an HTTP proxy's answer.
    /// - Throws: ``WebSocketError/invalidSetting(_:)`` for credentials that cannot be sent.
    init(_ proxy: Proxy, to host: String, port: Int, limits: Limits.Handshake) throws(WebSocketError) {
        switch proxy.kind {
        case .http:
            self = .connect(
                try ConnectHandshake(host: host, port: port, credentials: proxy.credentials, limits: limits))
        case .socks5: self = .socks(try SOCKSHandshake(host: host, port: port, credentials: proxy.credentials))
        }
    }

    /// What is sent first.
    var greeting: [UInt8] {
        switch self {
        case .connect(let handshake): handshake.request
        case .socks(let handshake): handshake.greeting
        }
    }

    /// Called again and again, until it needs more bytes, is established or has failed.
    mutating func received(_ bytes: inout [UInt8]) -> Step {
        switch self {
        case .connect(var handshake):
            let step = handshake.received(&bytes)
            self = .connect(handshake)
            return step
        case .socks(var handshake):
            let step = handshake.received(&bytes)
            self = .socks(handshake)
            return step
        }
    }
}
