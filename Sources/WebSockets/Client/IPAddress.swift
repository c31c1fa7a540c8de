#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Android)
import Android
#endif

/// An address in numbers: 4 bytes of IPv4 or 16 of IPv6.
struct IPAddress: Hashable, Sendable {
    let bytes: [UInt8]

    /// `nil` unless `text` is an IPv4 address of four numbers, or an IPv6 address without brackets and zone.
    init?(_ text: String) {
        var bytes = [UInt8](repeating: 0, count: 16)
        if inet_pton(AF_INET, text, &bytes) == 1 {
            self.bytes = Array(bytes.prefix(4))
        } else if inet_pton(AF_INET6, text, &bytes) == 1 {
            self.bytes = bytes
        } else {
            return nil
        }
    }

    /// Whether the first `bits` bits of both are the same.
    func hasPrefix(of other: IPAddress, bits: Int) -> Bool {
        guard self.bytes.count == other.bytes.count, 0...(self.bytes.count * 8) ~= bits else { return false }
        let whole = bits / 8
        guard self.bytes.prefix(whole) == other.bytes.prefix(whole) else { return false }
        let rest = bits % 8
        return rest == 0 || (self.bytes[whole] ^ other.bytes[whole]) >> UInt8(8 - rest) == 0
    }
}
