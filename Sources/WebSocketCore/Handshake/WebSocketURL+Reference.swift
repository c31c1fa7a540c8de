extension WebSocketURL {
    /// What a reference means that is found at this URI, such as the Location of a redirect (RFC 3986 §5.2, RFC 9110 §10.2.2).
    ///
    /// The schemes `http` and `https` are read as `ws` and `wss`. A fragment is dropped, since a WebSocket's URI has none.
    /// User information goes along within the same origin, unless the reference has its own.
    /// - Parameter reference: a URI, or what stands for a part of one: `//host/path`, `/path`, `path`, `?query`.
    /// - Throws: ``Invalid`` if what comes of it is not the address of a WebSocket.
    public func resolving(_ reference: String) throws(Invalid) -> WebSocketURL {
        let text = reference.prefix { $0 != "#" }
        let ownScheme = self.isSecure ? "wss" : "ws"
        if let (scheme, rest) = Self.splitScheme(text) {
            let mapped: String
            switch scheme {
            case "ws", "http": mapped = "ws"
            case "wss", "https": mapped = "wss"
            default: throw .scheme
            }
            return try self.adopting("\(mapped):", rest)
        }
        if text.hasPrefix("//") { return try self.adopting("\(ownScheme):", text) }

        let userInfo = self.userInfo.map { "\($0)@" } ?? ""
        let base = self.target.prefix { $0 != "?" }
        let (path, query) = Self.splitQuery(text)
        let target: String
        if path.isEmpty {
            target = query.isEmpty ? self.target : "\(base)\(query)"
        } else if path.hasPrefix("/") {
            target = "\(Self.withoutDotSegments(path))\(query)"
        } else {
            let folder = base[...(base.lastIndex(of: "/") ?? base.startIndex)]
            target = "\(Self.withoutDotSegments("\(folder)\(path)"))\(query)"
        }
        return try WebSocketURL("\(ownScheme)://\(userInfo)\(self.authority)\(target)")
    }

    /// Whether both have the scheme, the host and the port in common (RFC 6454 §5).
    public func hasSameOrigin(as other: WebSocketURL) -> Bool {
        self.isSecure == other.isSecure && self.host == other.host && self.port == other.port
    }

    /// `scheme` and what stands behind its colon, which must be `//…`.
    private func adopting(_ scheme: String, _ rest: Substring) throws(Invalid) -> WebSocketURL {
        guard rest.hasPrefix("//") else { throw .scheme }
        let authority = rest.dropFirst(2).prefix { $0 != "/" && $0 != "?" }
        let (path, query) = Self.splitQuery(rest.dropFirst(2 + authority.count))
        let target = "\(Self.withoutDotSegments(path))\(query)"
        let url = try WebSocketURL("\(scheme)//\(authority)\(target)")
        guard let userInfo = self.userInfo, url.userInfo == nil, url.hasSameOrigin(as: self) else { return url }
        return try WebSocketURL("\(scheme)//\(userInfo)@\(authority)\(target)")
    }

    /// The scheme in lower case and what is behind its colon; `nil` if the reference is a relative one.
    private static func splitScheme(_ text: Substring) -> (scheme: String, rest: Substring)? {
        guard let colon = text.firstIndex(of: ":"), let first = text.utf8.first, first.isLetter else { return nil }
        let scheme = text[..<colon]
        let isScheme = scheme.utf8.allSatisfy {
            $0.isLetter || $0.isDigit || $0 == UInt8(ascii: "+") || $0 == ASCII.hyphen || $0 == ASCII.period
        }
        return isScheme ? (String(scheme).asciiLowercased, text[text.index(after: colon)...]) : nil
    }

    /// The path, and the query with its question mark.
    private static func splitQuery(_ text: Substring) -> (path: Substring, query: Substring) {
        let path = text.prefix { $0 != "?" }
        return (path, text[path.endIndex...])
    }

    /// A path without `.` and `..` (RFC 3986 §5.2.4).
    private static func withoutDotSegments(_ path: some StringProtocol) -> String {
        let segments = path.split(separator: "/", omittingEmptySubsequences: false)
        var kept: [Substring] = []
        for (index, segment) in segments.enumerated() {
            let isLast = index == segments.count - 1
            switch segment {
            case ".": if isLast { kept.append("") }
            case "..":
                // The first one is what stands before the leading slash.
                if kept.count > 1 { kept.removeLast() }
                if isLast { kept.append("") }
            default: kept.append(Substring(segment))
            }
        }
        return kept.joined(separator: "/")
    }
}
