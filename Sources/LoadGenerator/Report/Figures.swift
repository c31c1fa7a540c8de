/// Numbers as people read them.
package enum Figures {
    /// `1,234,567`
    package static func grouped(_ value: Int) -> String {
        let digits = Array(String(value.magnitude))
        var text = value < 0 ? "-" : ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { text.append(",") }
            text.append(digit)
        }
        return text
    }

    /// With so many digits after the point, the rest rounded.
    package static func decimals(_ value: Double, _ places: Int) -> String {
        guard value.isFinite, value.magnitude < 1e15 else { return "\(value)" }
        var factor = 1.0
        for _ in 0..<places { factor *= 10 }
        let scaled = Int((value.magnitude * factor).rounded())
        let sign = value < 0 && scaled > 0 ? "-" : ""
        if places == 0 { return sign + String(scaled) }
        let fraction = String(scaled % Int(factor))
        let zeros = String(repeating: "0", count: places - fraction.count)
        return "\(sign)\(scaled / Int(factor)).\(zeros)\(fraction)"
    }

    /// Three digits that count, and no more than the number has: `1.23`, `12.3`, `123`, `1,234`.
    package static func short(_ value: Double) -> String {
        if value.magnitude >= 99.95 { return Self.grouped(Int(min(value.rounded(), 1e15))) }
        return Self.decimals(value, value.magnitude >= 9.995 ? 1 : 2)
    }

    /// `12.3 µs`, `1.50 ms`, `2.00 s`
    package static func time(_ nanoseconds: Double) -> String {
        switch nanoseconds {
        case ..<999.5: "\(Int(nanoseconds.rounded())) ns"
        case ..<999_500: "\(Self.short(nanoseconds / 1e3)) µs"
        case ..<999_500_000: "\(Self.short(nanoseconds / 1e6)) ms"
        default: "\(Self.short(nanoseconds / 1e9)) s"
        }
    }

    package static func time(_ nanoseconds: UInt64) -> String { Self.time(Double(nanoseconds)) }

    /// `20 B`, `1.50 KiB`, `64.0 MiB`
    package static func bytes(_ count: Double) -> String {
        switch count {
        case ..<1024: "\(Int(count.rounded())) B"
        case ..<0x1p20: "\(Self.short(count / 0x1p10)) KiB"
        case ..<0x1p30: "\(Self.short(count / 0x1p20)) MiB"
        default: "\(Self.short(count / 0x1p30)) GiB"
        }
    }

    /// `10 s`, `1 min 30 s`, `0.5 s`
    package static func duration(_ seconds: Double) -> String {
        if seconds >= 60 {
            let rest = Int(seconds.rounded()) % 60
            let minutes = Int(seconds.rounded()) / 60
            return rest == 0 ? "\(minutes) min" : "\(minutes) min \(rest) s"
        }
        return seconds == seconds.rounded() ? "\(Int(seconds)) s" : "\(Self.decimals(seconds, seconds < 1 ? 3 : 1)) s"
    }

    /// A bar of so many cells, to an eighth of a cell.
    package static func bar(_ share: Double, width: Int) -> String {
        let eighths = Int((min(max(share, 0), 1) * Double(width * 8)).rounded())
        let parts = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"]
        return String(repeating: "█", count: eighths / 8) + parts[eighths % 8]
    }
}

extension String {
    /// Filled up with spaces behind it.
    func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - self.count)) }

    /// Filled up with spaces before it.
    func aligned(to width: Int) -> String { String(repeating: " ", count: max(0, width - self.count)) + self }
}
