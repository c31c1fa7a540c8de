import Testing
import WebSocketCore

@testable import WebSockets

@Suite("A proxy as text")
struct ProxyTests {
    @Test(
        "is read with defaults for scheme and port",
        arguments: [
            ("proxy.example", Proxy(.http, host: "proxy.example", port: 80)),
            ("proxy.example:3128", Proxy(.http, host: "proxy.example", port: 3128)),
            ("http://Proxy.example:3128/", Proxy(.http, host: "proxy.example", port: 3128)),
            ("HTTP://192.0.2.7", Proxy(.http, host: "192.0.2.7", port: 80)),
            ("socks5://[::1]", Proxy(.socks5, host: "::1", port: 1080)),
            ("socks5h://a:9050", Proxy(.socks5, host: "a", port: 9050)),
            ("http://u:p@a:1", Proxy(.http, host: "a", port: 1, credentials: .init(user: "u", password: "p"))),
            ("u@a", Proxy(.http, host: "a", port: 80, credentials: .init(user: "u", password: ""))),
            (
                "socks5://us%40er:p%3Aw:d@a:1/x?y",
                Proxy(.socks5, host: "a", port: 1, credentials: .init(user: "us@er", password: "p:w:d"))
            ),
        ])
    func reads(text: String, wanted: Proxy) throws {
        #expect(try Proxy(text) == wanted)
    }

    @Test(
        "is refused, and says which part is wrong",
        arguments: [
            ("https://a", Proxy.Invalid.scheme), ("socks4://a", .scheme), ("ftp://a", .scheme), ("://a", .scheme),
            ("", .address), ("http://", .address), ("http://a:0", .address), ("a:99999", .address),
            ("http://a b", .address), ("http://[::1", .address), ("socks5://:1080", .address),
            ("u%zz@a", .credentials), ("u p@a", .credentials),
        ])
    func refuses(text: String, reason: Proxy.Invalid) {
        #expect(throws: reason) { try Proxy(text) }
    }

    @Test("shows no password")
    func description() throws {
        let proxy = try Proxy("socks5://user:secret@[::1]:9")
        #expect("\(proxy)" == "socks5://[::1]:9")
        #expect("\(try #require(proxy.credentials))" == "user:…")
        #expect(!"\(WebSocketError.proxyFailed(proxy, .authenticationRefused))".contains("secret"))
    }
}

@Suite("Proxies of the environment")
struct ProxySettingsTests {
    private static func proxies(_ environment: [String: String]) throws -> [String?] {
        let settings = try ProxySettings(environment: environment)
        return [settings.ws?.description, settings.wss?.description]
    }

    @Test("lower case comes first, and empty is none")
    func names() throws {
        #expect(try Self.proxies([:]) == [nil, nil])
        #expect(try Self.proxies(["http_proxy": "a", "https_proxy": "b"]) == ["http://a:80", "http://b:80"])
        #expect(try Self.proxies(["https_proxy": "a", "HTTPS_PROXY": "b"]) == [nil, "http://a:80"])
        #expect(try Self.proxies(["https_proxy": "", "HTTPS_PROXY": "b"]) == [nil, "http://b:80"])
        #expect(
            try Self.proxies(["all_proxy": "socks5://a", "https_proxy": "b"]) == ["socks5://a:1080", "http://b:80"])
        #expect(try Self.proxies(["ALL_PROXY": "a", "all_proxy": "b"]) == ["http://b:80", "http://b:80"])
    }

    @Test("HTTP_PROXY may be a request's field, and is no setting")
    func httpoxy() throws {
        #expect(try Self.proxies(["HTTP_PROXY": "a"]) == [nil, nil])
        #expect(try Self.proxies(["HTTP_PROXY": "a", "http_proxy": "b"]) == ["http://b:80", nil])
    }

    @Test("a variable that is no proxy is named")
    func invalid() {
        #expect(throws: ProxySettings.InvalidVariable(name: "HTTPS_PROXY", reason: .scheme)) {
            try ProxySettings(environment: ["HTTPS_PROXY": "https://a"])
        }
    }

    @Test("no_proxy is asked for each server")
    func bypass() throws {
        let settings = try ProxySettings(environment: ["all_proxy": "a", "no_proxy": "intern.example, 10.0.0.0/8"])
        #expect(settings.proxy(for: try WebSocketURL("wss://example.com/")) != nil)
        #expect(settings.proxy(for: try WebSocketURL("wss://a.intern.example/")) == nil)
        #expect(settings.proxy(for: try WebSocketURL("ws://10.1.2.3:8080/")) == nil)
        let upper = try ProxySettings(environment: ["all_proxy": "a", "NO_PROXY": "*"])
        #expect(upper.proxy(for: try WebSocketURL("ws://example.com/")) == nil)
    }
}

@Suite("What goes around the proxy")
struct ProxyBypassTests {
    @Test(
        "names, with what is below them",
        arguments: [
            ("example.com", "example.com", true), ("example.com", "www.example.com", true),
            ("example.com", "a.b.example.com", true), ("example.com", "notexample.com", false),
            ("example.com", "example.com.org", false), ("example.com", "com", false),
            (".example.com", "example.com", true), (".example.com", "www.example.com", true),
            ("*.example.com", "www.example.com", true), ("EXAMPLE.com", "www.Example.COM", true),
            ("example.com.", "www.example.com", true), ("example.com", "example.com.", true),
            ("localhost", "localhost", true), ("a, b\tc  d,,", "c", true), ("a b", "d", false), ("*", "anything", true),
            ("*", "192.0.2.1", true), ("", "a", false), (".", "a", false), ("*.", "a", false), (",", "a", false),
        ])
    func names(entries: String, host: String, isBypassed: Bool) {
        #expect(ProxyBypass(entries).contains(host: host, port: 80) == isBypassed)
    }

    @Test(
        "addresses and networks",
        arguments: [
            ("192.0.2.7", "192.0.2.7", true), ("192.0.2.7", "192.0.2.70", false), ("192.0.2.0/24", "192.0.2.255", true),
            ("192.0.2.0/24", "192.0.3.0", false), ("192.0.2.0/25", "192.0.2.128", false),
            ("192.0.2.0/31", "192.0.2.1", true), ("0.0.0.0/0", "203.0.113.9", true), ("0.0.0.0/0", "::1", false),
            ("0.0.0.0/0", "example.com", false), ("192.0.2.0/33", "192.0.2.0", false),
            ("192.0.2.0/-1", "192.0.2.0", false), ("192.0.2.0/", "192.0.2.0", false),
            ("192.0.2.0/x", "192.0.2.0", false),
            ("::1", "::1", true), ("[::1]", "::1", true), ("::1", "0:0:0:0:0:0:0:1", true),
            ("2001:db8::/32", "2001:db8:1::", true), ("2001:db8::/32", "2001:db9::", false), ("::/0", "::1", true),
            ("2.0.2.7", "192.0.2.7", false), ("10", "10.0.0.1", false),
        ])
    func addresses(entries: String, host: String, isBypassed: Bool) {
        #expect(ProxyBypass(entries).contains(host: host, port: 80) == isBypassed)
    }

    @Test(
        "only with this port",
        arguments: [
            ("example.com:81", "www.example.com", 81, true), ("example.com:81", "example.com", 80, false),
            ("192.0.2.7:81", "192.0.2.7", 81, true), ("192.0.2.7:81", "192.0.2.7", 80, false),
            ("[::1]:81", "::1", 81, true), ("[::1]:81", "::1", 82, false), ("[2001:db8::]:81", "2001:db8::", 81, true),
        ])
    func ports(entries: String, host: String, port: Int, isBypassed: Bool) {
        #expect(ProxyBypass(entries).contains(host: host, port: port) == isBypassed)
        #expect(ProxyBypass(entries).contains(host: "elsewhere.example", port: port) == false)
    }
}
