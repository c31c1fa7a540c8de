import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOSSL

/// The TLS context that new connections of a listener get. It may be replaced at any time: a connection keeps the one it
/// has begun with.
final class ServerTLSContext: Sendable {
    /// Everything that was read for one context.
    struct Loaded {
        let tls: ServerTLS
        let context: NIOSSLContext
        let fingerprint: Int
    }

    private struct State {
        var loaded: Loaded
        /// Of the last contents that were looked at, good or bad.
        var seen: Int
    }

    private let state: NIOLockedValueBox<State>

    /// Reads files: not on an event loop.
    init(_ tls: ServerTLS) throws(TLSConfigurationError) {
        let loaded = try Self.load(tls)
        self.state = NIOLockedValueBox(State(loaded: loaded, seen: loaded.fingerprint))
    }

    var context: NIOSSLContext { self.state.withLockedValue { $0.loaded.context } }

    var tls: ServerTLS { self.state.withLockedValue { $0.loaded.tls } }

    /// New connections get `loaded` from now on.
    func use(_ loaded: Loaded) {
        self.state.withLockedValue { $0 = State(loaded: loaded, seen: loaded.fingerprint) }
    }

    /// Whether the files have other contents than when this was asked last, or than what is used. Reads files.
    func hasChanged() -> Bool {
        let fingerprint = Self.fingerprint(Result { try Contents(self.tls) })
        return self.state.withLockedValue { state in
            defer { state.seen = fingerprint }
            return fingerprint != state.seen
        }
    }

    // MARK: Loading

    private struct Contents: Hashable {
        let certificateChain: [UInt8]
        let privateKey: [UInt8]
        let authorities: [UInt8]?

        init(_ tls: ServerTLS) throws(TLSConfigurationError) {
            self.certificateChain = try tls.certificateChain.read()
            self.privateKey = try tls.privateKey.read()
            self.authorities = try tls.clientCertificates.authorities?.read()
        }
    }

    private static func fingerprint(_ contents: Result<Contents, any Error>) -> Int {
        switch contents {
        case .success(let contents): contents.hashValue
        case .failure(let error): "\(error)".hashValue
        }
    }

    /// - Throws: ``TLSConfigurationError``: a file cannot be read, is not what it should be, or certificate and key do
    ///   not belong together.
    static func load(_ tls: ServerTLS) throws(TLSConfigurationError) -> Loaded {
        let contents = try Contents(tls)
        let chain = try Self.certificates(contents.certificateChain, of: tls.certificateChain)
        let key: NIOSSLPrivateKey
        do { key = try NIOSSLPrivateKey(bytes: contents.privateKey, format: .pem) } catch {
            throw TLSConfigurationError("\(tls.privateKey)", "no private key in PEM format")
        }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        switch tls.minimumVersion {
        case .v12: configuration.minimumTLSVersion = .tlsv12
        case .v13: configuration.minimumTLSVersion = .tlsv13
        }
        configuration.applicationProtocols = ["http/1.1"]
        // Both ends have said that it is over, or one is not listening: TLS's own end is not waited for much longer.
        configuration.shutdownTimeout = .seconds(2)
        if let authorities = contents.authorities, let source = tls.clientCertificates.authorities {
            configuration.trustRoots = .certificates(try Self.certificates(authorities, of: source))
            configuration.sendCANameList = true
        }
        switch tls.clientCertificates {
        case .notRequested: break
        case .optional: configuration.certificateVerification = .optionalVerification
        case .required: configuration.certificateVerification = .noHostnameVerification
        }
        do {
            return Loaded(
                tls: tls, context: try NIOSSLContext(configuration: configuration), fingerprint: contents.hashValue)
        } catch {
            throw TLSConfigurationError(
                "\(tls.certificateChain), \(tls.privateKey)", "certificate and key do not go together: \(error)")
        }
    }

    private static func certificates(
        _ bytes: [UInt8], of source: PEM
    ) throws(TLSConfigurationError) -> [NIOSSLCertificate] {
        do {
            let certificates = try NIOSSLCertificate.fromPEMBytes(bytes)
            if !certificates.isEmpty { return certificates }
        } catch {}
        throw TLSConfigurationError("\(source)", "no certificate in PEM format")
    }
}
