extension WebSocketServer {
    /// Where a server listens, and whether it speaks TLS there.
    public struct Listener: Sendable, Hashable {
        /// Where.
        public var address: Address

        /// TLS for wss and https; `nil` is plain ws and http.
        public var tls: ServerTLS?

        /// The permissions of a Unix socket's file, such as `0o660`: who may write to it may connect. Default: `nil`,
        /// what the process's umask leaves of `0o777`.
        public var mode: UInt16?

        /// - Parameters:
        ///   - host: a name or an address of this machine; `0.0.0.0` or `::` for all. Default: loopback.
        ///   - port: 0 for a free one, which ``RunningServer/addresses`` then tells.
        ///   - tls: `nil`, the default, for plain ws and http.
        public static func tcp(host: String = "127.0.0.1", port: Int, tls: ServerTLS? = nil) -> Listener {
            Listener(address: .tcp(host: host, port: port), tls: tls)
        }

        /// A socket in the file system, for peers on the same machine.
        ///
        /// The file is made when the server starts, and removed when it has stopped accepting. A socket's file that is
        /// there already is replaced if nobody listens on it, as after a crash; anything else there is left alone, and
        /// starting fails.
        /// - Parameters:
        ///   - path: of the file, as long as the system allows, mostly 107 bytes.
        ///   - mode: the permissions of the file, such as `0o660`, before anybody can connect; `nil`, the default, for
        ///     what the process's umask leaves.
        ///   - tls: `nil`, the default, for plain ws and http.
        public static func unix(path: String, mode: UInt16? = nil, tls: ServerTLS? = nil) -> Listener {
            Listener(address: .unix(path: path), tls: tls, mode: mode)
        }
    }

    /// Where a server listens.
    public enum Address: Sendable, Hashable, CustomStringConvertible {
        /// A name or an address of this machine, and a port.
        case tcp(host: String, port: Int)
        /// The path of a Unix socket.
        case unix(path: String)

        /// `127.0.0.1:8080`, `[::1]:8080`, `unix:/run/chat.sock`.
        public var description: String {
            switch self {
            case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
            case .unix(let path): "unix:\(path)"
            }
        }
    }
}

/// Why a server does not listen. Nothing of it is open any more.
public struct ListenError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The listener that failed.
    public let address: WebSocketServer.Address
    /// What the system says, or what is wrong with the certificate.
    public let reason: String

    public var description: String { "cannot listen at \(self.address): \(self.reason)" }

    init(_ address: WebSocketServer.Address, _ reason: String) {
        self.address = address
        self.reason = reason
    }
}
