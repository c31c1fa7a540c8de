import NIOCore
import Testing
import WebSocketCore
import WebSocketTesting

@testable import WebSockets

@Suite("Connecting through a proxy")
struct ProxyConnectionTests {
    private static func client(
        _ kind: Proxy.Kind, _ port: Int, _ credentials: Proxy.Credentials? = nil,
        _ configure: (inout WebSocketClient.Configuration) -> Void = { _ in }
    ) -> WebSocketClient {
        var configuration = WebSocketClient.Configuration.forTests()
        configuration.proxy = ProxySettings(Proxy(kind, host: "127.0.0.1", port: port, credentials: credentials))
        configure(&configuration)
        return WebSocketClient(configuration)
    }

    private static func expectEcho(_ client: WebSocketClient, _ url: String) async throws {
        let large = Message.binary([UInt8](repeating: 5, count: 300_000))
        let answers = try await withDeadline {
            try await client.withConnection(to: url) { socket in
                try await socket.send("hello")
                try await socket.send(large)
                return [try await socket.receive(), try await socket.receive()]
            }
        }
        #expect(answers == ["hello", large])
    }

    @Test(
        "the proxy looks the name up, and passes on",
        arguments: [
            (RawProxy.Kind.http(), nil), (.http(authorization: "Basic dTpwdw=="), "u"), (.socks(), nil),
            (.socks(user: "u", password: "pw"), "u"), (.socks(), "u"),
        ] as [(RawProxy.Kind, String?)])
    func plain(kind: RawProxy.Kind, user: String?) async throws {
        let credentials = user.map { Proxy.Credentials(user: $0, password: "pw") }
        try await WebSocketServer.echoing().whileRunning { server in
            try await RawProxy.whileRunning(kind, to: server.port) { proxy in
                let client = Self.client(kind.kind, proxy.server.port, credentials)
                // Only the proxy could know this name.
                try await Self.expectEcho(client, "ws://nowhere.invalid:8080/echo")
                #expect(proxy.requests.all == ["nowhere.invalid:8080"])
            }
        }
    }

    @Test("TLS is with the server, its name checked", arguments: [RawProxy.Kind.http(), .socks()])
    func secure(kind: RawProxy.Kind) async throws {
        try await TestCertificate.local.withFiles { files in
            try await WebSocketServer.echoing { $0.tls = files }.whileRunning { server in
                try await RawProxy.whileRunning(kind, to: server.port) { proxy in
                    let client = Self.client(kind.kind, proxy.server.port) {
                        $0.tls.trust = .rootsFile(files.certificateChain)
                    }
                    try await Self.expectEcho(client, "wss://localhost/echo")
                    // The certificate has these addresses, and the proxy's address is none of its affair.
                    try await Self.expectEcho(client, "wss://127.0.0.1/echo")
                    try await Self.expectEcho(client, "wss://[::1]:1234/echo")
                    for url in ["wss://other.example/echo", "wss://127.0.0.2/echo"] {
                        do {
                            _ = try await withDeadline { try await client.connect(to: url) }
                            Issue.record("connected to \(url)")
                        } catch WebSocketError.tlsFailed(.untrusted) {}
                    }
                }
            }
        }
    }

    @Test(
        "an address that the certificate does not have is told apart from the proxy's",
        arguments: [RawProxy.Kind.http(), .socks()])
    func proxyAddressIsNoName(kind: RawProxy.Kind) async throws {
        // The proxy is at 127.0.0.1, which the certificate has: it must not do for 192.0.2.7.
        try await TestCertificate.local.withFiles { files in
            try await WebSocketServer.echoing { $0.tls = files }.whileRunning { server in
                try await RawProxy.whileRunning(kind, to: server.port) { proxy in
                    let client = Self.client(kind.kind, proxy.server.port) {
                        $0.tls.trust = .rootsFile(files.certificateChain)
                    }
                    do {
                        _ = try await withDeadline { try await client.connect(to: "wss://192.0.2.7/echo") }
                        Issue.record("connected")
                    } catch WebSocketError.tlsFailed(.untrusted) {}
                }
            }
        }
    }

    @Test(
        "who is not let through is told why",
        arguments: [
            (RawProxy.Kind.http(authorization: "Basic dTpwdw=="), nil, ProxyFault.authenticationRequired),
            (.http(authorization: "Basic dTpwdw=="), "x", .authenticationRefused),
            (.socks(user: "u", password: "pw"), nil, .authenticationRequired),
            (.socks(user: "u", password: "pw"), "x", .authenticationRefused),
        ] as [(RawProxy.Kind, String?, ProxyFault)])
    func refused(kind: RawProxy.Kind, user: String?, fault: ProxyFault) async throws {
        try await RawProxy.whileRunning(kind, to: 1) { proxy in
            let client = Self.client(
                kind.kind, proxy.server.port, user.map { Proxy.Credentials(user: $0, password: "pw") })
            do {
                _ = try await withDeadline { try await client.connect(to: "ws://server.example/") }
                Issue.record("connected")
            } catch WebSocketError.proxyFailed(let told, let why) {
                #expect(told.port == proxy.server.port)
                #expect(why == fault)
            }
        }
    }

    /// What connecting through a proxy comes to that answers like this, and then ends its stream.
    private static func failure(
        _ kind: Proxy.Kind, _ answer: String, _ configure: (inout WebSocketClient.Configuration) -> Void = { _ in },
        ends: Bool = true
    ) async throws -> WebSocketError? {
        let server = try await RawServer.start()
        let client = Self.client(kind, server.port, nil, configure)
        let connecting = Task { try await client.connect(to: "ws://server.example/") }
        let peer = try await server.first()
        // It may have been told enough before it has got all.
        peer.sendSoon(Array(answer.utf8))
        if ends { try await peer.shutDownOutput() }
        defer { connecting.cancel() }
        do {
            _ = try await withDeadline { try await connecting.value }
            try await server.stop()
            return nil
        } catch let error as WebSocketError {
            try await server.stop()
            return error
        }
    }

    @Test("a proxy that ends, talks too much, or out of turn", arguments: [Proxy.Kind.http, .socks5])
    func misbehaving(kind: Proxy.Kind) async throws {
        guard case .proxyFailed(_, .ended)? = try await Self.failure(kind, "") else {
            Issue.record("not ended")
            return
        }
        let established =
            kind == .http ? "HTTP/1.1 200 OK\r\n\r\n" : "\u{5}\u{0}\u{5}\u{0}\u{0}\u{1}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}"
        guard case .proxyFailed(_, .protocolError)? = try await Self.failure(kind, established + "x", ends: false)
        else {
            Issue.record("not refused")
            return
        }
        let endless = kind == .http ? "HTTP/1.1 200 OK\r\n" + String(repeating: "A: b\r\n", count: 20_000) : "HTTP/1.1"
        switch try await Self.failure(kind, endless, ends: false) {
        case .proxyFailed(_, .invalidAnswer), .proxyFailed(_, .protocolError): break
        case let other: Issue.record("\(String(describing: other))")
        }
    }

    @Test("a proxy that does not answer has the handshake's time", arguments: [Proxy.Kind.http, .socks5])
    func silent(kind: Proxy.Kind) async throws {
        let error = try await Self.failure(
            kind, "", { $0.socket.limits.handshake.timeout = .milliseconds(20) }, ends: false)
        guard case .handshakeTimedOut? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test("what is bypassed goes around the proxy, and a proxy that is not there is told")
    func bypass() async throws {
        try await WebSocketServer.echoing().whileRunning { server in
            let gone = try await RawServer.start()
            try await gone.stop()
            let direct = Self.client(.http, gone.port) { $0.proxy.bypass = ["127.0.0.0/8"] }
            try await Self.expectEcho(direct, server.url("/echo"))
            let through = Self.client(.http, gone.port)
            do {
                _ = try await withDeadline { try await through.connect(to: server.url("/echo")) }
                Issue.record("connected")
            } catch WebSocketError.connectionFailed {}
        }
    }

    @Test(
        "a proxy that cannot be is a setting that is refused",
        arguments: [("", 80), ("a", 0), ("a", 70_000), ("a", -1)])
    func invalid(host: String, port: Int) async throws {
        var configuration = WebSocketClient.Configuration.forTests()
        configuration.proxy = ProxySettings(Proxy(.http, host: host, port: port))
        let client = WebSocketClient(configuration)
        do {
            _ = try await withDeadline { try await client.connect(to: "ws://server.example/") }
            Issue.record("connected")
        } catch WebSocketError.invalidSetting {}
    }
}

extension RawProxy.Kind {
    fileprivate var kind: Proxy.Kind {
        switch self {
        case .http: .http
        case .socks: .socks5
        }
    }
}
