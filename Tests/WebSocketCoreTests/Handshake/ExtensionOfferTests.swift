import Testing

@testable import WebSocketCore

@Suite("The grammar of Sec-WebSocket-Extensions (RFC 6455 §9.1)")
struct ExtensionOfferTests {
    @Test(
        "is read",
        arguments: [
            ([], []),
            ([""], []),
            ([" \t"], []),
            ([","], []),
            ([" , ,\t,"], []),
            (["foo"], [ExtensionOffer("foo")]),
            (["foo,"], [ExtensionOffer("foo")]),
            ([",foo"], [ExtensionOffer("foo")]),
            (["foo , bar"], [ExtensionOffer("foo"), ExtensionOffer("bar")]),
            (["foo", "bar"], [ExtensionOffer("foo"), ExtensionOffer("bar")]),
            (["foo;a"], [ExtensionOffer("foo", [.init("a")])]),
            (["foo ; a = 1 ; b"], [ExtensionOffer("foo", [.init("a", "1"), .init("b")])]),
            (["foo;a=\"1\""], [ExtensionOffer("foo", [.init("a", "1")])]),
            (["foo;a=\"\\1\\2\" ,bar"], [ExtensionOffer("foo", [.init("a", "12")]), ExtensionOffer("bar")]),
            (["foo;a;a=1;a=2"], [ExtensionOffer("foo", [.init("a"), .init("a", "1"), .init("a", "2")])]),
            (
                ["foo, foo;use_x, foo"],
                [ExtensionOffer("foo"), ExtensionOffer("foo", [.init("use_x")]), ExtensionOffer("foo")]
            ),
            (["constructor, __proto__"], [ExtensionOffer("constructor"), ExtensionOffer("__proto__")]),
            (
                ["permessage-deflate; client_max_window_bits; server_max_window_bits=10"],
                [
                    ExtensionOffer(
                        "permessage-deflate", [.init("client_max_window_bits"), .init("server_max_window_bits", "10")])
                ]
            ),
        ])
    func accepts(lines: [String], offers: [ExtensionOffer]) throws {
        #expect(try ExtensionOffer.parse(lines) == offers)
    }

    @Test(
        "is refused",
        arguments: [
            ";", "foo;", "foo;,bar", "foo bar", "foo=1", "foo;=1", "foo;a=", "foo;a=,b", "foo;a==1", "foo;a=1 2",
            "foo;a b",
            "foo;a=\"", "foo;a=\"1", "foo;a=\"1\\", "foo;a=\"\\\"", "foo;a=\"\"", "foo;a=\"1 2\"", "foo;a=\"1,2\"",
            "foo;a=\"1\"2", "foo;a=\"\\ \"", "foo;a='1'\"", "föö", "foo;ä", "foo;a=ä", "foo;a=\"ä\"", "f/o", "(foo)",
            "foo;a:b",
            "\"foo\"", "foo;\"a\"", "foo;;a", "foo\0",
        ])
    func refuses(line: String) {
        #expect(throws: HandshakeFault.malformedExtensions) { try ExtensionOffer.parse([line]) }
        #expect(throws: HandshakeFault.malformedExtensions) { try ExtensionOffer.parse(["bar", line]) }
    }

    @Test(
        "every beginning of a long one is read or refused",
        arguments: [
            "foo; a=1; b=\"c\\d\", permessage-deflate; client_max_window_bits, x"
        ])
    func truncations(line: String) {
        for count in 0...line.utf8.count {
            let beginning = String(decoding: Array(line.utf8)[..<count], as: UTF8.self)
            if let offers = try? ExtensionOffer.parse([beginning]) { #expect(offers.count <= 3) }
        }
    }

    @Test(
        "16 KiB that take other parsers minutes return at once (CVE-2020-7662)",
        arguments: [
            "a;b=\"" + String(repeating: "\\c", count: 8192),
            "a" + String(repeating: ";b=\"\\c\"", count: 2048) + ";",
            String(repeating: "a,", count: 8192) + "=",
            "a;b=" + String(repeating: "\"\\\"", count: 5461),
            String(repeating: "a ", count: 8192),
        ])
    func hostile(line: String) {
        #expect(throws: HandshakeFault.malformedExtensions) { try ExtensionOffer.parse([line]) }
    }

    @Test("the same size in good order is read")
    func large() throws {
        #expect(try ExtensionOffer.parse([String(repeating: " ", count: 16384) + "a"]) == [ExtensionOffer("a")])
        let value = String(repeating: "\\c", count: 8192)
        #expect(try ExtensionOffer.parse(["a;b=\"\(value)\""]).first?.parameters.first?.value?.count == 8192)
    }

    @Test("is written as it is read", arguments: ["a", "a; b", "a; b=1; c; b=2"])
    func roundTrip(text: String) throws {
        #expect(try ExtensionOffer.parse([text]).map(\.description) == [text])
    }
}
