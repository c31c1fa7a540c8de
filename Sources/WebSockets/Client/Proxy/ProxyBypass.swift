/// Servers that are connected to without a proxy: what the environment variable `no_proxy` says.
///
/// Each entry is one of
///
/// - `example.com`: this host and all whose names end with `.example.com`; `.example.com` and `*.example.com` are the same,
/// - `192.0.2.7`, `2001:db8::7`, `[2001:db8::7]`: this address, as it stands in a URL: no name is looked up,
/// - `192.0.2.0/24`, `2001:db8::/32`: the addresses of this network,
/// - `*`: every host.
///
/// A name, an address or a network may have a port, `example.com:8080` or `[2001:db8::]:8080`: then only this port is meant.
/// An entry that is none of these is the name of no host, and does nothing.
public struct ProxyBypass: Sendable, Hashable, ExpressibleByArrayLiteral {
    private enum Target: Sendable, Hashable {
        case everything
        case name(String)
        case network(IPAddress, bits: Int)
    }

    private struct Entry: Sendable, Hashable {
        var target: Target
        var port: Int?
    }

    private var entries: [Entry]

    /// - Parameter text: entries between commas or spaces.
    public init(_ text: String) {
        self.init(entries: text.split { $0 == "," || $0.isWhitespace })
    }

    /// - Parameter entries: one entry each.
    public init(arrayLiteral entries: String...) {
        self.init(entries: entries.map { $0[...] })
    }

    private init(entries: [Substring]) {
        self.entries = entries.filter { !$0.isEmpty }.map { Self.entry($0.lowercased()) }
    }

    /// - Parameters:
    ///   - host: a host as a URL has it; an IPv6 address without brackets.
    ///   - port: a port.
    public func contains(host: String, port: Int) -> Bool {
        if self.entries.isEmpty { return false }
        let address = IPAddress(host)
        let name = Self.withoutFinalDot(host.lowercased())
        return self.entries.contains { entry in
            if let only = entry.port, only != port { return false }
            switch entry.target {
            case .everything: return true
            case .name(let suffix):
                return address == nil && !suffix.isEmpty && (name == suffix || name.hasSuffix(".\(suffix)"))
            case .network(let network, let bits): return address?.hasPrefix(of: network, bits: bits) ?? false
            }
        }
    }

    private static func entry(_ text: String) -> Entry {
        if text == "*" { return Entry(target: .everything) }
        if let network = Self.network(text) { return Entry(target: network) }
        var host = text
        var port: Int?
        if let colon = text.lastIndex(of: ":"), let number = Int(text[colon...].dropFirst()) {
            host = String(text[..<colon])
            port = number
        }
        if let network = Self.network(host) { return Entry(target: network, port: port) }
        var name = host[...]
        if name.hasPrefix("*.") { name = name.dropFirst() }
        if name.hasPrefix(".") { name = name.dropFirst() }
        return Entry(target: .name(Self.withoutFinalDot(String(name))), port: port)
    }

    /// An address, perhaps in brackets, perhaps with the length of a prefix.
    private static func network(_ text: String) -> Target? {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard var host = parts.first else { return nil }
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        guard let address = IPAddress(String(host)) else { return nil }
        let most = address.bytes.count * 8
        guard parts.count == 2 else { return .network(address, bits: most) }
        // `0...most` and nothing else: a prefix that is none must not mean everything.
        guard let bits = Int(parts[1]), 0...most ~= bits else { return nil }
        return .network(address, bits: bits)
    }

    private static func withoutFinalDot(_ name: String) -> String {
        name.hasSuffix(".") ? String(name.dropLast()) : name
    }
}
