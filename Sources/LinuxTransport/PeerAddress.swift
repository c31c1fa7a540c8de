#if os(Linux)
import CLinux
import Glibc

/// Where a connection comes from.
package struct PeerAddress: CustomStringConvertible {
    private let storage: sockaddr_storage

    init(_ storage: sockaddr_storage) { self.storage = storage }

    package var port: Int {
        switch Int32(self.storage.ss_family) {
        case AF_INET: self.with(sockaddr_in.self) { Int(UInt16(bigEndian: $0.pointee.sin_port)) }
        case AF_INET6: self.with(sockaddr_in6.self) { Int(UInt16(bigEndian: $0.pointee.sin6_port)) }
        default: 0
        }
    }

    /// `192.0.2.7:80`, `[2001:db8::7]:80`.
    package var description: String {
        switch Int32(self.storage.ss_family) {
        case AF_INET: "\(self.with(sockaddr_in.self) { Self.text(AF_INET, &$0.pointee.sin_addr) }):\(self.port)"
        case AF_INET6: "[\(self.with(sockaddr_in6.self) { Self.text(AF_INET6, &$0.pointee.sin6_addr) })]:\(self.port)"
        default: "unknown"
        }
    }

    /// The storage is large and aligned enough for an address of every family.
    private func with<Address, Result>(
        _ type: Address.Type, _ body: (UnsafeMutablePointer<Address>) -> Result
    ) -> Result {
        var storage = self.storage
        return withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: type, capacity: 1) { body($0) }
        }
    }

    private static func text(_ family: Int32, _ address: UnsafeRawPointer) -> String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { text in
            guard inet_ntop(family, address, text.baseAddress, socklen_t(text.count)) != nil else { return "unknown" }
            return String(cString: text.baseAddress.unsafelyUnwrapped)
        }
    }
}
#endif
