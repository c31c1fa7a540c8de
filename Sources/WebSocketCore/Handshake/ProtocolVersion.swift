/// The version of HTTP that a message is written in (RFC 9110 §2.5).
public struct ProtocolVersion: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The first digit, 0 to 9.
    public var major: Int
    /// The second digit, 0 to 9.
    public var minor: Int

    public init(major: Int, minor: Int) {
        self.major = major
        self.minor = minor
    }

    /// HTTP/1.0 (RFC 1945): too old for WebSocket.
    public static let http10 = ProtocolVersion(major: 1, minor: 0)

    /// HTTP/1.1 (RFC 9112).
    public static let http11 = ProtocolVersion(major: 1, minor: 1)

    public static func < (left: ProtocolVersion, right: ProtocolVersion) -> Bool {
        (left.major, left.minor) < (right.major, right.minor)
    }

    public var description: String { "HTTP/\(self.major).\(self.minor)" }

    /// `HTTP/d.d`, exactly (RFC 9112 §2.3).
    init?(_ bytes: RawSpan, _ range: Range<Int>) {
        guard range.count == 8 else { return nil }
        let start = range.lowerBound
        var index = start
        for byte in "HTTP/".utf8 {
            if bytes.byte(at: index) != byte { return nil }
            index &+= 1
        }
        let major = bytes.byte(at: start &+ 5)
        let minor = bytes.byte(at: start &+ 7)
        guard major.isDigit, bytes.byte(at: start &+ 6) == ASCII.period, minor.isDigit else { return nil }
        self.init(major: Int(major &- ASCII.zero), minor: Int(minor &- ASCII.zero))
    }
}
