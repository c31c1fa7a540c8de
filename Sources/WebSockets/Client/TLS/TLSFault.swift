/// Why a connection in TLS was given up. None of it goes away by trying again.
public enum TLSFault: Sendable, Hashable, CustomStringConvertible {
    /// The certificate of the server is not trusted: who signed it is unknown, its time is over, or it is one of another
    /// host; the text is the TLS library's (settings: `tls.trust`, `tls.serverName`).
    case untrusted(String)
    /// The certificate is trusted, but its key is none of ``ClientTLS/pins``.
    case notPinned(PublicKeyPin)
    /// There is no common version of TLS or cipher, the server does not speak TLS, or it wants a certificate of the client
    /// (settings: `tls.minimumVersion`, `tls.identity`); the text is the TLS library's.
    case handshakeFailed(String)

    public var description: String {
        switch self {
        case .untrusted(let text):
            "the server's certificate is not trusted (settings: tls.trust, tls.serverName): \(text)"
        case .notPinned(let pin): "the server's key is none of tls.pins, it is \(pin)"
        case .handshakeFailed(let text): "the handshake failed (settings: tls.minimumVersion, tls.identity): \(text)"
        }
    }
}
