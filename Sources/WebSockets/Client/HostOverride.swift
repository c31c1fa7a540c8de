import WebSocketCore

/// Addresses to connect to instead of those that a host's name has, as with curl's `--resolve`.
///
///     configuration.hostOverrides = [try HostOverride("example.com:443:127.0.0.1")]
///
/// Only the connection goes elsewhere: the Host field, and the name that the certificate must have, stay the URL's. What a
/// proxy connects to is the proxy's affair, but the host of the proxy itself may be one of these.
public struct HostOverride: Sendable, Hashable {
    /// Why a text is none.
    public struct Invalid: Error, Sendable, Hashable, CustomStringConvertible {
        /// The text.
        public let text: String

        public var description: String {
            "\"\(self.text)\" must be HOST:PORT:ADDRESS[,ADDRESS]…, with a host or *, a port or *, and addresses in numbers"
        }
    }

    /// The host of a URL, compared without regard to ASCII case; `*` is every host.
    public var host: String

    /// The port of a URL; `nil` is every port.
    public var port: Int?

    /// IPv4 or IPv6 addresses in numbers, without brackets; at least one. They are tried as those of a name are (RFC 8305).
    public var addresses: [String]

    /// - Parameters:
    ///   - host: the host of a URL; `*` is every host.
    ///   - port: the port of a URL; `nil`, the default, is every port.
    ///   - addresses: IPv4 or IPv6 addresses in numbers, at least one.
    public init(host: String, port: Int? = nil, addresses: [String]) {
        self.host = host
        self.port = port
        self.addresses = addresses
    }

    /// Reads `HOST:PORT:ADDRESS[,ADDRESS]…`, in which host and port may be `*`, and IPv6 addresses be in brackets.
    ///
    /// - Throws: ``Invalid`` if the text is not of this form.
    public init(_ text: String) throws(Invalid) {
        // An IPv6 address of the host is in brackets.
        let host: Substring
        var rest: Substring
        if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
            host = text[..<end].dropFirst()
            rest = text[end...].dropFirst()
        } else {
            host = text.prefix { $0 != ":" }
            rest = text[host.endIndex...]
        }
        guard !host.isEmpty, rest.popFirst() == ":" else { throw Invalid(text: text) }
        let port = rest.prefix { $0 != ":" }
        rest = rest[port.endIndex...]
        guard rest.popFirst() == ":" else { throw Invalid(text: text) }
        let addresses = rest.split(separator: ",", omittingEmptySubsequences: false).map { address in
            String(address.hasPrefix("[") && address.hasSuffix("]") ? address.dropFirst().dropLast() : address)
        }
        guard !addresses.isEmpty, addresses.allSatisfy({ IPAddress($0) != nil }) else { throw Invalid(text: text) }
        if port == "*" {
            self.init(host: String(host), addresses: addresses)
        } else {
            guard let number = Int(port), 1...65_535 ~= number else { throw Invalid(text: text) }
            self.init(host: String(host), port: number, addresses: addresses)
        }
    }

    /// Whether a connection to this host and port goes to ``addresses``.
    func matches(_ host: String, _ port: Int) -> Bool {
        (self.host == "*" || self.host.lowercased() == host) && (self.port == nil || self.port == port)
    }
}
