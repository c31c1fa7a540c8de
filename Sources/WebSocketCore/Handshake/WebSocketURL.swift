/// Where a client connects to: a `ws` or `wss` URI (RFC 6455 §3).
///
///     ws-URI  = "ws:"  "//" host [ ":" port ] path [ "?" query ]
///     wss-URI = "wss:" "//" host [ ":" port ] path [ "?" query ]
///
/// Beyond the grammar, `user:password@` in front of the host is kept: it becomes HTTP Basic authentication.
public struct WebSocketURL: Sendable, Hashable {
    /// Why a text is no such URI.
    public enum Invalid: Error, Sendable, Hashable {
        /// The scheme is not `ws` or `wss`, or `//` does not follow.
        case scheme
        /// The host is missing, or not a name of letters, digits, `-`, `.`, `_` and `~`, an IPv4 address, or an IPv6
        /// address in brackets. An internationalised name must come as A-labels (`xn--…`, RFC 5890).
        case host
        /// The port is not a number from 1 to 65535.
        case port
        /// The part before `@` holds a space or control character, or a `%` without two hexadecimal digits.
        case userInfo
        /// The path or query holds a space or control character, or a `%` without two hexadecimal digits.
        case target
        /// There is a fragment; a literal `#` is written `%23` (RFC 6455 §3).
        case fragment
    }

    /// Whether the scheme is `wss`: WebSocket in TLS.
    public let isSecure: Bool

    /// The host in lower case; an IPv6 address without its brackets.
    public let host: String

    /// The port, 1 to 65535. Default: 80 for `ws`, 443 for `wss`.
    public let port: Int

    /// Path and query as they are sent; at least `/`. Characters that a URI cannot have are percent-encoded as UTF-8.
    public let target: String

    /// `user:password` as it was written, percent-encoding kept; `nil` if there is none.
    public let userInfo: String?

    private let isIPv6: Bool

    /// Reads a URI; the scheme and the host are not case-sensitive.
    ///
    /// - Throws: ``Invalid``, which says which part is wrong.
    public init(_ text: String) throws(Invalid) {
        let bytes = Array(text.utf8)
        guard let colon = bytes.firstIndex(of: ASCII.colon), bytes[colon...].starts(with: "://".utf8) else {
            throw .scheme
        }
        switch String(decoding: bytes[..<colon], as: UTF8.self).asciiLowercased {
        case "ws": self.isSecure = false
        case "wss": self.isSecure = true
        default: throw .scheme
        }

        let start = colon + 3
        let authorityEnd = bytes[start...].firstIndex {
            $0 == ASCII.slash || $0 == ASCII.question || $0 == ASCII.numberSign
        }
        let end = authorityEnd ?? bytes.endIndex
        var hostStart = start
        if let at = bytes[start..<end].lastIndex(of: ASCII.at) {
            guard Self.isPercentEncoded(bytes[start..<at]) else { throw .userInfo }
            self.userInfo = String(decoding: bytes[start..<at], as: UTF8.self)
            hostStart = at + 1
        } else {
            self.userInfo = nil
        }

        do {
            let authority = try Authority(String(decoding: bytes[hostStart..<end], as: UTF8.self))
            self.host = authority.host
            self.isIPv6 = authority.isIPv6
            self.port = authority.port ?? (self.isSecure ? 443 : 80)
        } catch {
            switch error {
            case .host: throw .host
            case .port: throw .port
            }
        }

        let rest = bytes[end...]
        if rest.contains(ASCII.numberSign) { throw .fragment }
        guard Self.isPercentEncoded(rest) else { throw .target }
        self.target = (rest.first == ASCII.slash ? "" : "/") + Self.percentEncoded(rest)
    }

    /// The value of the Host field: the host, and the port if it is not the scheme's default (RFC 6455 §4.1).
    public var authority: String {
        let host = self.isIPv6 ? "[\(self.host)]" : self.host
        return self.port == (self.isSecure ? 443 : 80) ? host : "\(host):\(self.port)"
    }

    /// The value of an Authorization field for ``userInfo`` (RFC 7617 §2); `nil` if there is none.
    public var basicAuthorization: String? {
        guard let userInfo = self.userInfo else { return nil }
        var credentials = Self.percentDecoded(Array(userInfo.utf8))
        if !userInfo.utf8.contains(ASCII.colon) { credentials.append(ASCII.colon) }
        return "Basic \(String(decoding: Base64.encode(credentials), as: UTF8.self))"
    }

    /// No space, no control character, and each `%` before two hexadecimal digits.
    package static func isPercentEncoded(_ bytes: ArraySlice<UInt8>) -> Bool {
        var digitsExpected = 0
        for byte in bytes {
            guard byte > ASCII.space, byte != ASCII.delete else { return false }
            if digitsExpected > 0 {
                guard byte.hexDigitValue != nil else { return false }
                digitsExpected -= 1
            } else if byte == ASCII.percent {
                digitsExpected = 2
            }
        }
        return digitsExpected == 0
    }

    /// Encodes what a URI cannot have: bytes beyond ASCII and `"`, `<`, `>`, `\`, `^`, `` ` ``, `{`, `|`, `}`.
    private static func percentEncoded(_ bytes: ArraySlice<UInt8>) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count)
        for byte in bytes {
            if byte.isVisible, !"\"<>\\^`{|}".utf8.contains(byte) {
                text.append(byte)
            } else {
                text += [ASCII.percent, digits[Int(byte >> 4)], digits[Int(byte & 0x0F)]]
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// `bytes` must have passed ``isPercentEncoded(_:)``.
    package static func percentDecoded(_ bytes: [UInt8]) -> [UInt8] {
        var decoded: [UInt8] = []
        var pending: [UInt8]?
        for byte in bytes {
            if let digits = pending, let digit = byte.hexDigitValue {
                if let high = digits.first {
                    decoded.append(high << 4 | digit)
                    pending = nil
                } else {
                    pending = [digit]
                }
            } else if byte == ASCII.percent {
                pending = []
            } else {
                decoded.append(byte)
            }
        }
        return decoded
    }
}

extension WebSocketURL {
    /// `text`, which need not be a URI at all, without what may be credentials: user information and query.
    public static func redacted(_ text: String) -> String {
        let shown = text.prefix { $0 != "?" && $0 != "#" }
        guard let at = shown.lastIndex(of: "@") else { return String(shown) }
        let start = shown.utf8.firstRange(of: "//".utf8)?.upperBound ?? shown.startIndex
        return start <= at ? "\(shown[..<start])…\(shown[at...])" : "…\(shown[at...])"
    }
}

extension WebSocketURL: CustomStringConvertible {
    /// The URI without user information and query, which may be credentials.
    public var description: String {
        "\(self.isSecure ? "wss" : "ws")://\(self.authority)\(self.target.prefix { $0 != "?" })"
    }
}

extension WebSocketURL.Invalid: CustomStringConvertible {
    public var description: String {
        switch self {
        case .scheme: "the URL must begin with ws:// or wss://"
        case .host: "the host must be a name in ASCII, an IPv4 address, or an IPv6 address in brackets"
        case .port: "the port must be a number from 1 to 65535"
        case .userInfo: "the user information before @ has a space, a control character or a stray %"
        case .target: "the path or query has a space, a control character or a stray %"
        case .fragment: "the URL must not have a fragment; write a literal # as %23"
        }
    }
}
