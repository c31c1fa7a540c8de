import Testing

@testable import WebSocketCore

@Suite("WebSocket URIs (RFC 6455 §3)")
struct WebSocketURLTests {
    struct Parts: Sendable {
        var isSecure = false
        var host = "a.example"
        var port = 80
        var target = "/"
        var userInfo: String?
        var authority = "a.example"
    }

    @Test(
        "are taken apart",
        arguments: [
            ("ws://a.example", Parts()),
            ("WS://A.EXAMPLE/", Parts()),
            ("wss://a.example", Parts(isSecure: true, port: 443)),
            ("wSs://a.example:443/x", Parts(isSecure: true, port: 443, target: "/x")),
            ("ws://a.example:8080", Parts(port: 8080, authority: "a.example:8080")),
            ("ws://a.example:443", Parts(port: 443, authority: "a.example:443")),
            ("wss://a.example:80", Parts(isSecure: true, port: 80, authority: "a.example:80")),
            ("ws://a.example:", Parts()),
            ("ws://a.example?x=1", Parts(target: "/?x=1")),
            ("ws://a.example/a/b?x=1&y=?/:@", Parts(target: "/a/b?x=1&y=?/:@")),
            ("ws://a.example/a%20b", Parts(target: "/a%20b")),
            ("ws://a.example/ü?ß", Parts(target: "/%C3%BC?%C3%9F")),
            ("ws://a.example/?s=a|b^{c}", Parts(target: "/?s=a%7Cb%5E%7Bc%7D")),
            ("ws://a.example/?a[]=1", Parts(target: "/?a[]=1")),
            ("ws://127.0.0.1:9001/x", Parts(host: "127.0.0.1", port: 9001, target: "/x", authority: "127.0.0.1:9001")),
            ("ws://[::1]:9001/", Parts(host: "::1", port: 9001, authority: "[::1]:9001")),
            ("wss://[FE80::1]", Parts(isSecure: true, host: "fe80::1", port: 443, authority: "[fe80::1]")),
            ("ws://user:pa%40ss@a.example/", Parts(userInfo: "user:pa%40ss")),
            ("ws://a@b@a.example/", Parts(userInfo: "a@b")),
            ("ws://@a.example/", Parts(userInfo: "")),
            ("ws://a.example/@b", Parts(target: "/@b")),
            ("ws://xn--bcher-kva.example", Parts(host: "xn--bcher-kva.example", authority: "xn--bcher-kva.example")),
        ])
    func accepts(text: String, parts: Parts) throws {
        let url = try WebSocketURL(text)
        #expect(url.isSecure == parts.isSecure)
        #expect(url.host == parts.host)
        #expect(url.port == parts.port)
        #expect(url.target == parts.target)
        #expect(url.userInfo == parts.userInfo)
        #expect(url.authority == parts.authority)
    }

    @Test(
        "are refused for the part that is wrong",
        arguments: [
            ("", .scheme), ("a.example", .scheme), ("http://a.example", .scheme), ("https://a.example", .scheme),
            ("ws:a.example", .scheme), ("ws:/a.example", .scheme), ("//a.example", .scheme),
            (" ws://a.example", .scheme),
            ("wsss://a.example", .scheme), ("://a", .scheme), ("w\u{17F}://a", .scheme),
            ("ws://", .host), ("ws:///x", .host), ("ws://:80", .host), ("ws://a b", .host),
            ("ws://bücher.example", .host),
            ("ws://a\tb", .host), ("ws://a\r\nHost: b", .host), ("ws://[::1", .host), ("ws://::1", .host),
            ("ws://[::1]a", .host), ("ws://a%41", .host), ("ws://a\\b", .host), ("ws://user@", .host),
            ("ws://a:0", .port), ("ws://a:65536", .port), ("ws://a:-1", .port), ("ws://a:x", .port),
            ("ws://a:8 0", .port),
            ("ws://a:99999999999999999999", .port), ("ws://a:80:80", .port),
            ("ws://u s@a", .userInfo), ("ws://u%4@a", .userInfo), ("ws://u\u{7F}@a", .userInfo),
            ("ws://a/x y", .target), ("ws://a/x\r\nHost:b", .target), ("ws://a/\0", .target), ("ws://a/%", .target),
            ("ws://a/%zz", .target), ("ws://a/?%4", .target), ("ws://a/?x ", .target),
            ("ws://a/#", .fragment), ("ws://a#x", .fragment), ("ws://a/?x#y", .fragment),
        ] as [(String, WebSocketURL.Invalid)])
    func refuses(text: String, reason: WebSocketURL.Invalid) {
        #expect(throws: reason) { try WebSocketURL(text) }
        #expect(reason.description.count > 15)
    }

    @Test(
        "user information becomes Basic authentication (RFC 7617 §2)",
        arguments: [
            ("ws://Aladdin:open%20sesame@a/", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
            ("ws://user@a/", "Basic dXNlcjo="),
            ("ws://%c3%bc:%25@a/", "Basic w7w6JQ=="),
            ("ws://@a/", "Basic Og=="),
            ("ws://a/", nil),
        ] as [(String, String?)])
    func basic(text: String, authorization: String?) throws {
        #expect(try WebSocketURL(text).basicAuthorization == authorization)
    }

    @Test("the description shows neither user information nor query")
    func description() throws {
        let url = try WebSocketURL("wss://user:secret@a.example:444/x?token=secret")
        #expect(url.description == "wss://a.example:444/x")
    }

    @Test("a long one is read in one go")
    func long() throws {
        let path = String(repeating: "ü", count: 100_000)
        #expect(try WebSocketURL("ws://a/\(path)").target.utf8.count == 600_001)
    }

    @Test(
        "what is no URL is shown without what may be credentials",
        arguments: [
            ("wss://user:secret@host:99999/", "wss://…@host:99999/"), ("http://host/?token=secret", "http://host/"),
            ("user:secret@host", "…@host"), ("ws://a@b@host/#secret", "ws://…@host/"), ("", ""), ("@", "…@"),
            ("host//x", "host//x"), ("a@b//c", "…@b//c"), ("?secret", ""),
        ])
    func redacts(text: String, shown: String) { #expect(WebSocketURL.redacted(text) == shown) }
}
