/// Reads the head of an HTTP/1.1 request, however its bytes are cut (RFC 9112 §2 to §5).
///
///     var parser = RequestHeadParser(limits: limits.handshake)
///     switch parser.parse(received.span.rawBytes) {     // all bytes since the head began, each time
///     case .needMoreBytes: …                         // read more, append, parse again
///     case .complete(let head, let headBytes): …     // what follows the first `headBytes` bytes is yours
///     case .invalid(let fault): …                    // answer with a Rejection and close
///     }
///
/// Strict, since leniency is what request smuggling is made of: lines end with CR LF, there is no line folding and no
/// whitespace before a colon. One empty line before the request line is skipped (RFC 9112 §2.2). All work together is
/// linear in the bytes of the head, and each limit is enforced at the first byte beyond it.
public struct RequestHeadParser: Sendable {
    public enum Result: Sendable, Hashable {
        /// The bytes so far are the beginning of a head.
        case needMoreBytes
        /// The head takes the first `headBytes` bytes. The next call begins a new head.
        case complete(RequestHead, headBytes: Int)
        /// This is no request that may be answered with anything but an error. Every later call says the same.
        case invalid(HandshakeFault)
    }

    private struct RequestLine: Sendable {
        var method: String
        var target: String
        var version: ProtocolVersion
    }

    private let limits: Limits.Handshake
    private var scanner: LineScanner
    private var requestLine: RequestLine?
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
            guard let requestLine = try self.parseRequestLine(bytes),
                let fields = try self.fields.parse(bytes, &self.scanner)
            else { return .needMoreBytes }
            let head = RequestHead(
                method: requestLine.method, target: requestLine.target, version: requestLine.version, fields: fields)
            let headBytes = self.scanner.lineStart
            try Self.checkHost(head)
            self = RequestHeadParser(limits: self.limits)
            return .complete(head, headBytes: headBytes)
        } catch {
            self.fault = error
            return .invalid(error)
        }
    }

    private mutating func parseRequestLine(_ bytes: RawSpan) throws(HandshakeFault) -> RequestLine? {
        if let requestLine = self.requestLine { return requestLine }
        while let first = try self.scanner.peek(in: bytes) {
            // TLS, SOCKS and binary noise are known by their first byte.
            let mayBeEmpty = self.scanner.lineStart == 0
            guard first.isTokenCharacter || (mayBeEmpty && first == ASCII.carriageReturn) else {
                throw .malformedRequestLine
            }
            let limit = self.limits.maxStartLineBytes
            guard let line = try self.scanner.next(in: bytes, limit: limit, tooLong: .startLineTooLong(limit: limit))
            else { return nil }
            if line.isEmpty { continue }
            self.requestLine = try Self.requestLine(line, in: bytes)
            return self.requestLine
        }
        return nil
    }

    /// `method SP request-target SP HTTP-version` (RFC 9112 §3).
    private static func requestLine(_ line: Range<Int>, in bytes: RawSpan) throws(HandshakeFault) -> RequestLine {
        var index = line.lowerBound
        while index < line.upperBound, bytes.byte(at: index).isTokenCharacter { index &+= 1 }
        let method = line.lowerBound..<index
        guard !method.isEmpty, index < line.upperBound, bytes.byte(at: index) == ASCII.space else {
            throw .malformedRequestLine
        }
        index &+= 1
        let targetStart = index
        while index < line.upperBound, bytes.byte(at: index) != ASCII.space { index &+= 1 }
        let target = targetStart..<index
        guard index < line.upperBound, let version = ProtocolVersion(bytes, (index &+ 1)..<line.upperBound) else {
            throw .malformedRequestLine
        }
        guard version.major == 1 else { throw .unsupportedHTTPVersion(version) }
        guard Self.isTarget(target, in: bytes) else { throw .invalidTarget }
        return RequestLine(method: bytes.text(method), target: bytes.text(target), version: version)
    }

    /// origin-form, absolute-form or `*` (RFC 9112 §3.2), without a fragment.
    private static func isTarget(_ target: Range<Int>, in bytes: RawSpan) -> Bool {
        guard !target.isEmpty else { return false }
        for index in target {
            let byte = bytes.byte(at: index)
            guard byte.isVisible, byte != ASCII.numberSign else { return false }
        }
        let first = bytes.byte(at: target.lowerBound)
        if first == ASCII.slash { return true }
        if target.count == 1 { return first == UInt8(ascii: "*") }

        // scheme "://" authority
        guard first.isLetter else { return false }
        var index = target.lowerBound
        while index < target.upperBound, bytes.byte(at: index).isSchemeCharacter { index &+= 1 }
        guard target.upperBound &- index > 3 else { return false }
        return bytes.byte(at: index) == ASCII.colon && bytes.byte(at: index &+ 1) == ASCII.slash
            && bytes.byte(at: index &+ 2) == ASCII.slash && bytes.byte(at: index &+ 3) != ASCII.slash
    }

    /// HTTP/1.1 needs one Host, and no version allows several (RFC 9112 §3.2).
    private static func checkHost(_ head: RequestHead) throws(HandshakeFault) {
        if let host = try head.fields.single("Host") {
            let value = head.fields.bytes.span.extracting(host).rawBytes
            // Empty is what a client sends whose URI has no authority.
            guard host.isEmpty || Authority.isValid(value) else { throw .invalidHost(head.fields.text(host)) }
        } else if head.version >= .http11 {
            throw .missingField("Host")
        }
        if let authority = head.authority, !Authority.isValid(authority) { throw .invalidHost(authority) }
    }
}

extension UInt8 {
    /// A character of a URI's scheme after the first (RFC 3986 §3.1).
    fileprivate var isSchemeCharacter: Bool {
        self.isLetter || self.isDigit || self == UInt8(ascii: "+") || self == ASCII.hyphen || self == ASCII.period
    }
}
