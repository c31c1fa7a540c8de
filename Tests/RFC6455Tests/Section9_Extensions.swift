import Testing
import WebSocketCore
import WebSocketTesting

@Suite("RFC 6455 §9 Extensions")
struct Section9Extensions {
    @Test("Extensions are read by the grammar: tokens, parameters, quoted strings whose content is a token (§9.1)")
    func grammar() throws {
        let offers = try ExtensionOffer.parse(["foo", "bar; baz=2, foo; a ; b = \"c\";d=\"\\e\""])
        #expect(
            offers == [
                ExtensionOffer("foo"), ExtensionOffer("bar", [.init("baz", "2")]),
                ExtensionOffer("foo", [.init("a"), .init("b", "c"), .init("d", "e")]),
            ])
    }

    @Test(
        "Data that does not follow the grammar fails the handshake at once (§9.1)",
        arguments: [
            "foo;", "foo; =1", "foo; a=", "foo; a=\"", "foo; a=\"b c\"", "foo; a=\"\"", "foo bar", "foo; a=b c", "=",
            ";", "foo; a==b",
            "foo; a=\"b\"c", "f@o", "foo, bar;", "\"foo\"",
        ])
    func malformed(value: String) throws {
        let line = "Sec-WebSocket-Extensions: \(value)"
        #expect(answer(Head.request.adding(line)).fault == .malformedExtensions)
        #expect(judgement(Head.response.adding(line), by: try exampleClient(deflate: .init())).fault != nil)
    }

    @Test("An empty list offers nothing (§9.1)", arguments: ["", " ", ",", " , ,"])
    func empty(value: String) {
        let result = answer(Head.request.adding("Sec-WebSocket-Extensions: \(value)"), deflate: .init())
        #expect(result.accepted?.deflate == nil && result.fault == nil)
    }

    @Test(
        "A server MUST NOT use an extension that was not offered, and ignores those it does not know (§9.1)",
        arguments: [
            "x-unknown", "permessage-deflat", "x-webkit-deflate-frame", "constructor", "__proto__; toString",
        ])
    func unknown(value: String) throws {
        let accepted = try #require(
            answer(Head.request.adding("Sec-WebSocket-Extensions: \(value)"), deflate: .init()).accepted)
        #expect(accepted.deflate == nil)
        #expect(accepted.response.fields.count(of: "Sec-WebSocket-Extensions") == 0)
        let after = answer(
            Head.request.adding("Sec-WebSocket-Extensions: \(value), permessage-deflate"), deflate: .init())
        #expect(after.accepted?.deflate != nil)
    }

    @Test("A server without the extension declines it (§9.1)")
    func declined() throws {
        let accepted = try #require(
            answer(Head.request.adding("Sec-WebSocket-Extensions: permessage-deflate")).accepted)
        #expect(accepted.deflate == nil)
        #expect(accepted.response.fields.count(of: "Sec-WebSocket-Extensions") == 0)
    }

    @Test("A client MUST fail the connection if the server uses an extension that it did not request (§4.1, §9.1)")
    func unrequested() throws {
        let response = Head.response.adding("Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover")
        #expect(judgement(response, by: try exampleClient()).fault == .unrequestedExtension("permessage-deflate"))
        #expect(judgement(response, by: try exampleClient(deflate: .init())).accepted?.deflate != nil)
        let other = Head.response.adding("Sec-WebSocket-Extensions: foo")
        #expect(judgement(other, by: try exampleClient(deflate: .init())).fault == .unrequestedExtension("foo"))
    }

    @Test("An extension is used once (§9.1)")
    func twice() throws {
        let response = Head.response.adding(
            "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover, permessage-deflate")
        #expect(
            judgement(response, by: try exampleClient(deflate: .init())).fault
                == .repeatedExtension("permessage-deflate"))
    }

    @Test("Without an extension no frame has reserved bits, in either direction (§9, §5.2)", arguments: Role.both)
    func reservedBits(role: Role) throws {
        var endpoint = TestEndpoint(role: role)
        try endpoint.send([UInt8](repeating: 0x41, count: 5000), as: .text)
        #expect(FrameBytes.frames(in: endpoint.takeOutput()).map(\.reserved) == [0])
        expectFailed(received(FrameBytes(.text, [], reserved: 4), by: role), .reservedBitsSet(.rsv1), 1002)
    }
}
