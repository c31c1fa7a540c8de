import Testing

@testable import WebSocketCore

@Suite("Header fields (RFC 9110 §5)")
struct HeaderFieldsTests {
    let fields: HeaderFields = [
        "Host": "a.example", "Connection": "keep-alive, Upgrade", "Cookie": "a=1", "CONNECTION": "x ,\tTE",
        "cookie": "b=2",
    ]

    @Test(
        "are found whatever their case, the first one first",
        arguments: [
            ("Host", "a.example"), ("hOST", "a.example"), ("COOKIE", "a=1"), ("Hos", nil), ("Hostx", nil), ("", nil),
        ] as [(String, String?)])
    func lookup(name: String, value: String?) {
        #expect(self.fields[name] == value)
    }

    @Test("keep their order and their spelling")
    func order() {
        #expect(self.fields.map(\.name) == ["Host", "Connection", "Cookie", "CONNECTION", "cookie"])
        #expect(self.fields.values(for: "cookie") == ["a=1", "b=2"])
        #expect(self.fields.count(of: "cookie") == 2)
        #expect(self.fields.count(of: "Accept") == 0)
        #expect(self.fields.count == 5)
    }

    @Test(
        "are a list of tokens over all lines",
        arguments: [
            ("upgrade", true), ("Keep-Alive", true), ("te", true), ("x", true), ("keep", false), ("alive", false),
            ("keep-alive, Upgrade", false), ("", false),
        ])
    func tokens(token: String, isMember: Bool) {
        #expect(self.fields.contains("connection", token: token) == isMember)
    }

    @Test("an empty list has no tokens", arguments: ["", ",", " , ,", "websocket2", "web socket", "\"websocket\""])
    func emptyList(value: String) {
        let fields: HeaderFields = ["Upgrade": value]
        #expect(!fields.contains("Upgrade", token: "websocket"))
    }

    @Test(
        "lose the whitespace around a value",
        arguments: [
            ("  a b\t", "a b"), ("", ""), (" \t ", ""), ("a", "a"),
        ])
    func trimming(value: String, kept: String) throws {
        var fields = HeaderFields()
        try fields.append("X", value)
        #expect(fields["X"] == kept)
    }

    @Test("refuse a name that is no token", arguments: ["", "a b", "a:", "a\r\nb", "ä", "a\0", "a\t", "(a)"])
    func invalidName(name: String) {
        var fields = self.fields
        #expect(throws: HeaderFields.InvalidField.name(name)) { try fields.append(name, "1") }
        #expect(fields == self.fields)
    }

    @Test(
        "refuse a value that would end the line (response splitting)",
        arguments: [
            "a\r\nSet-Cookie: x=1", "a\n", "\ra", "a\0b", "\u{1B}[2J", "a\u{7F}",
        ])
    func invalidValue(value: String) {
        var fields = self.fields
        #expect(throws: HeaderFields.InvalidField.value(name: "X")) { try fields.append("X", value) }
        #expect(fields == self.fields)
    }

    @Test("allow tabs and bytes beyond ASCII in a value")
    func validValue() throws {
        var fields = HeaderFields()
        try fields.append("X-Name", "Zoë\tü")
        #expect(fields["x-name"] == "Zoë\tü")
    }

    @Test("are equal by name without case, by value with case, in order")
    func equality() {
        let one: HeaderFields = ["A": "1", "B": "2"]
        #expect(one == ["a": "1", "b": "2"])
        #expect(one.hashValue == (["a": "1", "b": "2"] as HeaderFields).hashValue)
        #expect(one != ["B": "2", "A": "1"])
        #expect(one != ["A": "1", "B": "3"])
        #expect(one != ["A": "1"])
        #expect((["A": "x"] as HeaderFields) != ["A": "X"])
        #expect((["A": "bc"] as HeaderFields) != ["AB": "c"])
    }

    @Test("of a name can be removed, the others stay")
    func removal() {
        var fields = self.fields
        fields.removeAll(named: "COOKIE")
        #expect(fields.map(\.name) == ["Host", "Connection", "CONNECTION"])
        #expect(fields["Host"] == "a.example")
        fields.removeAll(named: "absent")
        #expect(fields.count == 3)
    }

    @Test("do not show values in their description")
    func description() {
        #expect(String(describing: self.fields) == "[Host, Connection, Cookie, CONNECTION, cookie]")
    }

    @Test("have names that mean something to other languages, and nothing here")
    func reservedNames() {
        let fields: HeaderFields = ["__proto__": "1", "constructor": "2"]
        #expect(fields["constructor"] == "2")
        #expect(fields["toString"] == nil)
    }

    @Test("two thousand of them are found")
    func many() throws {
        var fields = HeaderFields()
        for number in 0..<2000 { try fields.append("X-\(number)", "\(number)") }
        #expect(fields["x-1999"] == "1999")
        #expect(fields.count == 2000)
    }
}
