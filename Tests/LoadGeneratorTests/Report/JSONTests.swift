import Foundation
import LoadGenerator
import Testing

@Suite("JSON")
struct JSONTests {
    @Test(
        "values",
        arguments: [
            (JSON.null, "null"), (.bool(true), "true"), (.integer(-5), "-5"), (.number(1.5), "1.5"), (.number(2), "2"),
            (.number(.nan), "null"), (.number(.infinity), "null"), (.number(0.1234567), "0.123457"),
            (.string("a"), "\"a\""),
            (.string("\"\\\n\u{1}\u{7F}é🎈"), #""\"\\\n\u0001\u007fé🎈""#), (.array([]), "[]"), (.object([]), "{}"),
            (.array([.integer(1), .null]), "[1, null]"),
        ])
    func value(json: JSON, text: String) { #expect(json.written() == text) }

    @Test("members keep their order, rows of a table stay on a line")
    func layout() {
        let json = JSON.object([
            .init("b", .integer(1)),
            .init("a", .array([.object([.init("x", .integer(1)), .init("y", .string("z"))])])),
        ])
        #expect(
            json.written() == """
                {
                  "b": 1,
                  "a": [
                    {"x": 1, "y": "z"}
                  ]
                }
                """)
    }

    @Test("another parser reads what was written")
    func foreignParser() throws {
        let text = "\u{0}\u{1F} \" \\ / \u{2028} \r\n\t end"
        let written = JSON.object([.init("text", .string(text)), .init("number", .number(-0.000125))]).written()
        let read = try #require(try JSONSerialization.jsonObject(with: Data(written.utf8)) as? [String: Any])
        #expect(read["text"] as? String == text)
        #expect(read["number"] as? Double == -0.000125)
    }
}
