/// How a client speaks TLS: whom it trusts, and who it is.
///
/// It offers HTTP/1.1 and nothing else (ALPN, RFC 7301). A connection whose peer ends it without TLS's own end is no clean
/// closure of a WebSocket: that takes both Close frames.
public struct ClientTLS: Sendable, Hashable {
    /// A version of TLS.
    public enum Version: String, Sendable, Hashable, CaseIterable {
        /// TLS 1.2 (RFC 5246).
        case v12 = "1.2"
        /// TLS 1.3 (RFC 8446).
        case v13 = "1.3"
    }

    /// Certificates or a key in PEM format (RFC 7468).
    public enum PEM: Sendable, Hashable, CustomStringConvertible {
        /// The path of a file. It is read again when it has changed: a connection that is made afterwards sees what is new.
        case file(String)
        /// The text itself.
        case bytes([UInt8])

        /// The path, or how many bytes there are; never what they say.
        public var description: String {
            switch self {
            case .file(let path): path
            case .bytes(let bytes): "\(bytes.count) bytes"
            }
        }
    }

    /// The certificate with which a client says who it is, and its key.
    public struct Identity: Sendable, Hashable, CustomStringConvertible {
        /// The certificate, followed by the intermediate ones.
        public var certificateChain: PEM

        /// The private key; it may be encrypted (PKCS #8).
        public var privateKey: PEM

        /// What an encrypted key is encrypted with; `nil`, the default, for one that is not.
        public var passphrase: String?

        /// - Parameters:
        ///   - certificateChain: the certificate, followed by the intermediate ones.
        ///   - privateKey: the private key.
        ///   - passphrase: of an encrypted key; `nil`, the default, for one that is not.
        public init(certificateChain: PEM, privateKey: PEM, passphrase: String? = nil) {
            self.certificateChain = certificateChain
            self.privateKey = privateKey
            self.passphrase = passphrase
        }

        /// Where the certificate is from; nothing of the key.
        public var description: String { "certificate: \(self.certificateChain)" }
    }

    /// Which certificates of a server are trusted. Default: those of the system.
    public var trust = WebSocketClient.ServerTrust.systemRoots

    /// Who the client is, for servers that ask. Default: nobody. After a redirect to another origin it is nobody.
    public var identity: Identity?

    /// Keys that the server's certificate may have; with none, the default, every trusted certificate will do.
    ///
    /// They come on top of ``trust`` and the check of the host's name, never instead of them. Give a second one whose private
    /// key is kept elsewhere: with a single one, a server that must change its key loses all its clients.
    public var pins: [PublicKeyPin] = []

    /// The oldest version of TLS to speak. Default: 1.2.
    public var minimumVersion = Version.v12

    /// The name that the server is asked for (SNI, RFC 6066 §3), and that its certificate must have; `nil`, the default, is
    /// the host of the URL. After a redirect to another origin it is the host again.
    public var serverName: String?

    /// TLS 1.2 and newer, the system's roots, no certificate, no pins.
    public init() {}
}
