/// A JSON value (RFC 8259) whose members keep their order.
package indirect enum JSON: Equatable {
    case null
    case bool(Bool)
    case integer(Int)
    /// Not a number and infinite ones become `null`.
    case number(Double)
    case string(String)
    case array([JSON])
    case object([Member])

    package struct Member: Equatable {
        package var name: String
        package var value: JSON

        package init(_ name: String, _ value: JSON) {
            self.name = name
            self.value = value
        }
    }

    static func text(_ value: String?) -> JSON { value.map { .string($0) } ?? .null }
    static func integer(_ value: UInt64) -> JSON { .integer(Int(clamping: value)) }

    /// Indented by two spaces; arrays and objects without arrays or objects in them on one line if they are in an array.
    package func written(indentation: Int = 0, isInArray: Bool = false) -> String {
        let inner = String(repeating: " ", count: indentation + 2)
        let outer = String(repeating: " ", count: indentation)
        switch self {
        case .null: return "null"
        case .bool(let value): return value ? "true" : "false"
        case .integer(let value): return String(value)
        case .number(let value): return Self.written(value)
        case .string(let value): return Self.quoted(value)
        case .array(let values):
            if values.isEmpty { return "[]" }
            if values.allSatisfy(\.isScalar) { return "[" + values.map { $0.written() }.joined(separator: ", ") + "]" }
            let lines = values.map { inner + $0.written(indentation: indentation + 2, isInArray: true) }
            return "[\n" + lines.joined(separator: ",\n") + "\n\(outer)]"
        case .object(let members):
            if members.isEmpty { return "{}" }
            if isInArray, members.allSatisfy(\.value.isScalar) {
                let parts = members.map { "\(Self.quoted($0.name)): \($0.value.written())" }
                return "{" + parts.joined(separator: ", ") + "}"
            }
            let lines = members.map {
                "\(inner)\(Self.quoted($0.name)): \($0.value.written(indentation: indentation + 2))"
            }
            return "{\n" + lines.joined(separator: ",\n") + "\n\(outer)}"
        }
    }

    private var isScalar: Bool {
        switch self {
        case .array, .object: false
        case .null, .bool, .integer, .number, .string: true
        }
    }

    /// Six digits after the point at most: these are measurements.
    private static func written(_ value: Double) -> String {
        guard value.isFinite else { return "null" }
        if value == value.rounded(), value.magnitude < 1e15 { return String(Int(value)) }
        guard value.magnitude < 1e9 else { return Figures.decimals(value, 0) }
        var text = Figures.decimals(value, 6)
        while text.hasSuffix("0") { text.removeLast() }
        if text.hasSuffix(".") { text.removeLast() }
        return text
    }

    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\r": quoted += "\\r"
            case "\t": quoted += "\\t"
            case "\u{0}"..."\u{1F}", "\u{7F}", "\u{2028}", "\u{2029}":
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
