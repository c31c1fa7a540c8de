#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Android)
import Android
#endif

/// The clock of the system.
enum UnixTime {
    /// Seconds since 1970.
    static var now: Int64 { Int64(time(nil)) }
}

/// The field Retry-After (RFC 9110 §10.2.3): a number of seconds, or a date.
enum RetryAfter {
    /// How long to wait; `nil` without the field, or if it cannot be read. A date that has passed is no time at all.
    ///
    /// - Parameter now: seconds since 1970.
    static func delay(_ value: String?, now: Int64) -> Duration? {
        guard let value, !value.isEmpty else { return nil }
        if value.utf8.allSatisfy({ 0x30...0x39 ~= $0 }) {
            // More than can be counted is as long as can be.
            return .seconds(min(Int64(value) ?? .max, Self.longest))
        }
        guard let date = HTTPDate.seconds(value) else { return nil }
        return .seconds(min(max(0, date - now), Self.longest))
    }

    /// A hundred years: what is longer than anybody waits, and far from any overflow.
    private static let longest: Int64 = 100 * 366 * 86_400
}

/// The three forms of a date in HTTP (RFC 9110 §5.6.7).
///
///     Sun, 06 Nov 1994 08:49:37 GMT      what is sent today
///     Sunday, 06-Nov-94 08:49:37 GMT     of RFC 850
///     Sun Nov  6 08:49:37 1994           of C's asctime
enum HTTPDate {
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// Seconds since 1970; `nil` if it is no date. The name of the day is not looked at.
    static func seconds(_ text: String) -> Int64? {
        let parts = text.split { $0 == " " || $0 == "-" || $0 == "," }.map(String.init)
        switch parts.count {
        case 6 where text.contains(","):
            guard parts[5] == "GMT", var year = Self.number(parts[3]) else { return nil }
            // Two digits: of a year that is not more than fifty years ahead. Nobody has sent one since the last century.
            if parts[3].utf8.count == 2 { year += year < 70 ? 2000 : 1900 }
            return Self.seconds(year, parts[2], parts[1], parts[4])
        case 5:
            guard let year = Self.number(parts[4]) else { return nil }
            return Self.seconds(year, parts[1], parts[2], parts[3])
        default: return nil
        }
    }

    private static func seconds(_ year: Int64, _ month: String, _ day: String, _ time: String) -> Int64? {
        let clock = time.split(separator: ":", omittingEmptySubsequences: false).compactMap { Self.number(String($0)) }
        guard let month = Self.months.firstIndex(of: month), let day = Self.number(day), 1...31 ~= day,
            1970...9999 ~= year, clock.count == 3, clock[0] < 24, clock[1] < 60, clock[2] <= 60
        else { return nil }
        return Self.days(year, Int64(month) + 1, day) * 86_400 + clock[0] * 3600 + clock[1] * 60 + clock[2]
    }

    /// Days since 1970: a year that begins in March has its leap day at the end.
    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let year = month <= 2 ? year - 1 : year
        let era = year / 400
        let yearOfEra = year - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    /// Up to four digits.
    private static func number(_ text: String) -> Int64? {
        guard 1...4 ~= text.utf8.count, text.utf8.allSatisfy({ 0x30...0x39 ~= $0 }) else { return nil }
        return Int64(text)
    }
}
