import Testing
import WebSocketCore
import WebSocketTesting

@testable import WebSockets

@Suite("Talking to a proxy (RFC 9110 §9.3.6, RFC 1928, RFC 1929)")
struct ProxyHandshakeTests {
    private static func handshake(
        _ kind: Proxy.Kind, to host: String = "server.example", port: Int = 443,
        _ credentials: Proxy.Credentials? = nil, limits: Limits.Handshake = Limits.Handshake()
    ) throws -> ProxyHandshake {
        try ProxyHandshake(
            Proxy(kind, host: "proxy", port: 1, credentials: credentials), to: host, port: port, limits: limits)
    }

    private static let user = Proxy.Credentials(user: "Aladdin", password: "open sesame")

    /// What the client does when these bytes come: all at once, and one at a time.
    private static func steps(_ handshake: ProxyHandshake, _ answer: [UInt8]) -> [ProxyHandshake.Step] {
        var whole = Exchange(handshake)
        whole.receive(answer)
        var pieces = Exchange(handshake)
        for byte in answer { pieces.receive([byte]) }
        #expect(whole.steps == pieces.steps)
        if whole.steps.last == .established { #expect(whole.bytes == pieces.bytes) }
        return whole.steps
    }

    private struct Exchange {
        var handshake: ProxyHandshake
        var bytes: [UInt8] = []
        var steps: [ProxyHandshake.Step] = []

        init(_ handshake: ProxyHandshake) { self.handshake = handshake }

        mutating func receive(_ more: [UInt8]) {
            self.bytes += more
            while true {
                switch self.steps.last {
                case .failed, .established: return
                default: break
                }
                let step = self.handshake.received(&self.bytes)
                if step == .needMoreBytes { return }
                self.steps.append(step)
            }
        }
    }

    @Test("no answer is a trap", arguments: [1, 2, 3] as [UInt64])
    func random(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let starts: [[UInt8]] = [[], [5, 0], [5, 2, 1, 0], [5, 0, 5, 0, 0], Array("HTTP/1.1 2".utf8), [5, 0xFF]]
        for _ in 0..<3000 {
            let start = starts[Int.random(in: 0..<starts.count, using: &random)]
            let rest = (0..<Int.random(in: 0..<40, using: &random)).map { _ in
                // Small numbers are the ones that mean something.
                UInt8.random(in: Bool.random(using: &random) ? 0...5 : 0...255, using: &random)
            }
            for kind in Proxy.Kind.allCases { _ = Self.steps(try Self.handshake(kind, Self.user), start + rest) }
        }
    }

    // MARK: CONNECT

    @Test("CONNECT asks for host and port, and says who asks")
    func request() throws {
        let plain = try Self.handshake(.http).greeting
        #expect(
            String(decoding: plain, as: UTF8.self)
                == "CONNECT server.example:443 HTTP/1.1\r\nHost: server.example:443\r\n\r\n")
        let text = String(decoding: try Self.handshake(.http, to: "::1", port: 80, Self.user).greeting, as: UTF8.self)
        #expect(text.hasPrefix("CONNECT [::1]:80 HTTP/1.1\r\nHost: [::1]:80\r\n"))
        // The example of RFC 7617 §2.
        #expect(text.hasSuffix("\r\nProxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n"))
    }

    @Test(
        "every 2xx is the way through, whatever its fields say",
        arguments: [
            "HTTP/1.1 200 Connection established\r\n\r\n", "HTTP/1.0 200 OK\r\n\r\n",
            "HTTP/1.1 299 \r\nContent-Length: 5\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        ])
    func established(answer: String) throws {
        #expect(Self.steps(try Self.handshake(.http), Array(answer.utf8)) == [.established])
    }

    @Test("bytes behind the answer stay")
    func leftOver() throws {
        var handshake = try Self.handshake(.http)
        var bytes = Array("HTTP/1.1 200 OK\r\n\r\nmore".utf8)
        #expect(handshake.received(&bytes) == .established)
        #expect(bytes == Array("more".utf8))
    }

    @Test("407 is told apart by whether the proxy knows who asks")
    func authentication() throws {
        let answer = Array("HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n".utf8)
        #expect(Self.steps(try Self.handshake(.http), answer) == [.failed(.authenticationRequired)])
        #expect(Self.steps(try Self.handshake(.http, Self.user), answer) == [.failed(.authenticationRefused)])
    }

    @Test("another status is a refusal", arguments: [301, 400, 403, 404, 500, 502, 503])
    func refused(status: Int) throws {
        let steps = Self.steps(try Self.handshake(.http), Array("HTTP/1.1 \(status) No\r\nA: b\r\n\r\nbody".utf8))
        guard case .failed(.refused(let head)) = try #require(steps.first) else {
            Issue.record("\(steps)")
            return
        }
        #expect(head.status == status)
        #expect(head.fields["A"] == "b")
    }

    @Test(
        "an answer that is none", arguments: ["SSH-2.0-x\r\n\r\n", "\u{5}\u{0}xxxxxxxxxx\r\n", "HTTP/1.1 abc\r\n\r\n"])
    func nonsense(answer: String) throws {
        let steps = Self.steps(try Self.handshake(.http), Array(answer.utf8))
        guard case .failed(.invalidAnswer) = try #require(steps.first) else {
            Issue.record("\(steps)")
            return
        }
    }

    @Test("an answer without end meets the limit of heads")
    func endless() throws {
        var limits = Limits.Handshake()
        limits.maxHeadBytes = 1000
        var exchange = Exchange(try Self.handshake(.http, limits: limits))
        exchange.receive(Array("HTTP/1.1 200 OK\r\n".utf8))
        let line = Array("A: \(String(repeating: "b", count: 50))\r\n".utf8)
        while exchange.steps.isEmpty, exchange.bytes.count < 10_000 { exchange.receive(line) }
        #expect(exchange.steps == [.failed(.invalidAnswer(.headTooLarge(limit: 1000)))])
        #expect(exchange.bytes.count <= 1000 + line.count)
    }

    @Test("a user name with a colon cannot be sent")
    func colon() {
        #expect(throws: WebSocketError.self) {
            try Self.handshake(.http, Proxy.Credentials(user: "a:b", password: "c"))
        }
    }

    // MARK: SOCKS

    private static let reply: [UInt8] = [5, 0, 0, 1, 127, 0, 0, 1, 0x1F, 0x90]

    @Test("SOCKS asks for a name, which the proxy looks up")
    func socksName() throws {
        let handshake = try Self.handshake(.socks5, to: "a.example", port: 8080)
        #expect(handshake.greeting == [5, 1, 0])
        let request: [UInt8] = [5, 1, 0, 3, 9] + Array("a.example".utf8) + [0x1F, 0x90]
        #expect(Self.steps(handshake, [5, 0] + Self.reply) == [.write(request), .established])
    }

    @Test(
        "SOCKS asks for an address",
        arguments: [
            ("192.0.2.7", [1, 192, 0, 2, 7] as [UInt8]),
            ("::1", [4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
        ])
    func socksAddress(host: String, wanted: [UInt8]) throws {
        let steps = Self.steps(try Self.handshake(.socks5, to: host, port: 80), [5, 0] + Self.reply)
        #expect(steps == [.write([5, 1, 0] + wanted + [0, 80]), .established])
    }

    @Test("who asks is told if the proxy wants to know, and only then")
    func socksCredentials() throws {
        let handshake = try Self.handshake(.socks5, to: "192.0.2.7", port: 80, Self.user)
        #expect(handshake.greeting == [5, 2, 0, 2])
        let credentials: [UInt8] = [1, 7] + Array("Aladdin".utf8) + [11] + Array("open sesame".utf8)
        let request: [UInt8] = [5, 1, 0, 1, 192, 0, 2, 7, 0, 80]
        #expect(
            Self.steps(handshake, [5, 2, 1, 0] + Self.reply) == [.write(credentials), .write(request), .established])
        #expect(Self.steps(handshake, [5, 0] + Self.reply) == [.write(request), .established])
        #expect(Self.steps(handshake, [5, 2, 1, 1]) == [.write(credentials), .failed(.authenticationRefused)])
        #expect(Self.steps(handshake, [5, 0xFF]) == [.failed(.authenticationRefused)])
        let anonymous = try Self.handshake(.socks5)
        #expect(Self.steps(anonymous, [5, 0xFF]) == [.failed(.authenticationRequired)])
    }

    @Test("the address in a reply may be of any kind")
    func socksReplies() throws {
        let handshake = try Self.handshake(.socks5, to: "192.0.2.7", port: 80)
        for address: [UInt8] in [[1, 0, 0, 0, 0], [3, 0], [3, 2, 65, 66], [4] + [UInt8](repeating: 0, count: 16)] {
            #expect(Self.steps(handshake, [5, 0, 5, 0, 0] + address + [0, 0]).last == .established, "\(address)")
        }
        let unknown = Self.steps(handshake, [5, 0, 5, 0, 0, 2, 0, 0, 0])
        #expect(unknown.last == .failed(.protocolError("its reply has an unknown kind of address")))
    }

    @Test("a refusal says why", arguments: 1...9 as ClosedRange<UInt8>)
    func socksRefused(code: UInt8) throws {
        let steps = Self.steps(try Self.handshake(.socks5), [5, 0, 5, code])
        #expect(steps.last == .failed(.socksRefused(ProxyFault.SOCKSReply(rawValue: code))))
    }

    @Test(
        "what is no SOCKS proxy",
        arguments: [
            Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8), [4, 0], [5, 2], [5, 1], [5, 0, 4, 0], [0x15, 3, 1],
        ] as [[UInt8]])
    func socksNonsense(answer: [UInt8]) throws {
        guard case .failed(.protocolError)? = Self.steps(try Self.handshake(.socks5), answer).last else {
            Issue.record("\(answer)")
            return
        }
    }

    @Test(
        "credentials that SOCKS has no room for",
        arguments: [
            ("", "p"), ("u", ""), (String(repeating: "u", count: 256), "p"), ("u", String(repeating: "é", count: 128)),
        ])
    func socksLimits(user: String, password: String) {
        #expect(throws: WebSocketError.self) {
            try Self.handshake(.socks5, Proxy.Credentials(user: user, password: password))
        }
    }
}
