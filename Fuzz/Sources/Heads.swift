// What the targets for the two kinds of heads share.

import WebSocketCore

/// The defaults, or limits so low that each of them is met.
func headLimits(_ choice: UInt8) -> Limits.Handshake {
    var limits = Limits.Handshake()
    guard choice & 1 == 1 else { return limits }
    limits.maxHeadBytes = choice & 2 == 0 ? 256 : 64
    limits.maxStartLineBytes = choice & 4 == 0 ? 64 : 24
    limits.maxFieldBytes = choice & 8 == 0 ? 48 : 16
    limits.maxFields = choice & 16 == 0 ? 4 : 0
    return limits
}

/// The fields of a parsed head are within the limits, well-formed, and found by their names.
func checkFields(_ fields: HeaderFields, _ limits: Limits.Handshake) {
    require(fields.count <= limits.maxFields, "\(fields.count) fields, the limit is \(limits.maxFields)")
    for (name, value) in fields {
        require(!name.isEmpty, "a field without a name")
        require(!value.utf8.contains { $0 < 0x20 && $0 != 0x09 || $0 == 0x7F }, "a control character in \(name)")
        require(fields[name] != nil && fields.count(of: name) > 0, "\(name) is not found")
        require(fields.values(for: name).contains(value), "\(name) has another value")
        _ = fields.contains(name, token: value)
    }
    for line in ["Sec-WebSocket-Extensions", "Connection", "Cookie"] {
        let values = fields.values(for: line)
        guard let offers = try? ExtensionOffer.parse(values) else { continue }
        let again = try? ExtensionOffer.parse(offers.map(\.description))
        require(again == offers, "written again: \(String(describing: again)), not \(offers)")
    }
}

/// Writes the fields and the empty line behind them.
///
/// - Returns: `false` if a value was not UTF-8, so that its text is not what it was.
func write(_ fields: HeaderFields, to bytes: inout [UInt8]) -> Bool {
    for (name, value) in fields {
        if value.unicodeScalars.contains("\u{FFFD}") { return false }
        bytes.append(contentsOf: "\(name): \(value)\r\n".utf8)
    }
    bytes.append(contentsOf: "\r\n".utf8)
    return true
}
