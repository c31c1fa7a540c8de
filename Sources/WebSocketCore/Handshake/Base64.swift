/// Base64 with padding (RFC 4648 §4).
package enum Base64 {
    /// The text of `bytes`, as ASCII: four characters for each three bytes begun.
    package static func encode(_ bytes: [UInt8]) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count &+ 2) / 3 &* 4)
        var index = 0
        while index < bytes.count {
            let left = bytes.count &- index
            let group =
                UInt32(bytes[index]) &<< 16 | (left > 1 ? UInt32(bytes[index &+ 1]) &<< 8 : 0)
                | (left > 2 ? UInt32(bytes[index &+ 2]) : 0)
            text.append(Self.character(group &>> 18))
            text.append(Self.character(group &>> 12))
            text.append(left > 1 ? Self.character(group &>> 6) : ASCII.equals)
            text.append(left > 2 ? Self.character(group) : ASCII.equals)
            index &+= 3
        }
        return text
    }

    /// The bytes of `text`, which must be what ``encode(_:)`` makes of them; `nil` if it is not.
    package static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        guard text.count % 4 == 0 else { return nil }
        var bytes: [UInt8] = []
        var group: UInt32 = 0
        var count = 0
        var padding = 0
        for character in text {
            if character == ASCII.equals {
                padding += 1
                guard padding <= 2 else { return nil }
                group = group &<< 6
            } else {
                guard padding == 0, let value = Self.value(character) else { return nil }
                group = group &<< 6 | UInt32(value)
            }
            count += 1
            guard count % 4 == 0 else { continue }
            for shift in [16, 8, 0] as [UInt32] { bytes.append(UInt8(truncatingIfNeeded: group &>> shift)) }
            group = 0
        }
        // What the padding leaves over must be zero (RFC 4648 §3.5).
        guard bytes.suffix(padding).allSatisfy({ $0 == 0 }) else { return nil }
        return bytes.dropLast(padding)
    }

    /// Whether `text` is what ``encode(_:)`` makes of 16 bytes: 24 characters, the last two of them padding, and the
    /// bits that the padding leaves over all zero (RFC 4648 §3.5).
    static func isEncodingOf16Bytes(_ text: ArraySlice<UInt8>) -> Bool {
        guard text.count == 24, text.suffix(2).allSatisfy({ $0 == ASCII.equals }) else { return false }
        var last: UInt8 = 0
        for character in text.dropLast(2) {
            guard let value = Self.value(character) else { return false }
            last = value
        }
        return last & 0x0F == 0
    }

    @inline(__always)
    private static func character(_ bits: UInt32) -> UInt8 {
        let value = UInt8(truncatingIfNeeded: bits & 63)
        switch value {
        case 0..<26: return value &+ 0x41
        case 26..<52: return value &- 26 &+ 0x61
        case 52..<62: return value &- 52 &+ ASCII.zero
        case 62: return UInt8(ascii: "+")
        default: return ASCII.slash
        }
    }

    @inline(__always)
    private static func value(_ character: UInt8) -> UInt8? {
        switch character {
        case 0x41...0x5A: character &- 0x41
        case 0x61...0x7A: character &- 0x61 &+ 26
        case ASCII.zero...ASCII.nine: character &- ASCII.zero &+ 52
        case UInt8(ascii: "+"): 62
        case ASCII.slash: 63
        default: nil
        }
    }
}
