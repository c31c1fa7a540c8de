import Testing

@testable import WebSocketCore

@Suite("Host and port (RFC 3986 §3.2)")
struct AuthorityTests {
    @Test(
        "are taken apart",
        arguments: [
            ("a", "a", nil), ("A.Example:8080", "a.example", 8080), ("a:", "a", nil), ("a:1", "a", 1),
            ("a:65535", "a", 65535),
            ("a:00080", "a", 80), ("127.0.0.1:1", "127.0.0.1", 1), ("[::1]", "::1", nil),
            ("[FE80::A]:80", "fe80::a", 80),
            ("_a~-", "_a~-", nil), (String(repeating: "x", count: 255), String(repeating: "x", count: 255), nil),
        ] as [(String, String, Int?)])
    func accepts(text: String, host: String, port: Int?) throws {
        let authority = try Authority(text)
        #expect(authority.host == host)
        #expect(authority.port == port)
        #expect(Authority.isValid(text))
    }

    @Test(
        "are refused",
        arguments: [
            ("", .host), (":80", .host), ("a b", .host), ("a/", .host), ("a@b", .host), ("ä", .host), ("a\0", .host),
            ("a%41", .host), ("::1", .host), ("[::1", .host), ("[]", .host), ("[::1]x", .host), ("[::1%25eth0]", .host),
            ("[127.0.0.1]", .host), (String(repeating: "x", count: 256), .host), ("a,b", .host), ("*", .host),
            ("a:0", .port), ("a:65536", .port), ("a:-1", .port), ("a:+1", .port), ("a:1:2", .port), ("a: 1", .port),
            ("a:99999999999999999999999999", .port), ("[::1]:x", .port),
        ] as [(String, Authority.Fault)])
    func refuses(text: String, fault: Authority.Fault) {
        #expect(throws: fault) { try Authority(text) }
        #expect(!Authority.isValid(text))
    }

    @Test(
        "an IPv6 address (RFC 4291 §2.2)",
        arguments: [
            ("::", true), ("::1", true), ("1::", true), ("1:2:3:4:5:6:7:8", true), ("1::8", true),
            ("1:2:3:4:5:6:7::", true),
            ("::2:3:4:5:6:7:8", true), ("::ffff:192.0.2.1", true), ("1:2:3:4:5:6:1.2.3.4", true), ("::1.2.3.4", true),
            ("ABCD:ef01::", true), ("64:ff9b::0.0.0.0", true),
            ("", false), (":", false), (":::", false), ("1", false), ("1:2:3:4:5:6:7", false),
            ("1:2:3:4:5:6:7:8:9", false),
            ("1::2::3", false), ("1:2:3:4:5:6:7:8::", false), ("::1:2:3:4:5:6:7:8", false), ("12345::", false),
            ("g::", false),
            (":1", false), ("1:", false), ("1:2:3:4:5:6:7:", false), ("::1.2.3", false), ("::1.2.3.4.5", false),
            ("::1.2.3.256", false), ("::01.2.3.4", false), ("::1.2.3.", false), ("1.2.3.4", false),
            ("::1.2.3.4:5", false),
            ("1:2:3:4:5:6:7:1.2.3.4", false), ("::%", false), ("::.1.2.3", false), ("::1..2.3", false),
        ])
    func ipv6(text: String, isValid: Bool) {
        #expect(IPv6Address.isValid(Array(text.utf8).span.bytes) == isValid)
    }
}
