import NIOSSL

/// What TLS of one connection needs: the context, and what the server must be.
struct TLSPlan: Sendable {
    /// Who the server must be.
    enum Peer: Sendable, Hashable {
        /// One whose certificate has this name: it is asked for, and the TLS library checks it.
        case name(String)
        /// The very address that is connected to: the TLS library checks it.
        case remoteAddress
        /// An address that somebody else connects to, or that stands for another one: it is checked here.
        case address(IPAddress)
    }

    let context: NIOSSLContext
    let peer: Peer
    let pins: Set<PublicKeyPin>
    private let checksPeer: Bool

    /// - Throws: ``WebSocketError/invalidSetting(_:)`` if a certificate or a key cannot be read, or for a name that
    ///   cannot be.
    init(_ tls: ClientTLS, host: String, isDirect: (IPAddress) -> Bool, contexts: TLSContexts) throws(WebSocketError) {
        let name = tls.serverName ?? host
        if let address = IPAddress(name) {
            self.peer = isDirect(address) ? .remoteAddress : .address(address)
        } else {
            guard 1...255 ~= name.utf8.count, !name.utf8.contains(0) else {
                throw .invalidSetting("tls.serverName must have 1 to 255 bytes, none of them zero")
            }
            self.peer = .name(name)
        }
        self.checksPeer = tls.trust != .anything
        self.pins = Set(tls.pins)
        let isAddressElsewhere = if case .address = self.peer { true } else { false }
        self.context = try contexts.context(tls, checksHostName: !isAddressElsewhere)
    }

    func makeHandler() throws(WebSocketError) -> NIOSSLClientHandler {
        var name: String?
        // An address has no name to ask for (RFC 6066 §3).
        if case .name(let text) = self.peer { name = text }
        do { return try NIOSSLClientHandler(context: self.context, serverHostname: name) } catch {
            throw .invalidSetting("tls.serverName: \(error)")
        }
    }

    /// What the TLS library does not look at: called once its own checks have passed, before anything is sent.
    func check(_ certificate: NIOSSLCertificate?) throws(WebSocketError) {
        if self.checksPeer {
            guard let certificate, self.isPeer(certificate) else {
                throw .tlsFailed(.untrusted("it is one of another host"))
            }
        }
        if self.pins.isEmpty { return }
        let key: [UInt8]
        do {
            guard let certificate else { throw NIOSSLError.noCertificateToValidate }
            key = try certificate.extractPublicKey().toSPKIBytes()
        } catch {
            throw .tlsFailed(.untrusted("its public key cannot be read: \(error)"))
        }
        let pin = PublicKeyPin(of: key)
        guard self.pins.contains(pin) else { throw .tlsFailed(.notPinned(pin)) }
    }

    /// Whether the certificate is one of the peer, as far as the TLS library has not looked (RFC 9110 §4.3.4, RFC 9525 §6).
    private func isPeer(_ certificate: NIOSSLCertificate) -> Bool {
        let names = certificate._subjectAlternativeNames()
        switch self.peer {
        case .remoteAddress: return true
        case .address(let address):
            return names.contains { Self.has($0, .ipAddress) { $0.elementsEqual(address.bytes) } }
        case .name(let name):
            // The library is content with the address that is connected to, which may be a proxy's, or anybody's.
            guard names.contains(where: { $0.nameType == .ipAddress }) else { return true }
            return names.contains { Self.has($0, .dnsName) { Self.isName(name, String(decoding: $0, as: UTF8.self)) } }
        }
    }

    private static func has(
        _ name: _SubjectAlternativeName, _ kind: _SubjectAlternativeName.NameType,
        _ isWanted: (UnsafeBufferPointer<UInt8>) -> Bool
    ) -> Bool {
        name.nameType == kind && name.contents.withUnsafeBufferPointer { isWanted($0) }
    }

    /// Whether a host has the name in a certificate, whose first label may be `*` (RFC 9525 §6.3).
    static func isName(_ host: String, _ pattern: String) -> Bool {
        func labels(_ text: String) -> [Substring] {
            let text = text.lowercased()
            return (text.hasSuffix(".") ? text.dropLast() : text[...]).split(
                separator: ".", omittingEmptySubsequences: false)
        }
        let (host, pattern) = (labels(host), labels(pattern))
        guard host.count == pattern.count, !host.contains("") else { return false }
        if host == pattern { return true }
        return pattern[0] == "*" && pattern.count > 1 && host.dropFirst() == pattern.dropFirst()
    }

    /// What went wrong before TLS was there, as the user is told it.
    static func explanation(of error: any Error) -> WebSocketError {
        switch error {
        case let error as WebSocketError: return error
        case NIOSSLError.uncleanShutdown:
            return .connectionFailed("the server closed the connection during the opening handshake")
        case NIOSSLError.handshakeFailed(.sslError([.eofDuringHandshake])):
            return .connectionFailed("the server closed the connection during the TLS handshake")
        case NIOSSLError.handshakeFailed(let reason), NIOSSLError.shutdownFailed(let reason): return Self.fault(reason)
        case let reason as BoringSSLError: return Self.fault(reason)
        case let error as NIOSSLExtraError: return .tlsFailed(.untrusted("\(error)"))
        case let error as NIOSSLError: return .tlsFailed(.untrusted("\(error)"))
        default: return .connectionFailed("\(error)")
        }
    }

    private static func fault(_ reason: BoringSSLError) -> WebSocketError {
        switch reason {
        case .sslError(let stack), .unknownError(let stack):
            let text = stack.map { "\($0)" }.joined(separator: "; ")
            return .tlsFailed(text.contains("CERTIFICATE_VERIFY_FAILED") ? .untrusted(text) : .handshakeFailed(text))
        case .syscallError, .zeroReturn: return .connectionFailed("TLS: \(reason)")
        default: return .tlsFailed(.handshakeFailed("\(reason)"))
        }
    }
}
