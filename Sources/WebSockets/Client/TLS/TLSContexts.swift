import NIOConcurrencyHelpers
import NIOCore
import NIOSSL

/// The TLS context of a client, and of its copies: making one reads the certificates of all authorities, so it is done once
/// for as long as the settings and the files they name stay the same.
final class TLSContexts: Sendable {
    private struct Known {
        let tls: ClientTLS
        let checksHostName: Bool
        let stamps: [FileStamp?]
        let context: NIOSSLContext
    }

    private let last = NIOLockedValueBox<Known?>(nil)

    /// - Parameters:
    ///   - tls: the settings; pins and the name of the server are no part of a context.
    ///   - checksHostName: whether the TLS library compares the certificate's names with the host.
    /// - Throws: ``WebSocketError/invalidSetting(_:)`` if a certificate or key cannot be read.
    func context(_ tls: ClientTLS, checksHostName: Bool) throws(WebSocketError) -> NIOSSLContext {
        var tls = tls
        tls.pins = []
        tls.serverName = nil
        let stamps = tls.files.map { FileStamp($0) }
        let known = self.last.withLockedValue { $0 }
        if let known, known.tls == tls, known.checksHostName == checksHostName, known.stamps == stamps {
            return known.context
        }
        let context = try Self.make(tls, checksHostName: checksHostName)
        self.last.withLockedValue {
            $0 = Known(tls: tls, checksHostName: checksHostName, stamps: stamps, context: context)
        }
        return context
    }

    private static func make(_ tls: ClientTLS, checksHostName: Bool) throws(WebSocketError) -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = tls.minimumVersion == .v13 ? .tlsv13 : .tlsv12
        configuration.applicationProtocols = ["http/1.1"]
        // Both ends have said that it is over, or one is not listening: TLS's own end is not waited for much longer.
        configuration.shutdownTimeout = .seconds(2)
        if !checksHostName { configuration.certificateVerification = .noHostnameVerification }
        switch tls.trust {
        case .systemRoots: break
        case .rootsFile(let path):
            configuration.trustRoots = .certificates(try Self.certificates(.file(path), "tls.trust"))
        case .roots(let bytes):
            configuration.trustRoots = .certificates(try Self.certificates(.bytes(bytes), "tls.trust"))
        case .anything: configuration.certificateVerification = .none
        }
        if let identity = tls.identity {
            let chain = try Self.certificates(identity.certificateChain, "tls.identity.certificateChain")
            configuration.certificateChain = chain.map { .certificate($0) }
            configuration.privateKey = .privateKey(try Self.privateKey(identity))
        }
        do { return try NIOSSLContext(configuration: configuration) } catch {
            // What is left: a key that does not belong to the certificate.
            throw .invalidSetting("tls: \(error)")
        }
    }

    private static func certificates(_ pem: PEM, _ setting: String) throws(WebSocketError)
        -> [NIOSSLCertificate]
    {
        let certificates: [NIOSSLCertificate]
        do {
            switch pem {
            case .file(let path): certificates = try NIOSSLCertificate.fromPEMFile(path)
            case .bytes(let bytes): certificates = try NIOSSLCertificate.fromPEMBytes(bytes)
            }
        } catch {
            throw .invalidSetting("\(setting): \(pem): \(error)")
        }
        guard !certificates.isEmpty else { throw .invalidSetting("\(setting): \(pem): there is no certificate") }
        return certificates
    }

    private static func privateKey(_ identity: ClientTLS.Identity) throws(WebSocketError) -> NIOSSLPrivateKey {
        // Without a callback, the TLS library would ask on the terminal.
        let passphrase: NIOSSLPassphraseCallback<[UInt8]> = { $0(Array((identity.passphrase ?? "").utf8)) }
        do {
            switch identity.privateKey {
            case .file(let path):
                return try NIOSSLPrivateKey(file: path, format: .pem, passphraseCallback: passphrase)
            case .bytes(let bytes):
                return try NIOSSLPrivateKey(bytes: bytes, format: .pem, passphraseCallback: passphrase)
            }
        } catch {
            throw .invalidSetting("tls.identity.privateKey (or its passphrase): \(identity.privateKey): \(error)")
        }
    }
}

extension ClientTLS {
    /// The files that are read.
    fileprivate var files: [String] {
        var files: [String] = []
        if case .rootsFile(let path) = self.trust { files.append(path) }
        for case .file(let path)? in [self.identity?.certificateChain, self.identity?.privateKey] { files.append(path) }
        return files
    }
}
