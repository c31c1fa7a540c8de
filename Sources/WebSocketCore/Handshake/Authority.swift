/// `host [ ":" port ]`: the value of a Host field, and part of a URL and of an Origin (RFC 3986 §3.2, RFC 9110 §7.2).
package struct Authority: Sendable, Hashable {
    /// In lower case; an IPv6 address without its brackets.
    package var host: String
    /// `nil` if there is none, or an empty one.
    package var port: Int?
    /// Whether ``host`` is an IPv6 address.
    package var isIPv6: Bool

    /// What is wrong with an authority.
    package enum Fault: Error {
        case host
        case port
    }

    package init(_ text: String) throws(Fault) {
        self = try Authority.parse(text.utf8Span.span.rawBytes)
    }

    private init(host: String, port: Int?, isIPv6: Bool) {
        self.host = host
        self.port = port
        self.isIPv6 = isIPv6
    }

    static func isValid(_ text: String) -> Bool { Self.isValid(text.utf8Span.span.rawBytes) }

    static func isValid(_ bytes: RawSpan) -> Bool {
        guard let end = Self.hostEnd(bytes) else { return false }
        do throws(Fault) {
            _ = try Self.port(bytes, from: end)
            return true
        } catch {
            return false
        }
    }

    private static func parse(_ bytes: RawSpan) throws(Fault) -> Authority {
        guard let end = Self.hostEnd(bytes) else { throw .host }
        let port = try Self.port(bytes, from: end)
        let isIPv6 = bytes.byte(at: 0) == ASCII.leftBracket
        let host = isIPv6 ? 1..<(end &- 1) : 0..<end
        return Authority(host: bytes.text(host).asciiLowercased, port: port, isIPv6: isIPv6)
    }

    /// Where the host ends that begins at 0: an IPv6 address in brackets, or a name of at most 255 letters, digits,
    /// hyphens, dots, underscores and tildes; an IPv4 address is one of these. An internationalised name comes as
    /// A-labels (`xn--…`, RFC 5890). `nil` if there is no such host.
    private static func hostEnd(_ bytes: RawSpan) -> Int? {
        guard bytes.byteCount > 0 else { return nil }
        var index = 0
        if bytes.byte(at: 0) == ASCII.leftBracket {
            while index < bytes.byteCount, bytes.byte(at: index) != ASCII.rightBracket { index &+= 1 }
            guard index < bytes.byteCount, IPv6Address.isValid(bytes.extracting(1..<index)) else { return nil }
            return index &+ 1
        }
        while index < bytes.byteCount, Self.isHostCharacter(bytes.byte(at: index)) { index &+= 1 }
        return 1...255 ~= index ? index : nil
    }

    private static func isHostCharacter(_ byte: UInt8) -> Bool {
        byte.isLetter || byte.isDigit || byte == ASCII.hyphen || byte == ASCII.period || byte == UInt8(ascii: "_")
            || byte == UInt8(ascii: "~")
    }

    /// Nothing, or a colon and a port from 1 to 65535; the number may be missing (RFC 3986 §3.2.3).
    private static func port(_ bytes: RawSpan, from start: Int) throws(Fault) -> Int? {
        guard start < bytes.byteCount else { return nil }
        guard bytes.byte(at: start) == ASCII.colon else { throw .host }
        guard start &+ 1 < bytes.byteCount else { return nil }
        var number = 0
        for index in (start &+ 1)..<bytes.byteCount {
            let digit = bytes.byte(at: index)
            guard digit.isDigit, number <= 65_535 else { throw .port }
            number = number &* 10 &+ Int(digit &- ASCII.zero)
        }
        guard 1...65_535 ~= number else { throw .port }
        return number
    }
}
