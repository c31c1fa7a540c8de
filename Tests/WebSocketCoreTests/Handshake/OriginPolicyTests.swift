import Testing

@testable import WebSocketCore

@Suite("Origin policy: cross-site WebSocket hijacking (RFC 6455 §10.2)")
struct OriginPolicyTests {
    // The ways to be, or to pretend to be, the same host.
    @Test(
        "the same host",
        arguments: [
            ("https://a.example", "a.example", true, true),  // same
            ("https://sub.a.example", "a.example", true, false),  // a name below
            ("https://a.example.evil", "a.example", true, false),  // a name above
            ("https://evila.example", "a.example", true, false),  // the same end
            ("null", "a.example", true, false),  // a sandboxed frame, a file
            (nil, "a.example", true, true),  // no browser
            ("https://a.example:8443", "a.example", true, false),  // the port differs
            ("https://A.Example", "a.eXample", true, true),  // case does not matter
            ("https://xn--bcher-kva.example", "xn--bcher-kva.example", true, true),  // an internationalised name
            ("https://bücher.example", "xn--bcher-kva.example", true, false),  // which browsers never send so
            ("https://127.0.0.1", "localhost", true, false),  // loopback is no protection
            ("", "a.example", true, false),  // empty is not absent
            ("https://a.example.", "a.example", true, false),  // the root is part of the name
        ] as [(String?, String, Bool, Bool)])
    func sameHost(origin: String?, host: String, isSecure: Bool, isAllowed: Bool) {
        #expect(OriginPolicy.sameHost.allows(origin: origin, host: host, isSecure: isSecure) == isAllowed)
    }

    @Test(
        "default ports, and TLS that ends at a proxy",
        arguments: [
            ("https://a.example", "a.example:443", true, true),
            ("https://a.example:443", "a.example", true, true),
            ("https://a.example", "a.example:443", false, true),
            ("https://a.example", "a.example", false, true),
            ("http://a.example", "a.example", false, true),
            ("http://a.example:80", "a.example", false, true),
            ("http://a.example", "a.example:80", false, true),
            ("http://a.example", "a.example", true, false),  // a page that anyone on the way could write
            ("http://a.example:443", "a.example", true, false),
            ("http://a.example:8080", "a.example:8080", false, true),
            ("https://a.example:8080", "a.example", false, false),
            ("http://a.example", "a.example:8080", false, false),
            ("http://a.example:443", "a.example", false, false),
            ("http://localhost:3000", "localhost:8080", false, false),
            ("http://[::1]:3000", "[::1]:3000", false, true),
            ("http://[::2]:3000", "[::1]:3000", false, false),
        ])
    func ports(origin: String, host: String, isSecure: Bool, isAllowed: Bool) {
        #expect(OriginPolicy.sameHost.allows(origin: origin, host: host, isSecure: isSecure) == isAllowed)
    }

    @Test(
        "what is no origin is not the same host",
        arguments: [
            "https://a.example/", "https://a.example?x", "https://a.example#", "https://u@a.example", "a.example",
            "//a.example",
            "ftp://a.example", "file://", "https://", "https:/a.example", "https://a.example https://b.example",
            "https://a.example, https://b.example", "https://a.example:0", "chrome-extension://a.example",
            " https://a.example", "https://a.example\u{0}",
        ])
    func notAnOrigin(origin: String) {
        #expect(!OriginPolicy.sameHost.allows(origin: origin, host: "a.example", isSecure: true))
        #expect(!OriginPolicy.list([origin]).allows(origin: origin, host: "a.example", isSecure: true))
    }

    @Test(
        "a list",
        arguments: [
            ("https://a.example", "https://a.example", true),
            ("https://a.example", "https://A.example:443", true),
            ("https://a.example", "http://a.example", false),
            ("https://a.example", "https://a.example:8443", false),
            ("https://a.example:8443", "https://a.example:8443", true),
            ("https://a.example", "https://b.a.example", false),
            ("https://*.example.com", "https://a.example.com", true),
            ("https://*.example.com", "https://a.b.example.com", true),
            ("https://*.Example.com", "https://A.example.com:443", true),
            ("https://*.example.com", "https://example.com", false),
            ("https://*.example.com", "https://evilexample.com", false),
            ("https://*.example.com", "https://.example.com", false),
            ("https://*.example.com", "https://a.example.com.evil", false),
            ("https://*.example.com", "https://evil/.example.com", false),
            ("https://*.example.com", "http://a.example.com", false),
            ("https://*.example.com", "https://a.example.com:8443", false),
            ("https://*.example.com:8443", "https://a.example.com:8443", true),
            ("https://a*.example.com", "https://ab.example.com", false),
            ("https://a.*.com", "https://a.b.com", false),
            ("https://*", "https://a", false),
            ("https://*.", "https://a.", false),
            ("*", "https://a", false),
            ("*.example.com", "https://a.example.com", false),
            ("https://*.*.com", "https://a.b.com", false),
            ("null", "null", false),
            ("", "", false),
        ])
    func list(entry: String, origin: String, isAllowed: Bool) {
        let policy = OriginPolicy.list(["https://other.example", entry])
        #expect(policy.allows(origin: origin, host: "a.example", isSecure: true) == isAllowed)
    }

    @Test(
        "cross-site WebSocket hijacking: what a server at https://example.com lets in",
        arguments: [
            // origin, the same host only, `https://*.example.com`, `https://example.com` and `https://bücher.example`
            ("https://example.com", true, false, true),
            ("https://sub.example.com", false, true, false),
            ("https://sub.evil.com", false, false, false),
            ("https://evilexample.com", false, false, false),
            ("https://example.com.evil.com", false, false, false),
            ("https://sub.example.com.evil.com", false, false, false),
            ("null", false, false, false),
            (nil, true, true, true),
            ("https://example.com:8443", false, false, false),
            ("http://example.com", false, false, false),
            ("HTTPS://EXAMPLE.com:443", true, false, true),
            // Browsers send A-labels; what is not ASCII is no origin, however much it looks like one.
            ("https://ex\u{430}mple.com", false, false, false),
            ("https://xn--bcher-kva.example", false, false, true),
            ("https://b\u{FC}cher.example", false, false, false),
        ] as [(String?, Bool, Bool, Bool)])
    func hijacking(origin: String?, isSame: Bool, isSubdomain: Bool, isListed: Bool) {
        for (policy, isAllowed) in [
            (OriginPolicy.sameHost, isSame),
            (.list(["https://*.example.com"]), isSubdomain),
            (.list(["https://example.com", "https://xn--bcher-kva.example"]), isListed),
        ] {
            #expect(policy.allows(origin: origin, host: "example.com", isSecure: true) == isAllowed, "\(policy)")
        }
    }

    @Test("a list does not contain the host itself")
    func listOnly() {
        #expect(!OriginPolicy.list([]).allows(origin: "https://a.example", host: "a.example", isSecure: true))
        #expect(OriginPolicy.list([]).allows(origin: nil, host: "a.example", isSecure: true))
    }

    @Test("any", arguments: ["https://a.example", "null", "", nil])
    func any(origin: String?) {
        #expect(OriginPolicy.any.allows(origin: origin, host: "b.example", isSecure: false))
    }
}
