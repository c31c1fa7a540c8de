import NIOConcurrencyHelpers
import NIOCore
import NIOSSL

/// The TLS context of a client, and of its copies: making one reads the certificates of all authorities, so it is done once
/// for as long as whom to trust stays the same.
final class TLSContexts: Sendable {
    private struct Known {
        let trust: WebSocketClient.ServerTrust
        let context: NIOSSLContext
    }

    private let last = NIOLockedValueBox<Known?>(nil)

    /// - Throws: ``WebSocketError/connectionFailed(_:)`` if the certificates cannot be read.
    func context(_ trust: WebSocketClient.ServerTrust) throws -> NIOSSLContext {
        if let known = self.last.withLockedValue({ $0 }), known.trust == trust { return known.context }
        let context = try Self.make(trust)
        self.last.withLockedValue { $0 = Known(trust: trust, context: context) }
        return context
    }

    private static func make(_ trust: WebSocketClient.ServerTrust) throws -> NIOSSLContext {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv12
        tls.applicationProtocols = ["http/1.1"]
        // Both ends have said that it is over, or one is not listening: TLS's own end is not waited for much longer.
        tls.shutdownTimeout = .seconds(2)
        switch trust {
        case .systemRoots: break
        case .rootsFile(let path): tls.trustRoots = .file(path)
        case .anything: tls.certificateVerification = .none
        }
        do { return try NIOSSLContext(configuration: tls) } catch {
            throw WebSocketError.connectionFailed("TLS: \(error)")
        }
    }
}
