import Testing

@testable import WebSocketCore

@Suite("The request target (RFC 9112 §3.2)")
struct RequestHeadTests {
    @Test(
        "has a path and a query",
        arguments: [
            ("/", "/", nil, nil),
            ("/chat", "/chat", nil, nil),
            ("/chat?room=1", "/chat", "room=1", nil),
            ("/chat?", "/chat", "", nil),
            ("/a%2Fb?x=%20?y", "/a%2Fb", "x=%20?y", nil),
            ("//a/../b", "//a/../b", nil, nil),
            ("/?u=http://b.example/", "/", "u=http://b.example/", nil),
            ("*", "*", nil, nil),
            ("http://a.example", "/", nil, "a.example"),
            ("http://a.example?x", "/", "x", "a.example"),
            ("https://a.example:8080/p?x=1", "/p", "x=1", "a.example:8080"),
            ("ws://[::1]:1/", "/", nil, "[::1]:1"),
            ("", "/", nil, nil),
            ("a://", "/", nil, ""),
            ("a:/b", "a:/b", nil, nil),
        ] as [(String, String, String?, String?)])
    func parts(target: String, path: String, query: String?, authority: String?) {
        let head = RequestHead(method: "GET", target: target)
        #expect(head.path == path)
        #expect(head.query == query)
        #expect(head.authority == authority)
    }

    @Test(
        "Content-Length is one number",
        arguments: [
            (["0"], 0), (["5"], 5), (["007"], 7), (["9223372036854775807"], Int.max), (["9223372036854775808"], nil),
            (["99999999999999999999999"], nil), ([""], nil), (["-1"], nil), (["+1"], nil), (["1 1"], nil),
            (["1, 1"], nil),
            (["0x10"], nil), (["1", "1"], nil), ([], nil),
        ] as [([String], Int?)])
    func contentLength(values: [String], length: Int?) throws {
        var fields = HeaderFields()
        for value in values { try fields.append("content-length", value) }
        #expect(RequestHead(method: "POST", target: "/", fields: fields).contentLength == length)
        #expect(ResponseHead(status: 200, fields: fields).contentLength == length)
    }

    @Test("a body is announced by its length or by its coding")
    func hasBody() {
        #expect(!RequestHead(method: "GET", target: "/").hasBody)
        #expect(!RequestHead(method: "GET", target: "/", fields: ["Content-Length": "0"]).hasBody)
        #expect(RequestHead(method: "GET", target: "/", fields: ["Content-Length": "1"]).hasBody)
        #expect(RequestHead(method: "GET", target: "/", fields: ["Transfer-Encoding": "chunked"]).hasBody)
    }

    @Test("the description shows no query and no values")
    func description() {
        let head = RequestHead(method: "GET", target: "/a?token=secret", fields: ["Authorization": "Bearer secret"])
        #expect(head.description == "GET /a HTTP/1.1 [Authorization]")
    }

    @Test("a response head is written with its fields and an empty line")
    func encode() {
        let head = ResponseHead(status: 404, fields: ["A": "1", "B": ""])
        #expect(String(decoding: head.encode(), as: UTF8.self) == "HTTP/1.1 404 Not Found\r\nA: 1\r\nB: \r\n\r\n")
    }

    @Test("a reason cannot end the status line")
    func reasonSplitting() {
        let head = ResponseHead(status: 400, reason: "No\r\nSet-Cookie: a=1\0")
        #expect(String(decoding: head.encode(), as: UTF8.self) == "HTTP/1.1 400 NoSet-Cookie: a=1\r\n\r\n")
    }

    @Test("what is written is read again", arguments: [101, 200, 301, 400, 403, 404, 426, 431, 503, 599])
    func roundTrip(status: Int) {
        let head = ResponseHead(status: status, fields: ["A": "1", "a": "Zoë", "B": ""])
        let bytes = head.encode()
        var parser = ResponseHeadParser()
        #expect(parser.parse(bytes.span.bytes) == .complete(head, headBytes: bytes.count))
    }

    @Test(
        "1xx but 101 is interim",
        arguments: [(100, true), (101, false), (103, true), (199, true), (200, false), (99, false)])
    func interim(status: Int, isInterim: Bool) {
        #expect(ResponseHead(status: status).isInterim == isInterim)
    }
}
