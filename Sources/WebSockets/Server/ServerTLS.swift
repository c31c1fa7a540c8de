/// TLS of a listener: its certificate, whom it asks for one, and what it speaks.
///
///     ServerTLS(certificateChain: .file("chain.pem"), privateKey: .file("key.pem"))
///
/// TLS is spoken by SwiftNIO's BoringSSL. In ALPN (RFC 7301) the one protocol is `http/1.1`. A client that offers only
/// others is not refused during the handshake: it is told of no common protocol, and speaks HTTP/1.1 or ends the
/// connection itself.
public struct ServerTLS: Sendable, Hashable {
    /// Whether clients show a certificate of their own (mTLS).
    public enum ClientCertificates: Sendable, Hashable {
        /// They are not asked for one.
        case notRequested
        /// They may. One that no authority has signed ends the TLS handshake.
        case optional(authorities: PEM)
        /// They must, or the TLS handshake fails.
        case required(authorities: PEM)

        var authorities: PEM? {
            switch self {
            case .notRequested: nil
            case .optional(let authorities), .required(let authorities): authorities
            }
        }
    }

    /// The server's certificate, followed by the intermediate ones.
    public var certificateChain: PEM

    /// The key of the first certificate, not encrypted.
    public var privateKey: PEM

    /// Whether clients show a certificate. Default: they are not asked for one. What was verified is
    /// ``UpgradeRequest/clientCertificate``.
    public var clientCertificates = ClientCertificates.notRequested

    /// The oldest version that is spoken. Default: TLS 1.2. The newest, TLS 1.3, is preferred.
    public var minimumVersion = TLSProtocolVersion.v12

    /// How often the server looks whether the files have other contents than those it uses, and then does what
    /// ``RunningServer/reloadTLS()`` does. Default: `nil`, never. Shorter than a second is a second.
    public var watchInterval: Duration?

    /// - Parameters:
    ///   - certificateChain: the server's certificate, followed by the intermediate ones.
    ///   - privateKey: the key of the first certificate, not encrypted.
    public init(certificateChain: PEM, privateKey: PEM) {
        self.certificateChain = certificateChain
        self.privateKey = privateKey
    }

    /// Both in files.
    ///
    /// - Parameters:
    ///   - certificateChain: the path of the file with the server's certificate, followed by the intermediate ones.
    ///   - privateKey: the path of the file with the key of the first certificate, not encrypted.
    public init(certificateChain: String, privateKey: String) {
        self.init(certificateChain: .file(certificateChain), privateKey: .file(privateKey))
    }
}
