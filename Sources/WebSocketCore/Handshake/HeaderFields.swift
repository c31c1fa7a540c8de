/// The header fields of a request or a response, in the order in which they were sent (RFC 9110 §5).
///
/// Names are compared without regard to ASCII case. Several lines may have the same name: ``values(for:)`` has them
/// all, ``subscript(_:)-(String)`` the first. The fields of a parsed head live in one copy of its bytes, with one small
/// record per field: two allocations, whatever their number; text is made when it is asked for.
///
///     GET / HTTP/1.1␍␊Host: a.example␍␊␍␊
///                     ╰──╯  ╰───────╯
///                     name    value
///
/// A `description` shows names only: values carry credentials.
public struct HeaderFields: Sendable, Hashable {
    /// Where in ``bytes`` one field is.
    struct Line: Sendable, Hashable {
        var nameStart: UInt32
        var nameEnd: UInt32
        var valueStart: UInt32
        var valueEnd: UInt32

        var name: Range<Int> { Int(self.nameStart)..<Int(self.nameEnd) }
        var value: Range<Int> { Int(self.valueStart)..<Int(self.valueEnd) }
    }

    /// A name or a value that must not be sent: it would change where the field, or the whole head, ends.
    public enum InvalidField: Error, Sendable, Hashable, CustomStringConvertible {
        /// The name is not a token (RFC 9110 §5.1).
        case name(String)
        /// The value of the named field holds CR, LF, NUL or another control character (RFC 9110 §5.5).
        case value(name: String)
        /// All fields together would be larger than 2 GiB.
        case tooLarge

        public var description: String {
            switch self {
            case .name(let name): "\"\(name.excerpt)\" is not the name of a header field: it must be a token"
            case .value(let name): "the value of the header field \(name.excerpt) holds a control character"
            case .tooLarge: "the header fields are larger than 2 GiB"
            }
        }
    }

    private(set) var bytes: [UInt8]
    private(set) var lines: [Line]

    /// No fields.
    public init() {
        self.bytes = []
        self.lines = []
    }

    /// `lines` must lie in `bytes`.
    init(bytes: [UInt8], lines: [Line]) {
        self.bytes = bytes
        self.lines = lines
    }

    init(reservingBytes bytes: Int, fields: Int) {
        self.init()
        self.bytes.reserveCapacity(bytes)
        self.lines.reserveCapacity(fields)
    }

    /// Adds a field after the others; one of the same name stays. Whitespace around the value is dropped.
    ///
    /// - Throws: ``InvalidField`` if the name is not a token, or the value holds a control character other than a tab.
    ///   Bytes from 0x80 on are allowed in a value (RFC 9110 §5.5).
    public mutating func append(_ name: String, _ value: String) throws(InvalidField) {
        guard name.isToken else { throw .name(name) }
        guard value.utf8.allSatisfy(\.isFieldContent) else { throw .value(name: name) }
        let total = self.bytes.count &+ name.utf8.count &+ value.utf8.count
        guard total <= Int(Int32.max) else { throw .tooLarge }
        self.appendValid(name, value.utf8)
    }

    /// Adds a field that is known to be valid.
    mutating func appendValid(_ name: String, _ value: some Sequence<UInt8>) {
        let nameStart = self.bytes.count
        self.bytes.append(contentsOf: name.utf8)
        let nameEnd = self.bytes.count
        self.bytes.append(contentsOf: value)
        self.appendLine(nameStart..<nameEnd, Self.trimmed(nameEnd..<self.bytes.count, in: self.bytes.span.rawBytes))
    }

    /// Adds every field of `other`.
    mutating func append(_ other: HeaderFields) {
        for line in other.lines {
            let nameStart = self.bytes.count
            self.bytes.append(contentsOf: other.bytes[line.name])
            let nameEnd = self.bytes.count
            self.bytes.append(contentsOf: other.bytes[line.value])
            self.appendLine(nameStart..<nameEnd, nameEnd..<self.bytes.count)
        }
    }

    private mutating func appendLine(_ name: Range<Int>, _ value: Range<Int>) {
        self.lines.append(
            Line(
                nameStart: UInt32(truncatingIfNeeded: name.lowerBound),
                nameEnd: UInt32(truncatingIfNeeded: name.upperBound),
                valueStart: UInt32(truncatingIfNeeded: value.lowerBound),
                valueEnd: UInt32(truncatingIfNeeded: value.upperBound)))
    }

    /// Removes every field of this name. Does nothing if there is none.
    public mutating func removeAll(named name: String) {
        let bytes = self.bytes
        self.lines.removeAll { Self.matches(bytes, $0.name, name) }
    }

    /// The value of the first field of this name, without the whitespace around it; `nil` if there is none.
    /// Bytes that are not UTF-8 become U+FFFD.
    public subscript(name: String) -> String? {
        for line in self.lines where Self.matches(self.bytes, line.name, name) { return self.text(line.value) }
        return nil
    }

    /// The values of all fields of this name, in order.
    public func values(for name: String) -> [String] {
        self.ranges(of: name).map { self.text($0) }
    }

    /// How many fields have this name.
    public func count(of name: String) -> Int {
        var count = 0
        for line in self.lines where Self.matches(self.bytes, line.name, name) { count &+= 1 }
        return count
    }

    /// Whether the comma-separated list that the fields of this name make up has `token` as a member, without regard
    /// to ASCII case (RFC 9110 §5.6.1): `Connection: keep-alive, Upgrade` contains `upgrade`.
    public func contains(_ name: String, token: String) -> Bool {
        for line in self.lines where Self.matches(self.bytes, line.name, name) {
            var start = line.value.lowerBound
            while let element = self.nextElement(from: &start, to: line.value.upperBound) {
                if Self.matches(self.bytes, element, token) { return true }
            }
        }
        return false
    }

    /// Where the values of the fields of this name are, in order.
    func ranges(of name: String) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        for line in self.lines where Self.matches(self.bytes, line.name, name) { ranges.append(line.value) }
        return ranges
    }

    /// Where the value of the only field of this name is; `nil` if there is none.
    func single(_ name: String) throws(HandshakeFault) -> Range<Int>? {
        var found: Range<Int>?
        for line in self.lines where Self.matches(self.bytes, line.name, name) {
            if found != nil { throw .duplicateField(name) }
            found = line.value
        }
        return found
    }

    /// The members of the comma-separated list that the fields of this name make up. Empty ones are ignored (RFC 9110
    /// §5.6.1.2).
    func elements(of name: String) -> [String] {
        var elements: [String] = []
        for line in self.lines where Self.matches(self.bytes, line.name, name) {
            var start = line.value.lowerBound
            while let element = self.nextElement(from: &start, to: line.value.upperBound) {
                if !element.isEmpty { elements.append(self.text(element)) }
            }
        }
        return elements
    }

    /// The member of a comma-separated list that begins at `start`, trimmed; moves `start` behind its comma, and past
    /// `end` after the last one.
    private func nextElement(from start: inout Int, to end: Int) -> Range<Int>? {
        guard start <= end else { return nil }
        var index = start
        while index < end, self.bytes[index] != ASCII.comma { index &+= 1 }
        let element = Self.trimmed(start..<index, in: self.bytes.span.rawBytes)
        start = index &+ 1
        return element
    }

    func text(_ range: Range<Int>) -> String { String(decoding: self.bytes[range], as: UTF8.self) }

    /// Whether `range` of `bytes` is `text`, without regard to ASCII case.
    @inline(__always)
    static func matches(_ bytes: [UInt8], _ range: Range<Int>, _ text: String) -> Bool {
        // Nearly every field that is compared differs in its length.
        range.count == text.utf8.count && Self.matchesBytes(bytes, from: range.lowerBound, text)
    }

    private static func matchesBytes(_ bytes: [UInt8], from start: Int, _ text: String) -> Bool {
        let text = text.utf8Span.span
        for index in text.indices where bytes[start &+ index].lowercased != text[index].lowercased { return false }
        return true
    }

    /// `range` without the spaces and tabs at its ends (RFC 9110 §5.5).
    static func trimmed(_ range: Range<Int>, in bytes: RawSpan) -> Range<Int> {
        var start = range.lowerBound
        var end = range.upperBound
        while start < end, bytes.byte(at: start).isWhitespace { start &+= 1 }
        while end > start, bytes.byte(at: end &- 1).isWhitespace { end &-= 1 }
        return start..<end
    }
}

extension HeaderFields: RandomAccessCollection {
    public typealias Element = (name: String, value: String)

    public var startIndex: Int { 0 }
    public var endIndex: Int { self.lines.count }

    /// The field at `position`, which must lie in `0..<count`: its name as it was written, and its value.
    public subscript(position: Int) -> Element {
        let line = self.lines[position]
        return (self.text(line.name), self.text(line.value))
    }
}

extension HeaderFields: ExpressibleByDictionaryLiteral {
    /// The fields of a literal, in its order; a name may occur several times. A name or value for which
    /// ``append(_:_:)`` throws is a mistake in the program and stops it.
    public init(dictionaryLiteral elements: (String, String)...) {
        self.init()
        for (name, value) in elements {
            do {
                try self.append(name, value)
            } catch {
                preconditionFailure("\(error)")
            }
        }
    }
}

extension HeaderFields {
    /// Equal if the same fields come in the same order, names compared without regard to ASCII case.
    public static func == (left: HeaderFields, right: HeaderFields) -> Bool {
        guard left.lines.count == right.lines.count else { return false }
        return zip(left.lines, right.lines).allSatisfy { mine, other in
            left.bytes[mine.value] == right.bytes[other.value] && mine.name.count == other.name.count
                && zip(left.bytes[mine.name], right.bytes[other.name]).allSatisfy { $0.lowercased == $1.lowercased }
        }
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(self.lines.count)
        for line in self.lines {
            for byte in self.bytes[line.name] { hasher.combine(byte.lowercased) }
            hasher.combine(self.bytes[line.value])
        }
    }
}

extension HeaderFields: CustomStringConvertible {
    /// The names of the fields; values may be credentials.
    public var description: String { "[\(self.lines.map { self.text($0.name) }.joined(separator: ", "))]" }
}
