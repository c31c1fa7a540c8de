import NIOCore
import Testing
import WebSocketCore
import WebSocketTesting

@testable import WebSockets

@Suite("wss (RFC 6455 §4.1, §10.6)")
struct SecureConnectionTests {
    private static func client(_ trust: WebSocketClient.ServerTrust) -> WebSocketClient {
        var configuration = WebSocketClient.Configuration.forTests()
        configuration.tls.trust = trust
        return WebSocketClient(configuration)
    }

    /// Runs `body` with an echo server that has `certificate`, whose file is given too.
    private static func withServer(
        _ certificate: TestCertificate = .local,
        _ configure: @escaping (inout WebSocketServer.Configuration) -> Void = { _ in },
        _ body: (RunningServer, String) async throws -> Void
    ) async throws {
        try await certificate.withFiles { files in
            let server = WebSocketServer.echoing {
                $0.tls = files.tls
                configure(&$0)
            }
            try await server.whileRunning { try await body($0, files.certificateChain) }
        }
    }

    private static func isRefused(_ client: WebSocketClient, _ url: String) async throws -> Bool {
        do {
            let socket = try await withDeadline { try await client.connect(to: url) }
            socket.abort()
            return false
        } catch WebSocketError.tlsFailed {
            return true
        } catch WebSocketError.invalidSetting { return true }
    }

    #if os(Linux)
    static let transports = [Transport.linux, .portable]
    #else
    static let transports = [Transport.portable]
    #endif

    @Test(
        "A trusted server is connected to, by name and by address", arguments: ["localhost", "127.0.0.1"],
        Self.transports)
    func trusted(host: String, transport: Transport) async throws {
        try await Self.withServer(.local, { $0.transport = transport }) { server, roots in
            let socket = try await withDeadline {
                try await Self.client(.rootsFile(roots)).connect(to: "wss://\(host):\(server.port)/echo")
            }
            #expect(socket.info.isSecure)
            let large = Message.binary([UInt8](repeating: 5, count: 1 << 20))
            let answers = try await withDeadline {
                try await socket.send("secret")
                try await socket.send(large)
                return [try await socket.receive(), try await socket.receive()]
            }
            #expect(answers == ["secret", large])
            let closure = try await withDeadline { await socket.close(.normal, reason: "done") }
            #expect(closure.isClean)
            #expect(closure.received == Close(.normal, reason: "done"))
        }
    }

    @Test("A server whose certificate nobody trusted has signed is refused")
    func untrusted() async throws {
        try await Self.withServer { server, _ in
            let url = "wss://localhost:\(server.port)/echo"
            #expect(try await Self.isRefused(Self.client(.systemRoots), url))
            try await TestCertificate.other.withFiles { other in
                let isRefused = try await Self.isRefused(Self.client(.rootsFile(other.certificateChain)), url)
                #expect(isRefused)
            }
            #expect(try await !Self.isRefused(Self.client(.anything), url))
        }
    }

    @Test("A trusted certificate of another host is refused", arguments: ["localhost", "127.0.0.1"])
    func wrongHost(host: String) async throws {
        try await Self.withServer(.other) { server, roots in
            let url = "wss://\(host):\(server.port)/echo"
            let isRefused = try await Self.isRefused(Self.client(.rootsFile(roots)), url)
            #expect(isRefused)
            #expect(try await !Self.isRefused(Self.client(.anything), url))
        }
    }

    @Test("A file that cannot be read is no reason to trust")
    func noFile() async throws {
        try await Self.withServer { server, _ in
            let url = "wss://localhost:\(server.port)/echo"
            let isRefused = try await Self.isRefused(Self.client(.rootsFile("/does/not/exist.pem")), url)
            #expect(isRefused)
        }
    }

    @Test("A server without its files does not start")
    func noServerFiles() async throws {
        let server = WebSocketServer.echoing {
            $0.tls = ServerTLS(certificateChain: "/does/not/exist.pem", privateKey: "/does/not/exist.key")
        }
        await #expect(throws: (any Error).self) { try await server.start() }
    }

    @Test("ws does not reach a wss server, nor wss a ws server")
    func mixedUp() async throws {
        try await Self.withServer { server, roots in
            await #expect(throws: WebSocketError.self) {
                try await withDeadline {
                    try await WebSocketClient.forTests().connect(to: "ws://localhost:\(server.port)/echo")
                }
            }
        }
        try await WebSocketServer.echoing().whileRunning { server in
            let isRefused = try await Self.isRefused(Self.client(.anything), "wss://localhost:\(server.port)/echo")
            #expect(isRefused)
        }
    }

    @Test("A refusal comes through TLS whole")
    func rejection() async throws {
        try await Self.withServer { server, roots in
            do {
                let client = Self.client(.rootsFile(roots))
                _ = try await withDeadline { try await client.connect(to: "wss://localhost:\(server.port)/nothing") }
                Issue.record("accepted")
            } catch WebSocketError.handshakeRejected(let head, let body) {
                #expect(head.status == 404)
                #expect(head.contentLength == body.count)
            }
        }
    }

    @Test("A full server says 503 over TLS too")
    func full() async throws {
        try await Self.withServer(.local, { $0.maxConnections = 1 }) { server, roots in
            let client = Self.client(.rootsFile(roots))
            let url = "wss://localhost:\(server.port)/echo"
            let first = try await withDeadline { try await client.connect(to: url) }
            do {
                _ = try await withDeadline { try await client.connect(to: url) }
                Issue.record("accepted")
            } catch WebSocketError.handshakeRejected(let head, _) {
                #expect(head.status == 503)
            }
            _ = try await withDeadline { await first.close() }
        }
    }

    @Test("The server accepts pages of its own host over https only", arguments: [("https", 101), ("http", 403)])
    func origin(scheme: String, status: Int) async throws {
        try await Self.withServer { server, roots in
            var configuration = WebSocketClient.Configuration.forTests()
            configuration.tls.trust = .rootsFile(roots)
            configuration.origin = "\(scheme)://localhost:\(server.port)"
            let client = WebSocketClient(configuration)
            do {
                let socket = try await withDeadline {
                    try await client.connect(to: "wss://localhost:\(server.port)/echo")
                }
                #expect(status == 101)
                socket.abort()
            } catch WebSocketError.handshakeRejected(let head, _) {
                #expect(head.status == status)
            }
        }
    }

    @Test("A peer that never finishes the TLS handshake is left after the handshake's time")
    func slowHandshake() async throws {
        try await Self.withServer(.local, { $0.socket.limits.handshake.timeout = .milliseconds(50) }) { server, _ in
            let peer = try await RawConnection.connect(to: server.port)
            // The beginning of a ClientHello.
            try await peer.send([0x16, 0x03, 0x01, 0x02, 0x00, 0x01])
            _ = try? await peer.readToEnd()
            #expect(try await peer.end != nil)
            try await eventually("the server to have forgotten it") { server.connectionCount == 0 }
        }
    }
}
