import Testing

@testable import WebSocketCore

@Suite("A reference found at a URL (RFC 3986 §5, RFC 9110 §10.2.2)")
struct WebSocketURLReferenceTests {
    private static func target(of reference: String, at base: String) throws -> String {
        let url = try WebSocketURL(base).resolving(reference)
        return "\(url.isSecure ? "wss" : "ws")://\(url.authority)\(url.target)"
    }

    @Test(
        "resolves as the examples of RFC 3986 §5.4 do",
        arguments: [
            ("g", "ws://a/b/c/g"), ("./g", "ws://a/b/c/g"), ("g/", "ws://a/b/c/g/"), ("/g", "ws://a/g"),
            ("//g", "ws://g/"), ("?y", "ws://a/b/c/d;p?y"), ("g?y", "ws://a/b/c/g?y"), ("#s", "ws://a/b/c/d;p?q"),
            ("g#s", "ws://a/b/c/g"), ("g?y#s", "ws://a/b/c/g?y"), (";x", "ws://a/b/c/;x"),
            ("g;x?y#s", "ws://a/b/c/g;x?y"), ("", "ws://a/b/c/d;p?q"), (".", "ws://a/b/c/"), ("./", "ws://a/b/c/"),
            ("..", "ws://a/b/"), ("../", "ws://a/b/"), ("../g", "ws://a/b/g"), ("../..", "ws://a/"),
            ("../../", "ws://a/"), ("../../g", "ws://a/g"), ("../../../g", "ws://a/g"), ("../../../../g", "ws://a/g"),
            ("/./g", "ws://a/g"), ("/../g", "ws://a/g"), ("g.", "ws://a/b/c/g."), (".g", "ws://a/b/c/.g"),
            ("g..", "ws://a/b/c/g.."), ("..g", "ws://a/b/c/..g"), ("./../g", "ws://a/b/g"), ("./g/.", "ws://a/b/c/g/"),
            ("g/./h", "ws://a/b/c/g/h"), ("g/../h", "ws://a/b/c/h"), ("g;x=1/./y", "ws://a/b/c/g;x=1/y"),
            ("g;x=1/../y", "ws://a/b/c/y"), ("g?y/./x", "ws://a/b/c/g?y/./x"), ("g?y/../x", "ws://a/b/c/g?y/../x"),
        ])
    func resolves(reference: String, wanted: String) throws {
        #expect(try Self.target(of: reference, at: "ws://a/b/c/d;p?q") == wanted)
    }

    @Test(
        "an address of HTTP is the WebSocket's at the same place",
        arguments: [
            ("http://b/x", "ws://b/x"), ("https://b/x", "wss://b/x"), ("HTTPS://B:8443/a/../x?q", "wss://b:8443/x?q"),
            ("ws://b", "ws://b/"), ("wss://b", "wss://b/"), ("http://[::1]:80/", "ws://[::1]/"),
            ("https://b/é", "wss://b/%C3%A9"),
        ])
    func maps(reference: String, wanted: String) throws {
        #expect(try Self.target(of: reference, at: "ws://a/") == wanted)
        #expect(try Self.target(of: reference, at: "wss://a:81/b?c") == wanted)
    }

    @Test(
        "what is not the address of a WebSocket",
        arguments: [
            "ftp://b/", "mailto:a@b", "http:/b", "http:", "javascript:alert(1)", "http://", "//", "http://b:0/",
            "http://b:99999/", "http://b c/", "/a b", "x%zz", "http://us er@b/", "data:,", "//b\r\n", "/\u{0}",
        ])
    func refuses(reference: String) throws {
        let base = try WebSocketURL("ws://a/")
        #expect(throws: WebSocketURL.Invalid.self) { try base.resolving(reference) }
    }

    @Test("user information goes along within an origin, and no further")
    func userInfo() throws {
        let base = try WebSocketURL("wss://me:secret@a.example/x")
        for same in ["y", "/y", "?y", "//a.example/y", "https://a.example:443/y", "wss://A.example/"] {
            #expect(try base.resolving(same).userInfo == "me:secret", "\(same)")
        }
        for other in ["//b.example/y", "http://a.example/y", "https://a.example:8443/y", "ws://a.example/"] {
            #expect(try base.resolving(other).userInfo == nil, "\(other)")
        }
        #expect(try base.resolving("https://you:other@a.example/").userInfo == "you:other")
    }

    @Test("an origin is scheme, host and port")
    func origin() throws {
        let url = try WebSocketURL("wss://a.example/x")
        #expect(url.hasSameOrigin(as: try WebSocketURL("wss://me@A.EXAMPLE:443/?y")))
        for other in ["ws://a.example/", "wss://a.example:444/", "wss://b.example/"] {
            #expect(!url.hasSameOrigin(as: try WebSocketURL(other)))
        }
    }
}
