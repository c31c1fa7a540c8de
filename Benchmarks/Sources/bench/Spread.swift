/// The same thing measured several times: the median, and how far the rounds lie apart.
struct Spread: Equatable {
    let median: Double
    let least: Double
    let greatest: Double

    /// `nil` if nothing was measured.
    init?(_ values: [Double]) {
        let sorted = values.sorted()
        guard let least = sorted.first, let greatest = sorted.last else { return nil }
        let middle = sorted.count / 2
        self.median = sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
        self.least = least
        self.greatest = greatest
    }

    init?(_ values: some Sequence<Int>) { self.init(values.map(Double.init)) }
}

extension Double {
    /// With a fixed number of digits behind the point: `3.14159.text(2)` is `3.14`.
    func text(_ digits: Int = 0) -> String {
        let scale = (0..<digits).reduce(1.0) { scale, _ in scale * 10 }
        let scaled = Int64((self.magnitude * scale).rounded())
        let whole = "\(self < 0 && scaled > 0 ? "-" : "")\(scaled / Int64(scale))"
        if digits == 0 { return whole }
        let fraction = "\(scaled % Int64(scale))"
        return "\(whole).\(String(repeating: "0", count: digits - fraction.count))\(fraction)"
    }
}
