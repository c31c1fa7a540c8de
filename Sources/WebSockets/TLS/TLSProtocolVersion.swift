/// A version of TLS.
public enum TLSProtocolVersion: String, Sendable, Hashable, Comparable, CaseIterable {
    /// TLS 1.2 (RFC 5246).
    case v12 = "1.2"
    /// TLS 1.3 (RFC 8446).
    case v13 = "1.3"

    public static func < (left: TLSProtocolVersion, right: TLSProtocolVersion) -> Bool {
        left.rawValue < right.rawValue
    }
}
