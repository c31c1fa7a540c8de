/// Sizes, times and rates as people write them.
package enum Quantity {
    /// A number of bytes: `64`, `1k`, `64KiB`, `1M`. The units are powers of 1024.
    /// - Returns: `nil` for what is none, or is more than 2⁶³ - 1.
    package static func bytes(_ text: String) -> Int? {
        guard let (number, unit) = Self.split(text) else { return nil }
        let shift: Int
        switch unit.lowercased() {
        case "", "b": shift = 0
        case "k", "kb", "kib": shift = 10
        case "m", "mb", "mib": shift = 20
        case "g", "gb", "gib": shift = 30
        default: return nil
        }
        let bytes = number * Double(1 << shift)
        guard bytes < 0x1p63, bytes == bytes.rounded() else { return nil }
        return Int(bytes)
    }

    /// A time: `10s`, `500ms`, `250us`, `2m`, `1h`, `1m30s`; a number without a unit is seconds.
    /// - Returns: `nil` for what is none, or is more than ten years.
    package static func duration(_ text: String) -> Duration? {
        var rest = Substring(text)
        var seconds = 0.0
        var isFirst = true
        while !rest.isEmpty {
            let part = rest.prefix { $0.isNumber || $0 == "." }
            rest = rest.dropFirst(part.count)
            let unit = rest.prefix { !$0.isNumber && $0 != "." }
            rest = rest.dropFirst(unit.count)
            guard let (number, _) = Self.split(String(part)) else { return nil }
            switch unit.lowercased() {
            case "ns": seconds += number / 1e9
            case "us", "µs": seconds += number / 1e6
            case "ms": seconds += number / 1e3
            case "s", "sec": seconds += number
            case "m", "min": seconds += number * 60
            case "h": seconds += number * 3600
            case "" where isFirst && rest.isEmpty: seconds += number
            default: return nil
            }
            isFirst = false
        }
        guard !isFirst, seconds < 86_400 * 3_653 else { return nil }
        return .nanoseconds(Int64((seconds * 1e9).rounded()))
    }

    /// So many in a second: `1000`, `10k`, `1.5M`, `0.5`, each with or without `/s`.
    package static func rate(_ text: String) -> Double? {
        let number = text.hasSuffix("/s") ? String(text.dropLast(2)) : text
        guard let (value, unit) = Self.split(number) else { return nil }
        switch unit.lowercased() {
        case "": return value
        case "k": return value * 1e3
        case "m": return value * 1e6
        default: return nil
        }
    }

    /// Digits with at most one point between them, and what follows.
    private static func split(_ text: String) -> (number: Double, unit: String)? {
        let digits = text.prefix { ("0"..."9").contains($0) || $0 == "." }
        guard let first = digits.first, first != ".", digits.last != ".", digits.filter({ $0 == "." }).count <= 1,
            let number = Double(digits)
        else { return nil }
        return (number, String(text.dropFirst(digits.count)))
    }
}

extension Duration {
    /// Zero for a negative one, and what does not fit clamped.
    var wholeNanoseconds: UInt64 {
        let (seconds, attoseconds) = self.components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let (whole, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? .max : whole &+ UInt64(attoseconds) / 1_000_000_000
    }

    var inSeconds: Double { Double(self.wholeNanoseconds) / 1e9 }
}
