import NIOSSL

/// The certificate that a client has shown and that an authority of ``ServerTLS/clientCertificates`` has signed. The TLS
/// handshake has proved that the client has its key.
public struct ClientCertificate: Sendable, Hashable, CustomStringConvertible {
    /// The certificate in DER format (X.509), for whoever looks for more in it.
    public let der: [UInt8]

    /// The serial number in hexadecimal digits, two a byte, such as `0a1b`: unique for an authority.
    public let serialNumber: String

    /// The last common name of the subject, such as `device 7`; `nil` if there is none.
    public let commonName: String?

    /// Its alternative names that are names of hosts (dNSName).
    public let dnsNames: [String]

    /// Its alternative names that are addresses of mail (rfc822Name).
    public let emailAddresses: [String]

    /// Its alternative names that are URIs, such as a SPIFFE ID.
    public let uris: [String]

    public var description: String { "certificate \(self.serialNumber) of \(self.commonName ?? "no common name")" }

    /// `nil` for a certificate that cannot be written down again, which does not happen.
    init?(_ certificate: NIOSSLCertificate) {
        guard let der = try? certificate.toDERBytes() else { return nil }
        self.der = der
        self.serialNumber = certificate.serialNumber.map { byte in
            (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
        self.commonName = certificate.subjectName.last { $0.type == .commonName }?.value
        var dnsNames: [String] = []
        var emailAddresses: [String] = []
        var uris: [String] = []
        for name in certificate._subjectAlternativeNames() {
            let text = { String(validating: Array(name.contents), as: UTF8.self) }
            switch name.nameType {
            case .dnsName: if let text = text() { dnsNames.append(text) }
            case .email: if let text = text() { emailAddresses.append(text) }
            case .uri: if let text = text() { uris.append(text) }
            default: break
            }
        }
        self.dnsNames = dnsNames
        self.emailAddresses = emailAddresses
        self.uris = uris
    }
}
