import Foundation
import NIOCore
import Testing
import WebSocketCore
import WebSocketTesting

@testable import WebSockets

@Suite("Where a client connects to instead")
struct DestinationTests {
    private static func client(_ configure: (inout WebSocketClient.Configuration) -> Void) -> WebSocketClient {
        var configuration = WebSocketClient.Configuration.forTests()
        configure(&configuration)
        return WebSocketClient(configuration)
    }

    /// Opens a connection to a server whose answers this test writes, and returns the Host it was asked with.
    private static func host(_ client: WebSocketClient, _ url: String, at server: RawServer) async throws -> String? {
        let connecting = Task { try await client.connect(to: url) }
        let request = try await server.first().accept(then: FrameBytes.text("hello").bytes)
        let socket = try await withDeadline { try await connecting.value }
        let message = try await withDeadline { try await socket.receive() }
        #expect(message == "hello")
        socket.abort()
        return request["Host"]
    }

    @Test("an address stands for a name")
    func overridden() async throws {
        try await RawServer.whileRunning { server in
            let client = Self.client {
                $0.hostOverrides = [HostOverride(host: "nowhere.invalid", addresses: ["127.0.0.1"])]
            }
            let host = try await Self.host(client, "ws://Nowhere.INVALID:\(server.port)/", at: server)
            #expect(host == "nowhere.invalid:\(server.port)")
        }
    }

    @Test("the first of the addresses that answers")
    func several() async throws {
        try await RawServer.whileRunning { server in
            let client = Self.client {
                // The server listens at one of them only.
                $0.hostOverrides = [HostOverride(host: "*", addresses: ["::1", "127.0.0.1"])]
            }
            let host = try await Self.host(client, "ws://a.invalid:\(server.port)/", at: server)
            #expect(host != nil)
        }
    }

    @Test("the certificate must be the name's all the same")
    func certificate() async throws {
        try await TestCertificate.local.withFiles { files in
            try await WebSocketServer.echoing { $0.tls = files }.whileRunning { server in
                let client = Self.client {
                    $0.tls.trust = .rootsFile(files.certificateChain)
                    $0.hostOverrides = [HostOverride(host: "*", addresses: ["127.0.0.1"])]
                }
                let socket = try await withDeadline {
                    try await client.connect(to: "wss://localhost:\(server.port)/echo")
                }
                socket.abort()
                // The address that is connected to is among the certificate's, those in the URLs are not.
                for host in ["other.example", "192.0.2.7"] {
                    do {
                        _ = try await withDeadline { try await client.connect(to: "wss://\(host):\(server.port)/echo") }
                        Issue.record("connected to \(host)")
                    } catch WebSocketError.tlsFailed(.untrusted) {}
                }
            }
        }
    }

    /// Runs `body` with the path of a socket that does not exist yet.
    private static func withPath(_ body: (String) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("s\(UInt32.random(in: 0 ... .max))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try await body(folder.appendingPathComponent("socket").path)
    }

    @Test("a socket in the file system")
    func unixSocket() async throws {
        try await Self.withPath { path in
            try await RawServer.whileRunning(unixSocketPath: path) { server in
                let client = Self.client {
                    $0.unixSocketPath = path
                    // Not used.
                    $0.proxy = ProxySettings(Proxy(.http, host: "nowhere.invalid", port: 1))
                }
                let connecting = Task { try await client.connect(to: "ws://server.example/path") }
                let connection = try await server.first()
                let request = try await connection.accept()
                #expect(request["Host"] == "server.example")
                #expect(request.head.hasPrefix("GET /path HTTP/1.1\r\n"))
                let socket = try await withDeadline { try await connecting.value }
                #expect(socket.info.remoteAddress == "unix:\(path)")
                let large = [UInt8](repeating: 7, count: 1 << 20)
                let sending = Task { try await socket.send(large) }
                let frame = try await connection.readFrame()
                try await withDeadline { try await sending.value }
                #expect(frame.payload.count == large.count)
                try await connection.close()
                let ending = try await withDeadline { await socket.closed() }.ending
                #expect(ending == .abnormal(.endOfStream))
            }
        }
    }

    @Test("a socket where nobody listens, or that does not exist")
    func noSocket() async throws {
        try await Self.withPath { path in
            for _ in 0..<2 {
                do {
                    let client = Self.client { $0.unixSocketPath = path }
                    _ = try await withDeadline { try await client.connect(to: "ws://server.example/") }
                    Issue.record("connected")
                } catch WebSocketError.connectionFailed {}
                // A file is no socket either.
                try "x".write(toFile: path, atomically: false, encoding: .utf8)
            }
        }
    }

    @Test(
        "connections to one host are made one after the other, unless that is switched off", arguments: [true, false])
    func oneAtATime(isOneAtATime: Bool) async throws {
        try await RawServer.whileRunning { server in
            let client = Self.client { $0.connectsOneAtATime = isOneAtATime }
            let tasks = (0..<4).map { _ in Task { try await client.connect(to: server.url) } }
            if isOneAtATime {
                let key = ConnectingQueue.Key(host: "127.0.0.1", port: server.port)
                for number in 0..<4 {
                    let connection = try await server.connection(number)
                    try await eventually("the others to wait") {
                        ConnectingQueue.ofProcess.waitingCount(key) == 3 - number
                    }
                    #expect(server.acceptedCount == number + 1)
                    try await connection.accept()
                }
            } else {
                for number in 0..<4 { _ = try await server.connection(number) }
                for number in 0..<4 { try await server.connection(number).accept() }
            }
            for task in tasks { try await withDeadline { try await task.value }.abort() }
        }
    }

    @Test("more waiting connections than allowed are refused")
    func tooMany() async throws {
        try await RawServer.whileRunning { server in
            let client = Self.client { $0.maxWaitingConnects = 0 }
            let first = Task { try await client.connect(to: server.url) }
            _ = try await server.first()
            do {
                _ = try await withDeadline { try await client.connect(to: server.url) }
                Issue.record("connected")
            } catch WebSocketError.tooManyConnecting(limit: 0) {}
            first.cancel()
        }
    }
}
