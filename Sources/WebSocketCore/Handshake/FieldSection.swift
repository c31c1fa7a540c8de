/// The header fields of a head while they arrive: where each is, and whether it is well-formed (RFC 9112 §5).
struct FieldSection: Sendable {
    private let maxFieldBytes: Int
    private let maxFields: Int
    private var lines: [HeaderFields.Line] = []

    init(_ limits: Limits.Handshake) {
        self.maxFieldBytes = limits.maxFieldBytes
        self.maxFields = limits.maxFields
    }

    /// Takes what there is of the fields.
    ///
    /// - Returns: the fields, once the empty line behind them is there; `nil` before.
    mutating func parse(_ bytes: RawSpan, _ scanner: inout LineScanner) throws(HandshakeFault) -> HeaderFields? {
        while let first = try scanner.peek(in: bytes) {
            if first.isWhitespace { throw .foldedField }
            if self.lines.count >= self.maxFields, first.isFieldContent { throw .tooManyFields(limit: self.maxFields) }
            let tooLarge = HandshakeFault.fieldTooLarge(limit: self.maxFieldBytes)
            guard let line = try scanner.next(in: bytes, limit: self.maxFieldBytes, tooLong: tooLarge) else {
                return nil
            }
            if line.isEmpty { return try self.finish(bytes.extracting(0..<scanner.lineStart)) }
            if self.lines.isEmpty { self.lines.reserveCapacity(min(self.maxFields, 16)) }
            self.lines.append(try Self.field(line, in: bytes))
        }
        return nil
    }

    /// `field-name ":" OWS field-value OWS` (RFC 9112 §5).
    private static func field(_ line: Range<Int>, in bytes: RawSpan) throws(HandshakeFault) -> HeaderFields.Line {
        var index = line.lowerBound
        while index < line.upperBound, bytes.byte(at: index).isTokenCharacter { index &+= 1 }
        guard index > line.lowerBound, index < line.upperBound, bytes.byte(at: index) == ASCII.colon else {
            // No whitespace is allowed between name and colon (RFC 9112 §5.1): it has been used to smuggle requests.
            while index < line.upperBound, bytes.byte(at: index) != ASCII.colon { index &+= 1 }
            if index == line.upperBound { throw .fieldWithoutColon }
            throw .invalidFieldName(bytes.text(line.lowerBound..<index))
        }
        let value = HeaderFields.trimmed((index &+ 1)..<line.upperBound, in: bytes)
        return HeaderFields.Line(
            nameStart: UInt32(truncatingIfNeeded: line.lowerBound), nameEnd: UInt32(truncatingIfNeeded: index),
            valueStart: UInt32(truncatingIfNeeded: value.lowerBound),
            valueEnd: UInt32(truncatingIfNeeded: value.upperBound))
    }

    /// The fields as a value of their own, if they agree on where the message ends (RFC 9112 §6.3).
    private mutating func finish(_ head: RawSpan) throws(HandshakeFault) -> HeaderFields {
        // Both exactly as large as they must be: a connection may keep them as long as it lives.
        let fields = HeaderFields(bytes: [UInt8](copying: head), lines: self.lines.copied())
        self.lines = []
        if fields.count(of: "Content-Length") > 0 {
            guard fields.contentLength != nil else { throw .invalidContentLength }
            if fields.count(of: "Transfer-Encoding") > 0 { throw .contentLengthWithTransferEncoding }
        }
        return fields
    }
}
