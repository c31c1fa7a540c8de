/// Checks that the pieces of a text message are UTF-8 (RFC 6455 §8.1, RFC 3629), wherever they are cut.
///
/// It says no at the first byte that no valid text can contain at its place: surrogates, overlong forms and values above
/// U+10FFFF are refused by their second byte at the latest.
public struct UTF8Validator: Sendable, Hashable {
    /// Continuation bytes that the code point at hand still lacks: 0 to 3.
    @usableFromInline var missing: UInt8 = 0
    /// The least and the greatest value its next byte may have.
    @usableFromInline var least: UInt8 = 0x80
    @usableFromInline var greatest: UInt8 = 0xBF

    @inlinable
    public init() {}

    /// Whether the text so far ends with a whole code point.
    @inlinable
    public var isComplete: Bool { self.missing == 0 }

    /// Whether `bytes` are valid as the continuation of what was given before.
    public mutating func validate(_ bytes: RawSpan) -> Bool {
        var start = 0
        while self.missing > 0, start < bytes.byteCount {
            guard self.accept(bytes.byte(at: start)) else { return false }
            start += 1
        }
        if start == bytes.byteCount { return true }
        // What is left begins with a code point. Its last one, three bytes at most, may be unfinished.
        let end = Self.endOfWholeCodePoints(bytes, from: start)
        guard Self.isValid(bytes.extracting(start..<end)) else { return false }
        for index in end..<bytes.byteCount {
            guard self.accept(bytes.byte(at: index)) else { return false }
        }
        return true
    }

    /// Whether `bytes` are valid UTF-8, complete in themselves.
    public static func isValid(_ bytes: RawSpan) -> Bool {
        if Self.isASCII(bytes) { return true }
        // Alive and in bounds: the pointer names all of the span, and stays inside the closure. Bytes have no alignment.
        return unsafe bytes.withUnsafeBytes { memory in
            (try? UTF8Span(validating: unsafe memory.bindMemory(to: UInt8.self).span)) != nil
        }
    }

    /// Eight bytes a step: most text on the wire is ASCII, and short.
    @inline(__always)
    private static func isASCII(_ bytes: RawSpan) -> Bool {
        let count = bytes.byteCount
        var high: UInt64 = 0
        var offset = 0
        while offset &+ 8 <= count {
            // In bounds: the condition of the loop says so. Any bits are an integer.
            high |= unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt64.self)
            if offset & 63 == 56 && high & 0x8080_8080_8080_8080 != 0 { return false }
            offset &+= 8
        }
        while offset < count {
            // In bounds: the condition of the loop says so.
            high |= UInt64(unsafe bytes.unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self))
            offset &+= 1
        }
        return high & 0x8080_8080_8080_8080 == 0
    }

    /// Where an unfinished code point at the end begins, or the end.
    private static func endOfWholeCodePoints(_ bytes: RawSpan, from start: Int) -> Int {
        var index = bytes.byteCount - 1
        let earliest = max(start, bytes.byteCount - 3)
        while index >= earliest {
            let byte = bytes.byte(at: index)
            if byte < 0x80 { return bytes.byteCount }
            if byte >= 0xC0 {
                let length = byte >= 0xF0 ? 4 : (byte >= 0xE0 ? 3 : 2)
                return bytes.byteCount - index < length ? index : bytes.byteCount
            }
            index -= 1
        }
        return bytes.byteCount
    }

    /// One byte, by the table of RFC 3629 §4.
    private mutating func accept(_ byte: UInt8) -> Bool {
        if self.missing > 0 {
            guard self.least <= byte && byte <= self.greatest else { return false }
            self.missing -= 1
            self.least = 0x80
            self.greatest = 0xBF
            return true
        }
        switch byte {
        case 0x00...0x7F: break
        case 0xC2...0xDF: self.missing = 1
        case 0xE0: (self.missing, self.least) = (2, 0xA0)
        case 0xE1...0xEC, 0xEE...0xEF: self.missing = 2
        case 0xED: (self.missing, self.greatest) = (2, 0x9F)
        case 0xF0: (self.missing, self.least) = (3, 0x90)
        case 0xF1...0xF3: self.missing = 3
        case 0xF4: (self.missing, self.greatest) = (3, 0x8F)
        default: return false  // 0x80 to 0xC1, 0xF5 to 0xFF
        }
        return true
    }
}
