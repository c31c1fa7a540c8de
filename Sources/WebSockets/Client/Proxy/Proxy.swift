import WebSocketCore

/// A proxy that makes the TCP connection to a server on the client's behalf.
///
/// With a host name in the URL, it is the proxy that looks it up.
public struct Proxy: Sendable, Hashable {
    /// What a proxy speaks.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// HTTP/1.1 with the method CONNECT (RFC 9110 §9.3.6), for `ws` as well as `wss` (RFC 6455 §4.1).
        case http
        /// SOCKS version 5 (RFC 1928), without authentication or with user name and password (RFC 1929).
        case socks5
    }

    /// A user name and a password: of HTTP Basic authentication (RFC 7617), or of SOCKS (RFC 1929).
    public struct Credentials: Sendable, Hashable, CustomStringConvertible {
        /// Without a colon for HTTP; 1 to 255 bytes of UTF-8 for SOCKS.
        public var user: String
        /// 1 to 255 bytes of UTF-8 for SOCKS.
        public var password: String

        /// - Parameters:
        ///   - user: the user name.
        ///   - password: the password.
        public init(user: String, password: String) {
            self.user = user
            self.password = password
        }

        /// The user name; never the password.
        public var description: String { "\(self.user):…" }
    }

    /// Why a text is no proxy.
    public enum Invalid: Error, Sendable, Hashable, CustomStringConvertible {
        /// The scheme is not `http`, `socks5` or `socks5h`. A proxy that is spoken to in TLS (`https`) is not supported.
        case scheme
        /// Host or port are missing or wrong.
        case address
        /// The user information before `@` has a space, a control character or a stray `%`.
        case credentials

        public var description: String {
            switch self {
            case .scheme: "a proxy must be http://HOST:PORT, socks5://HOST:PORT or socks5h://HOST:PORT"
            case .address: "a proxy must have a host, and its port must be a number from 1 to 65535"
            case .credentials: "a proxy's user information has a space, a control character or a stray %"
            }
        }
    }

    /// What it speaks.
    public var kind: Kind

    /// Its name, or its address in numbers, without brackets.
    public var host: String

    /// Its TCP port, 1 to 65535.
    public var port: Int

    /// What it is told of who asks, if it wants to know. Default: nothing.
    public var credentials: Credentials?

    /// - Parameters:
    ///   - kind: what it speaks.
    ///   - host: its name, or its address in numbers, without brackets.
    ///   - port: its TCP port, 1 to 65535.
    ///   - credentials: a user name and a password; `nil`, the default, for none.
    public init(_ kind: Kind, host: String, port: Int, credentials: Credentials? = nil) {
        self.kind = kind
        self.host = host
        self.port = port
        self.credentials = credentials
    }

    /// Reads `[SCHEME://][USER:PASSWORD@]HOST[:PORT]`, as it stands in environment variables.
    ///
    /// The scheme is `http` (the default), `socks5` or `socks5h`: with both of these the proxy looks names up. The port is by
    /// default 80 with HTTP and 1080 with SOCKS. User name and password are percent-decoded. A path is ignored.
    /// - Throws: ``Invalid``, which says which part is wrong.
    public init(_ text: String) throws(Invalid) {
        var rest = text[...]
        self.kind = .http
        if let separator = text.firstRange(of: "://") {
            switch text[..<separator.lowerBound].lowercased() {
            case "http": break
            case "socks5", "socks5h": self.kind = .socks5
            default: throw .scheme
            }
            rest = text[separator.upperBound...]
        }
        rest = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        if let at = rest.lastIndex(of: "@") {
            let userInfo = Array(rest[..<at].utf8)
            guard WebSocketURL.isPercentEncoded(userInfo[...]) else { throw .credentials }
            let parts = userInfo.split(separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
            let decoded = parts.map { String(decoding: WebSocketURL.percentDecoded(Array($0)), as: UTF8.self) }
            self.credentials = Credentials(user: decoded[0], password: decoded.count > 1 ? decoded[1] : "")
            rest = rest[at...].dropFirst()
        }
        do {
            let authority = try Authority(String(rest))
            self.host = authority.host
            self.port = authority.port ?? (self.kind == .http ? 80 : 1080)
        } catch {
            throw .address
        }
    }
}

extension Proxy: CustomStringConvertible {
    /// Kind, host and port; never the credentials.
    public var description: String {
        "\(self.kind.rawValue)://\(self.host.contains(":") ? "[\(self.host)]" : self.host):\(self.port)"
    }
}
