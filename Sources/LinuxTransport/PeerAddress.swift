#if os(Linux)
import CLinux

/// Where a connection comes from.
package struct PeerAddress: CustomStringConvertible {
    private let address: clinux_address

    init(_ address: clinux_address) { self.address = address }

    /// `192.0.2.7:80`, `[2001:db8::7]:80`.
    package var description: String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 46) { text in
            var address = self.address
            var port: Int32 = 0
            var isIPv6 = false
            // The buffer has a base address: its capacity is not 0.
            let start = text.baseAddress.unsafelyUnwrapped
            guard clinux_address_text(&address, start, &port, &isIPv6) != 0 else { return "unknown" }
            return isIPv6 ? "[\(String(cString: start))]:\(port)" : "\(String(cString: start)):\(port)"
        }
    }
}
#endif
