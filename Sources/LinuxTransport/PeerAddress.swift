#if os(Linux)
import CLinux

/// An address at the other end of a connection.
package struct PeerAddress: CustomStringConvertible, Sendable {
    let raw: clinux_address

    init(_ raw: clinux_address) { self.raw = raw }

    /// The address of a socket in the file system.
    ///
    /// - Throws: `ENAMETOOLONG` for a path that is empty or has more than 107 bytes.
    package init(unixSocketPath path: String) throws(SystemError) {
        var raw = clinux_address()
        guard clinux_unix_address(path, &raw) == 0 else { throw SystemError("connect") }
        self.init(raw)
    }

    /// `192.0.2.7:80`, `[2001:db8::7]:80`, `unix:/run/server.sock`.
    package var description: String {
        if let text = self.withText({ text, port, isIPv6 in isIPv6 ? "[\(text)]:\(port)" : "\(text):\(port)" }) {
            return text
        }
        var address = self.raw
        return clinux_unix_path(&address).map { "unix:\(String(cString: $0))" } ?? "unknown"
    }

    package var isIPv6: Bool { self.withText { _, _, isIPv6 in isIPv6 } ?? false }

    private func withText<Result>(_ body: (String, Int32, Bool) -> Result) -> Result? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 46) { text in
            var address = self.raw
            var port: Int32 = 0
            var isIPv6 = false
            // The buffer has a base address: its capacity is not 0.
            let start = text.baseAddress.unsafelyUnwrapped
            guard clinux_address_text(&address, start, &port, &isIPv6) != 0 else { return nil }
            return body(String(cString: start), port, isIPv6)
        }
    }

    /// Addresses of a host that are looked at, at most.
    private static let mostOfHost = 16

    /// The addresses of `host`, a name or an address in numbers, in the order in which they are to be tried
    /// (RFC 8305 §4): as the system sorts them, but one of IPv6 and one of IPv4 in turn.
    ///
    /// It blocks for as long as the name service takes.
    package static func resolve(_ host: String, port: Int) throws(HostNotFound) -> [PeerAddress] {
        var addresses = [clinux_address](repeating: clinux_address(), count: Self.mostOfHost)
        let count = clinux_resolve(host, Int32(clamping: port), &addresses, Int32(Self.mostOfHost))
        guard count > 0 else { throw HostNotFound(host: host, reason: String(cString: clinux_resolve_error(count))) }
        return Self.interleaved(addresses.prefix(Int(count)).map(PeerAddress.init))
    }

    static func interleaved(_ addresses: [PeerAddress]) -> [PeerAddress] {
        guard let first = addresses.first else { return [] }
        var rest = addresses
        var interleaved: [PeerAddress] = []
        var wantsIPv6 = first.isIPv6
        while !rest.isEmpty {
            let index = rest.firstIndex { $0.isIPv6 == wantsIPv6 } ?? 0
            interleaved.append(rest.remove(at: index))
            wantsIPv6.toggle()
        }
        return interleaved
    }
}

/// The name service knows no address of a host.
package struct HostNotFound: Error, CustomStringConvertible {
    package let host: String
    let reason: String

    package var description: String { "\(self.host): \(self.reason)" }
}
#endif
