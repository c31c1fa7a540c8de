/// Which web pages may open a WebSocket here (RFC 6455 §10.2).
///
/// A browser sends the user's cookies along with a WebSocket that any page opens, so without this a foreign page could
/// act as the user (cross-site WebSocket hijacking). A request without Origin does not come from a browser and is
/// allowed: whoever can leave it out can also forge it.
///
/// An origin is `http` or `https`, a host and a port; `null`, an extension's page or a file is never the same host and
/// never in a list. Case does not matter, a default port may be written or not, and internationalised names are
/// compared as A-labels (`xn--…`), which is how browsers send them.
public enum OriginPolicy: Sendable, Hashable {
    /// Pages of the same host and port, and over TLS only those that came over https.
    case sameHost

    /// Every page. Right where no cookie, client certificate or network position gives a request any rights.
    case any

    /// Pages of these origins, such as `https://a.example` or `http://localhost:3000`. `https://*.example.com` stands
    /// for every name of one label or more in front of `.example.com`, and not for `https://example.com`; a `*`
    /// elsewhere matches nothing. Entries that are not origins match nothing.
    case list([String])

    /// Whether a request may open a WebSocket.
    ///
    /// - Parameters:
    ///   - origin: the Origin field; `nil` if there is none.
    ///   - host: the host the request is for, with its port if that was given: ``ServerHandshake/host``.
    ///   - isSecure: whether the request came over TLS. If it did not, TLS may have ended at a proxy in front: a host
    ///     without a port is then taken for the origin's default port, 80 or 443.
    public func allows(origin: String?, host: String, isSecure: Bool) -> Bool {
        guard let origin else { return true }
        switch self {
        case .any: return true
        case .sameHost: return Self.isSameHost(origin, host, isSecure: isSecure)
        case .list(let allowed):
            guard let origin = Origin(origin) else { return false }
            return allowed.contains { Self.matches(origin, entry: $0) }
        }
    }

    private static func isSameHost(_ origin: String, _ host: String, isSecure: Bool) -> Bool {
        guard let origin = Origin(origin), let host = try? Authority(host) else { return false }
        // Over TLS a page that came without it is not the same site: anybody on the way could have written it.
        guard origin.isSecure || !isSecure else { return false }
        let port = host.port ?? (isSecure ? 443 : origin.defaultPort)
        return host.host == origin.host && host.isIPv6 == origin.isIPv6 && port == origin.port
    }

    private static func matches(_ origin: Origin, entry: String) -> Bool {
        if let exact = Origin(entry) { return exact == origin }
        // "https://*.example.com": the star is the whole first label, and the dot behind it belongs to the suffix.
        guard let mark = entry.utf8.firstRange(of: "://*.".utf8),
            let parent = Origin("\(entry[..<mark.lowerBound])://\(entry[mark.upperBound...])"), !parent.isIPv6
        else { return false }
        return origin.isSecure == parent.isSecure && origin.port == parent.port
            && origin.host.utf8.count > parent.host.utf8.count + 1 && origin.host.hasSuffix("." + parent.host)
    }
}

/// The origin of a web page, as browsers write it: `scheme "://" host [ ":" port ]` (RFC 6454 §6.2).
private struct Origin: Equatable {
    let isSecure: Bool
    let host: String
    let isIPv6: Bool
    let port: Int

    var defaultPort: Int { self.isSecure ? 443 : 80 }

    /// `nil` for everything else, such as `null`, a path behind the host, or another scheme.
    init?(_ text: String) {
        let isSecure: Bool
        let authority: Substring
        if String(text.prefix(8)).asciiLowercased == "https://" {
            (isSecure, authority) = (true, text.dropFirst(8))
        } else if String(text.prefix(7)).asciiLowercased == "http://" {
            (isSecure, authority) = (false, text.dropFirst(7))
        } else {
            return nil
        }
        guard let parsed = try? Authority(String(authority)) else { return nil }
        self.isSecure = isSecure
        self.host = parsed.host
        self.isIPv6 = parsed.isIPv6
        self.port = parsed.port ?? (isSecure ? 443 : 80)
    }
}
