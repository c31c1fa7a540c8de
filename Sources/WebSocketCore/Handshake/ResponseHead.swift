/// The head of an HTTP response: its status line and header fields (RFC 9112 §4).
public struct ResponseHead: Sendable, Hashable {
    /// The HTTP version of the message.
    public var version: ProtocolVersion

    /// The status code, 100 to 999.
    public var status: Int

    /// The reason phrase, possibly empty; it means nothing (RFC 9112 §4).
    public var reason: String

    /// The header fields, in the order in which they were sent.
    public var fields: HeaderFields

    /// - Parameters:
    ///   - version: the HTTP version; HTTP/1.1 by default.
    ///   - status: the status code, 100 to 999.
    ///   - reason: `nil`, the default, is the usual phrase for `status`.
    ///   - fields: the header fields; none by default.
    public init(
        version: ProtocolVersion = .http11, status: Int, reason: String? = nil, fields: HeaderFields = [:]
    ) {
        self.version = version
        self.status = status
        self.reason = reason ?? Self.usualReason(status)
        self.fields = fields
    }

    /// Whether another response follows this one: 1xx, but 101 (RFC 9110 §15.2). A client skips it.
    public var isInterim: Bool { 100...199 ~= self.status && self.status != 101 }

    /// The length of the body as Content-Length has it, in bytes; `nil` without the field, or if it is not one number
    /// up to `Int.max`, which a parsed head never has (RFC 9112 §6.2).
    public var contentLength: Int? { self.fields.contentLength }

    /// The head as it is written to the wire, from the status line to the empty line.
    ///
    /// Control characters in ``reason`` are left out, so it cannot end the line.
    public func encode() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(64 &+ self.reason.utf8.count &+ self.fields.encodedBytes)
        bytes.append(contentsOf: self.statusLine.utf8)
        for byte in self.reason.utf8 where byte.isFieldContent { bytes.append(byte) }
        bytes.append(ASCII.carriageReturn)
        bytes.append(ASCII.lineFeed)
        self.fields.encode(into: &bytes)
        return bytes
    }

    private var statusLine: String {
        self.status == 101 && self.version == .http11 ? "HTTP/1.1 101 " : "\(self.version) \(self.status) "
    }

    /// The phrase that RFC 9110 §15 (and RFC 6585) has for a status; empty for one it does not know.
    static func usualReason(_ status: Int) -> String {
        switch status {
        case 101: "Switching Protocols"
        case 200: "OK"
        case 301: "Moved Permanently"
        case 302: "Found"
        case 303: "See Other"
        case 307: "Temporary Redirect"
        case 308: "Permanent Redirect"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 408: "Request Timeout"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 421: "Misdirected Request"
        case 426: "Upgrade Required"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        case 505: "HTTP Version Not Supported"
        default: ""
        }
    }
}

extension ResponseHead: CustomStringConvertible {
    /// Status, reason and the names of the fields; values may be credentials.
    public var description: String { "\(self.version) \(self.status) \(self.reason) \(self.fields)" }
}

extension HeaderFields {
    /// How many bytes ``encode(into:)`` writes.
    var encodedBytes: Int {
        self.lines.reduce(2) { $0 &+ $1.name.count &+ $1.value.count &+ 4 }
    }

    /// Writes every field as `name: value` and the empty line that ends a head (RFC 9112 §5).
    func encode(into head: inout [UInt8]) {
        for line in self.lines {
            head.append(contentsOf: self.bytes[line.name])
            head.append(ASCII.colon)
            head.append(ASCII.space)
            head.append(contentsOf: self.bytes[line.value])
            head.append(ASCII.carriageReturn)
            head.append(ASCII.lineFeed)
        }
        head.append(ASCII.carriageReturn)
        head.append(ASCII.lineFeed)
    }
}
