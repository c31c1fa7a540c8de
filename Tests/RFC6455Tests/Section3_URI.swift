import Testing
import WebSocketCore

@Suite("RFC 6455 §3 WebSocket URIs")
struct Section3URI {
    private static func read(_ text: String) -> WebSocketURL? { try? WebSocketURL(text) }

    private static func fault(_ text: String) -> WebSocketURL.Invalid? {
        Result { () throws(WebSocketURL.Invalid) in try WebSocketURL(text) }.fault
    }

    @Test(
        "The port is optional: 80 for ws, 443 for wss (§3)",
        arguments: [
            ("ws://example.com/", 80, false), ("wss://example.com/", 443, true),
            ("ws://example.com:8080/", 8080, false),
            ("wss://example.com:8443/", 8443, true), ("ws://example.com:1/", 1, false),
            ("ws://example.com:65535/", 65_535, false),
        ])
    func ports(text: String, port: Int, isSecure: Bool) {
        #expect(Self.read(text)?.port == port)
        #expect(Self.read(text)?.isSecure == isSecure)
    }

    @Test("The scheme is ws or wss, without regard to case (§3)")
    func scheme() {
        #expect(Self.read("WS://example.com/")?.isSecure == false)
        #expect(Self.read("wSs://example.com/")?.isSecure == true)
        for text in [
            "http://example.com/", "https://example.com/", "example.com", "ws:example.com", "ws:/example.com", "",
            "://a",
        ] {
            #expect(Self.fault(text) == .scheme, "\(text)")
        }
    }

    @Test(
        "The resource name is the path, / if it is empty, and the query (§3)",
        arguments: [
            ("ws://example.com", "/"), ("ws://example.com/", "/"), ("ws://example.com/chat", "/chat"),
            ("ws://example.com?a=b", "/?a=b"), ("ws://example.com/chat?a=b&c=d", "/chat?a=b&c=d"),
            ("ws://example.com/a/b/", "/a/b/"),
            ("ws://example.com/%23", "/%23"), ("ws://example.com/?", "/?"),
        ])
    func resourceName(text: String, target: String) {
        #expect(Self.read(text)?.target == target)
    }

    @Test(
        "Fragment identifiers MUST NOT be used (§3)",
        arguments: ["ws://a.example/#", "ws://a.example/b#c", "ws://a.example#c", "ws://a.example/?q#c"])
    func fragments(text: String) {
        #expect(Self.fault(text) == .fragment)
    }

    @Test(
        "A component that is invalid fails the connection (§4.1)",
        arguments: [
            ("ws:///chat", .host), ("ws://", .host), ("ws://a b/", .host), ("ws://[::1/", .host),
            ("ws://ex%61mple/", .host),
            ("ws://example.com:0/", .port), ("ws://example.com:65536/", .port), ("ws://example.com:abc/", .port),
            ("ws://example.com:-1/", .port), ("ws://example.com/a b", .target), ("ws://example.com/\r\nX: y", .target),
            ("ws://example.com/%zz", .target),
        ] as [(String, WebSocketURL.Invalid)])
    func invalid(text: String, fault: WebSocketURL.Invalid) {
        #expect(Self.fault(text) == fault)
    }

    @Test("What is not ASCII is percent-encoded as UTF-8 in path and query; a host must come as A-labels (§11.1)")
    func nonASCII() {
        #expect(Self.read("ws://example.com/caf\u{E9}?q=\u{1F600}")?.target == "/caf%C3%A9?q=%F0%9F%98%80")
        #expect(Self.fault("ws://b\u{FC}cher.example/") == .host)
        #expect(Self.read("ws://xn--bcher-kva.example/")?.host == "xn--bcher-kva.example")
    }

    @Test("Addresses are hosts too (§3)")
    func addresses() {
        #expect(Self.read("ws://127.0.0.1:9/")?.authority == "127.0.0.1:9")
        #expect(Self.read("ws://[::1]:9/")?.authority == "[::1]:9")
        #expect(Self.read("wss://[2001:db8::1]/")?.authority == "[2001:db8::1]")
    }
}
