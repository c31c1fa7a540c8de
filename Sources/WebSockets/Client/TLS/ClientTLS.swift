/// How a client speaks TLS: whom it trusts, and who it is.
///
/// It offers HTTP/1.1 and nothing else (ALPN, RFC 7301). A connection whose peer ends it without TLS's own end is no clean
/// closure of a WebSocket: that takes both Close frames.
public struct ClientTLS: Sendable, Hashable {
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
    public var minimumVersion = TLSProtocolVersion.v12

    /// The name that the server is asked for (SNI, RFC 6066 §3), and that its certificate must have; `nil`, the default, is
    /// the host of the URL. After a redirect to another origin it is the host again.
    public var serverName: String?

    /// TLS 1.2 and newer, the system's roots, no certificate, no pins.
    public init() {}
}
