/// The grammar of an IPv6 address (RFC 3986 §3.2.2, RFC 4291 §2.2), without a zone.
enum IPv6Address {
    static func isValid(_ bytes: RawSpan) -> Bool {
        var groups = 0
        var isCompressed = false
        var index = 0
        let end = bytes.byteCount
        if end >= 2, bytes.byte(at: 0) == ASCII.colon, bytes.byte(at: 1) == ASCII.colon {
            isCompressed = true
            index = 2
        }
        while index < end {
            let start = index
            while index < end, index &- start < 4, bytes.byte(at: index).hexDigitValue != nil { index &+= 1 }
            if index < end, bytes.byte(at: index) == ASCII.period {
                // The last 32 bits as an IPv4 address.
                guard Self.isIPv4(bytes.extracting(start..<end)) else { return false }
                groups &+= 2
                index = end
                break
            }
            guard index > start, groups < 8 else { return false }
            groups &+= 1
            if index == end { break }
            guard bytes.byte(at: index) == ASCII.colon else { return false }
            index &+= 1
            guard index < end else { return false }
            if bytes.byte(at: index) == ASCII.colon {
                if isCompressed { return false }
                isCompressed = true
                index &+= 1
            }
        }
        return isCompressed ? groups < 8 : groups == 8
    }

    /// Four decimal numbers up to 255, without leading zeros.
    private static func isIPv4(_ bytes: RawSpan) -> Bool {
        var numbers = 0
        var index = 0
        while index < bytes.byteCount {
            let start = index
            var number = 0
            while index < bytes.byteCount, index &- start < 3, bytes.byte(at: index).isDigit {
                number = number &* 10 &+ Int(bytes.byte(at: index) &- ASCII.zero)
                index &+= 1
            }
            guard index > start, number <= 255, index &- start == 1 || bytes.byte(at: start) != ASCII.zero else {
                return false
            }
            numbers &+= 1
            if index == bytes.byteCount { break }
            guard bytes.byte(at: index) == ASCII.period, numbers < 4 else { return false }
            index &+= 1
            guard index < bytes.byteCount else { return false }
        }
        return numbers == 4
    }
}
