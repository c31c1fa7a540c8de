/// The characters of HTTP's grammar, as bytes (RFC 9110 §5.5, §5.6.2; RFC 5234 appendix B.1).
enum ASCII {
    static let tab: UInt8 = 0x09
    static let lineFeed: UInt8 = 0x0A
    static let carriageReturn: UInt8 = 0x0D
    static let space: UInt8 = 0x20
    static let quote: UInt8 = 0x22
    static let numberSign: UInt8 = 0x23
    static let percent: UInt8 = 0x25
    static let comma: UInt8 = 0x2C
    static let hyphen: UInt8 = 0x2D
    static let period: UInt8 = 0x2E
    static let slash: UInt8 = 0x2F
    static let zero: UInt8 = 0x30
    static let nine: UInt8 = 0x39
    static let colon: UInt8 = 0x3A
    static let semicolon: UInt8 = 0x3B
    static let equals: UInt8 = 0x3D
    static let question: UInt8 = 0x3F
    static let at: UInt8 = 0x40
    static let leftBracket: UInt8 = 0x5B
    static let backslash: UInt8 = 0x5C
    static let rightBracket: UInt8 = 0x5D
    static let delete: UInt8 = 0x7F
}

extension UInt8 {
    /// `tchar`: a character of a token such as a method, a field name or a subprotocol (RFC 9110 §5.6.2).
    @inline(__always)
    var isTokenCharacter: Bool {
        // One bit for each of the 128 ASCII characters.
        let (low, high): (UInt64, UInt64) = (0x03FF_6CFA_0000_0000, 0x57FF_FFFF_C7FF_FFFE)
        if self < 64 { return (low &>> UInt64(self)) & 1 == 1 }
        return self < 128 && (high &>> UInt64(self &- 64)) & 1 == 1
    }

    /// What a field value may hold: visible characters, space, tab and the bytes from 0x80 on (RFC 9110 §5.5).
    @inline(__always)
    var isFieldContent: Bool { self >= ASCII.space ? self != ASCII.delete : self == ASCII.tab }

    /// Optional whitespace, `OWS` (RFC 9110 §5.6.3).
    @inline(__always)
    var isWhitespace: Bool { self == ASCII.space || self == ASCII.tab }

    /// A printing character that is not a space (`VCHAR`, RFC 5234).
    @inline(__always)
    var isVisible: Bool { self > ASCII.space && self < ASCII.delete }

    @inline(__always)
    var isDigit: Bool { self >= ASCII.zero && self <= ASCII.nine }

    @inline(__always)
    var isLetter: Bool { (self | 0x20) >= 0x61 && (self | 0x20) <= 0x7A }

    /// The value of a hexadecimal digit.
    var hexDigitValue: UInt8? {
        switch self {
        case ASCII.zero...ASCII.nine: self &- ASCII.zero
        case 0x41...0x46: self &- 0x41 &+ 10
        case 0x61...0x66: self &- 0x61 &+ 10
        default: nil
        }
    }

    /// `A` to `Z` become `a` to `z`; every other byte stays what it is.
    @inline(__always)
    var lowercased: UInt8 { self >= 0x41 && self <= 0x5A ? self | 0x20 : self }
}

extension String {
    /// Whether this is a token: one character or more, each a `tchar` (RFC 9110 §5.6.2).
    var isToken: Bool { !self.isEmpty && self.utf8.allSatisfy(\.isTokenCharacter) }

    /// Equal but for the case of ASCII letters.
    func equalsIgnoringCase(_ other: String) -> Bool {
        guard self.utf8.count == other.utf8.count else { return false }
        return zip(self.utf8, other.utf8).allSatisfy { $0.lowercased == $1.lowercased }
    }

    /// `A` to `Z` become `a` to `z`; every other character stays what it is, without Unicode's rules.
    var asciiLowercased: String {
        let bytes = self.utf8Span.span
        // In bounds: there is room for as many bytes. Initialized: all of them.
        return unsafe String(unsafeUninitializedCapacity: bytes.count) { memory in
            for index in bytes.indices { unsafe memory[index] = bytes[index].lowercased }
            return bytes.count
        }
    }

    /// What an error message quotes of a peer's text: at most 64 characters, all in one line.
    package var excerpt: String {
        let first = self.unicodeScalars.prefix(65)
        return first.count > 64 ? "\(String(first.prefix(64)).inOneLine)…" : self.inOneLine
    }

    /// The text without what would begin a line of its own, or change how a terminal shows the rest.
    var inOneLine: String {
        var text = String.UnicodeScalarView()
        for scalar in self.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator: text.append("\u{FFFD}")
            case _: text.append(scalar)
            }
        }
        return String(text)
    }
}

extension [String] {
    /// Whether one of them has the very bytes of `text`: strings of other bytes can be equal to it.
    func contains(bytesOf text: String) -> Bool { self.contains { $0.utf8.elementsEqual(text.utf8) } }
}
