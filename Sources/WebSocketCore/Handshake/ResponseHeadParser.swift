/// Reads the head of an HTTP/1.1 response, however its bytes are cut (RFC 9112 §2, §4, §5).
///
/// Used like ``RequestHeadParser``, and as strict, but for one thing that servers get wrong and that harms nobody: the
/// space behind the status may be missing when there is no reason phrase.
public struct ResponseHeadParser: Sendable {
    public enum Result: Sendable, Hashable {
        /// The bytes so far are the beginning of a head.
        case needMoreBytes
        /// The head takes the first `headBytes` bytes. The next call begins a new head, as after an interim response.
        case complete(ResponseHead, headBytes: Int)
        /// This is no response of HTTP/1.1. Every later call says the same.
        case invalid(HandshakeFault)
    }

    private struct StatusLine: Sendable {
        var version: ProtocolVersion
        var status: Int
        var reason: String
    }

    private let limits: Limits.Handshake
    private var scanner: LineScanner
    private var statusLine: StatusLine?
    private var fields: FieldSection
    private var fault: HandshakeFault?

    public init(limits: Limits.Handshake = Limits.Handshake()) {
        self.limits = limits
        self.scanner = LineScanner(maxHeadBytes: limits.maxHeadBytes)
        self.fields = FieldSection(limits)
    }

    /// Takes what there is of the head.
    ///
    /// - Parameter bytes: everything received since the head began: what the call before was given, and more.
    public mutating func parse(_ bytes: RawSpan) -> Result {
        if let fault = self.fault { return .invalid(fault) }
        do throws(HandshakeFault) {
            guard let statusLine = try self.parseStatusLine(bytes),
                let fields = try self.fields.parse(bytes, &self.scanner)
            else { return .needMoreBytes }
            let head = ResponseHead(
                version: statusLine.version, status: statusLine.status, reason: statusLine.reason, fields: fields)
            let headBytes = self.scanner.lineStart
            self = ResponseHeadParser(limits: self.limits)
            return .complete(head, headBytes: headBytes)
        } catch {
            self.fault = error
            return .invalid(error)
        }
    }

    private mutating func parseStatusLine(_ bytes: RawSpan) throws(HandshakeFault) -> StatusLine? {
        if let statusLine = self.statusLine { return statusLine }
        // A server that greets in another protocol is known by its first bytes.
        let limit = self.limits.maxStartLineBytes
        let known = min(bytes.byteCount, self.limits.maxHeadBytes, limit)
        for (index, byte) in "HTTP/".utf8.enumerated() where index < known {
            guard bytes.byte(at: index) == byte else { throw .malformedStatusLine }
        }
        guard let line = try self.scanner.next(in: bytes, limit: limit, tooLong: .startLineTooLong(limit: limit))
        else { return nil }
        self.statusLine = try Self.statusLine(line, in: bytes)
        return self.statusLine
    }

    /// `HTTP-version SP status-code SP [ reason-phrase ]` (RFC 9112 §4).
    private static func statusLine(_ line: Range<Int>, in bytes: RawSpan) throws(HandshakeFault) -> StatusLine {
        let start = line.lowerBound
        guard line.count >= 12, let version = ProtocolVersion(bytes, start..<(start &+ 8)),
            bytes.byte(at: start &+ 8) == ASCII.space
        else { throw .malformedStatusLine }
        guard version.major == 1 else { throw .unsupportedHTTPVersion(version) }
        var status = 0
        for index in (start &+ 9)..<(start &+ 12) {
            guard bytes.byte(at: index).isDigit else { throw .malformedStatusLine }
            status = status &* 10 &+ Int(bytes.byte(at: index) &- ASCII.zero)
        }
        guard status >= 100 else { throw .malformedStatusLine }
        guard line.count > 12 else { return StatusLine(version: version, status: status, reason: "") }
        guard bytes.byte(at: start &+ 12) == ASCII.space else { throw .malformedStatusLine }
        return StatusLine(version: version, status: status, reason: bytes.text((start &+ 13)..<line.upperBound))
    }
}
