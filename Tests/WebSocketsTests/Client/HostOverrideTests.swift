import Testing

@testable import WebSockets

@Suite("Addresses instead of those of a name")
struct HostOverrideTests {
    @Test(
        "are read as curl's --resolve",
        arguments: [
            ("a.example:443:127.0.0.1", HostOverride(host: "a.example", port: 443, addresses: ["127.0.0.1"])),
            ("*:80:::1,192.0.2.7", HostOverride(host: "*", port: 80, addresses: ["::1", "192.0.2.7"])),
            ("a:*:[2001:db8::7]", HostOverride(host: "a", addresses: ["2001:db8::7"])),
            ("[::1]:8080:127.0.0.1", HostOverride(host: "::1", port: 8080, addresses: ["127.0.0.1"])),
        ])
    func reads(text: String, wanted: HostOverride) throws {
        #expect(try HostOverride(text) == wanted)
    }

    @Test(
        "are refused otherwise",
        arguments: [
            "", "a", "a:80", "a:80:", "a:80:b", "a:0:127.0.0.1", "a:65536:127.0.0.1", "a:x:127.0.0.1", ":80:127.0.0.1",
            "a:80:127.0.0.1,", "a:80:127.0.0.1 ", "[::1:80:127.0.0.1", "a:-1:127.0.0.1", "a::127.0.0.1",
        ])
    func refuses(text: String) {
        #expect(throws: HostOverride.Invalid(text: text)) { try HostOverride(text) }
    }

    @Test("the first that matches is taken")
    func matches() throws {
        let overrides = [
            HostOverride(host: "A.example", port: 80, addresses: ["192.0.2.1"]),
            HostOverride(host: "a.example", addresses: ["192.0.2.2"]),
            HostOverride(host: "*", port: 81, addresses: ["::1"]),
        ]
        func destination(_ host: String, _ port: Int) throws -> Destination {
            try Destination(host: host, port: port, overrides: overrides, unixSocketPath: nil)
        }
        #expect(try destination("a.example", 80) == .addresses(["192.0.2.1"], port: 80))
        #expect(try destination("a.example", 443) == .addresses(["192.0.2.2"], port: 443))
        #expect(try destination("b.example", 81) == .addresses(["::1"], port: 81))
        #expect(try destination("b.example", 80) == .host("b.example", port: 80))
    }

    @Test("settings that cannot be are refused", arguments: ["", String(repeating: "x", count: 104), "a\u{0}b"])
    func invalid(path: String) {
        #expect(throws: WebSocketError.self) {
            try Destination(host: "a", port: 80, overrides: [], unixSocketPath: path)
        }
        for addresses in [[], ["name.example"], ["127.0.0.1", ""]] {
            let override = HostOverride(host: "a", addresses: addresses)
            #expect(throws: WebSocketError.self) {
                try Destination(host: "a", port: 80, overrides: [override], unixSocketPath: nil)
            }
        }
    }
}
