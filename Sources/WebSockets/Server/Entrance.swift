import NIOCore
import NIOPosix
import NIOSSL

/// What the connections of one listener have in common.
final class Entrance: Sendable {
    let address: WebSocketServer.Address
    let isSecure: Bool
    /// The listener's own TLS; `nil` for a plain one, and where somebody else's handlers speak it.
    let tls: ServerTLSContext?
    /// Permissions of the file of a Unix socket.
    let mode: UInt16?

    init(address: WebSocketServer.Address, tls: ServerTLSContext?, mode: UInt16? = nil) {
        self.address = address
        self.isSecure = tls != nil
        self.tls = tls
        self.mode = mode
    }

    /// Connections that somebody else has accepted.
    init(isSecure: Bool) {
        self.address = .tcp(host: "", port: 0)
        self.isSecure = isSecure
        self.tls = nil
        self.mode = nil
    }

    /// The entrances of a server that is about to listen. Reads certificates.
    ///
    /// - Throws: ``ListenError``.
    static func make(_ listeners: [WebSocketServer.Listener]) async throws -> [Entrance] {
        try await NIOThreadPool.singleton.runIfActive {
            try listeners.map { listener in
                do throws(TLSConfigurationError) {
                    var tls: ServerTLSContext?
                    if let settings = listener.tls { tls = try ServerTLSContext(settings) }
                    return Entrance(address: listener.address, tls: tls, mode: listener.mode)
                } catch { throw ListenError(listener.address, "TLS: \(error)") }
            }
        }
    }

    /// Whether peers have an address of their own.
    var isUnix: Bool {
        switch self.address {
        case .tcp: false
        case .unix: true
        }
    }

    /// Who has come in, as text.
    ///
    /// - Parameter peer: address and port, asked for only where peers have them.
    func arrival(from peer: @autoclosure () -> String) -> Arrival {
        Arrival(entrance: self, remoteAddress: self.isUnix ? self.address.description : peer())
    }
}

/// What is known of a connection before its first request.
struct Arrival {
    let entrance: Entrance
    /// Address and port; of a Unix socket the server's own path.
    let remoteAddress: String
    /// What TLS has verified, once it has.
    var clientCertificate: ClientCertificate?

    init(entrance: Entrance, remoteAddress: String) {
        self.entrance = entrance
        self.remoteAddress = remoteAddress
    }

    var isSecure: Bool { self.entrance.isSecure }
}
