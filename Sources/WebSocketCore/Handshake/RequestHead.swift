/// The head of an HTTP request: its request line and header fields (RFC 9112 §3).
public struct RequestHead: Sendable, Hashable {
    /// The method, such as `GET`; methods are case-sensitive (RFC 9110 §9.1).
    public var method: String

    /// The request target as it was sent: `/path?query` (origin-form), `http://host/path?query` (absolute-form)
    /// or `*` (RFC 9112 §3.2). Percent-encoding is kept.
    public var target: String

    /// The HTTP version of the message.
    public var version: ProtocolVersion

    /// The header fields, in the order in which they were sent.
    public var fields: HeaderFields

    public init(method: String, target: String, version: ProtocolVersion = .http11, fields: HeaderFields = [:]) {
        self.method = method
        self.target = target
        self.version = version
        self.fields = fields
    }

    /// The path of the target, without the query and with its percent-encoding kept; at least `/`, or `*`.
    ///
    /// It is what the peer wrote: `..`, `//` and encoded slashes are in it. Compare it, do not open it.
    public var path: String {
        let target = self.originForm
        let path = target.prefix { $0 != ASCII.question }
        return path.isEmpty ? "/" : String(decoding: path, as: UTF8.self)
    }

    /// What follows the first `?` of the target, percent-encoding kept; `nil` without a `?`.
    public var query: String? {
        let target = self.originForm
        guard let mark = target.firstIndex(of: ASCII.question) else { return nil }
        return String(decoding: target[mark...].dropFirst(), as: UTF8.self)
    }

    /// The authority of an absolute-form target; `nil` for the other forms.
    ///
    /// A server takes it for the host instead of the Host field (RFC 9112 §3.2.2).
    public var authority: String? {
        guard let start = self.authorityStart else { return nil }
        let authority = self.target.utf8[start...].prefix { $0 != ASCII.slash && $0 != ASCII.question }
        return String(Substring(authority))
    }

    /// The length of the body as Content-Length has it, in bytes; `nil` without the field, or if it is not one number
    /// up to `Int.max`, which a parsed head never has (RFC 9112 §6.2).
    public var contentLength: Int? { self.fields.contentLength }

    /// Whether a body follows the head (RFC 9112 §6).
    public var hasBody: Bool {
        (self.contentLength ?? 0) > 0 || self.fields.count(of: "Transfer-Encoding") > 0
    }

    private var authorityStart: String.Index? {
        let target = self.target.utf8
        guard target.first != ASCII.slash, let colon = target.firstIndex(of: ASCII.colon) else { return nil }
        let rest = target[colon...]
        guard rest.starts(with: "://".utf8) else { return nil }
        return rest.index(colon, offsetBy: 3)
    }

    /// The target without scheme and authority.
    private var originForm: Substring.UTF8View {
        guard let start = self.authorityStart else { return self.target.utf8[...] }
        return self.target.utf8[start...].drop { $0 != ASCII.slash && $0 != ASCII.question }
    }
}

extension RequestHead: CustomStringConvertible {
    /// Method, path and names of the fields; query and values may be credentials.
    public var description: String { "\(self.method) \(self.path) \(self.version) \(self.fields)" }
}

extension HeaderFields {
    /// The number in Content-Length; `nil` without the field, and if it is not one number up to `Int.max`.
    var contentLength: Int? {
        var length: Int?
        for line in self.lines where Self.matches(self.bytes, line.name, "Content-Length") {
            guard length == nil, let number = Self.number(self.bytes[line.value]) else { return nil }
            length = number
        }
        return length
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
        guard !digits.isEmpty else { return nil }
        var number = 0
        for digit in digits {
            guard digit.isDigit else { return nil }
            let (product, overflow) = number.multipliedReportingOverflow(by: 10)
            let (sum, overflow2) = product.addingReportingOverflow(Int(digit &- ASCII.zero))
            if overflow || overflow2 { return nil }
            number = sum
        }
        return number
    }
}
