import WebSocketCore

/// The SHA-256 of a public key (SubjectPublicKeyInfo, RFC 7469 §2.4).
///
/// Of a certificate in the file `server.pem`:
///
///     openssl x509 -in server.pem -pubkey -noout | openssl pkey -pubin -outform der \
///         | openssl dgst -sha256 -binary | openssl base64
public struct PublicKeyPin: Sendable, Hashable, CustomStringConvertible {
    /// A text or bytes that are no pin.
    public struct Invalid: Error, Sendable, Hashable, CustomStringConvertible {
        public var description: String { "a pin must be sha256// and the 44 characters of Base64 that 32 bytes have" }
    }

    /// 32 bytes.
    public let sha256: [UInt8]

    /// - Parameter sha256: the 32 bytes of the hash.
    /// - Throws: ``Invalid`` if there are not 32.
    public init(sha256: [UInt8]) throws(Invalid) {
        guard sha256.count == 32 else { throw Invalid() }
        self.sha256 = sha256
    }

    /// Reads `sha256//BASE64`, as curl's `--pinnedpubkey` has it, `sha256/BASE64`, or the Base64 alone.
    ///
    /// - Throws: ``Invalid`` if it is something else.
    public init(_ text: String) throws(Invalid) {
        var digits = text[...]
        for prefix in ["sha256//", "sha256/"] where digits.hasPrefix(prefix) {
            digits = digits.dropFirst(prefix.count)
            break
        }
        guard let bytes = Base64.decode(digits.utf8) else { throw Invalid() }
        try self.init(sha256: bytes)
    }

    /// The pin of a key.
    init(of subjectPublicKeyInfo: [UInt8]) { self.sha256 = SHA256.hash(subjectPublicKeyInfo) }

    /// `sha256//` and Base64.
    public var description: String { "sha256//\(String(decoding: Base64.encode(self.sha256), as: UTF8.self))" }
}
