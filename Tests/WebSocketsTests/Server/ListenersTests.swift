import Foundation
import NIOCore
import NIOSSL
import Testing
import WebSocketCore
import WebSocketTesting

@testable import WebSockets

@Suite("Several listeners, and Unix sockets")
struct ListenersTests {
    #if os(Linux)
    static let transports = [Transport.linux, .portable]
    #else
    static let transports = [Transport.portable]
    #endif

    /// An echo server that tells where its peers come from.
    private static func server(
        _ listeners: [WebSocketServer.Listener], _ transport: Transport,
        _ configure: (inout WebSocketServer.Configuration) -> Void = { _ in }
    ) -> WebSocketServer {
        var configuration = WebSocketServer.forTests().configuration
        configuration.transport = transport
        configure(&configuration)
        var server = WebSocketServer(listeners: listeners, configuration: configuration)
        server.on("/echo") { _ in Echo() }
        server.onRequest { HTTPResponse("\($0.remoteAddress) \($0.isSecure)") }
        return server
    }

    /// A path for a socket, in a folder that is removed afterwards.
    private static func withPath(_ body: (String) async throws -> Void) async throws {
        // Short: a socket's path is 107 bytes at most.
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            String(UUID().uuidString.prefix(8)))
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try await body(folder.appendingPathComponent("s").path)
    }

    private static func echo(_ peer: RawConnection) async throws {
        #expect(try await peer.upgrade("/echo").status == 101)
        try await peer.send(FrameBytes.text("hello"), FrameBytes.binary([UInt8](repeating: 1, count: 100_000)))
        #expect(try await peer.readFrame() == .text("hello"))
        #expect(try await peer.readFrame().payload.count == 100_000)
        try await peer.close()
    }

    // MARK: Several

    @Test("One server listens at plain and secure ports and at Unix sockets", arguments: transports)
    func several(transport: Transport) async throws {
        try await Self.withPath { path in
            let tls = TestCertificate.local.tlsInMemory
            let server = Self.server(
                [
                    .tcp(port: 0), .tcp(host: "localhost", port: 0, tls: tls), .unix(path: path), .tcp(port: 0),
                    .unix(path: path + "s", tls: tls),
                ], transport)
            try await server.whileRunning { running in
                #expect(running.addresses.count == 5)
                var ports: [Int] = []
                for case .tcp(_, let port) in running.addresses { ports.append(port) }
                #expect(Set(ports).count == 3 && !ports.contains(0))
                #expect(running.port == ports[0])
                #expect(running.host == "127.0.0.1")
                #expect(running.addresses[2] == .unix(path: path))
                #expect("\(running.addresses[1])" == "localhost:\(ports[1])")
                #expect("\(running.addresses[2])" == "unix:\(path)")

                try await Self.echo(try await RawConnection.connect(to: ports[0]))
                try await Self.echo(try await RawConnection.connect(to: ports[2]))
                try await Self.echo(try await RawConnection.connect(to: ports[1], tls: { _ in }))
                try await Self.echo(try await RawConnection.connect(toUnix: path))
                var trusting = TLSConfiguration.makeClientConfiguration()
                trusting.certificateVerification = .none
                let context = try NIOSSLContext(configuration: trusting)
                try await Self.echo(try await RawConnection.connect(toUnix: path + "s", tls: context))

                // Which of them is secure is known for each connection.
                let secure = try await RawConnection.connect(to: ports[1], tls: { _ in })
                let http = try await RawConnection.connect(toUnix: path)
                for (peer, answer) in [(secure, "true"), (http, "unix:\(path) false")] {
                    try await peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                    #expect(try await peer.readResponse().body.hasSuffix(answer))
                    try await peer.close()
                }
                try await eventually("all to have left") { running.connectionCount == 0 }
            }
            #expect(!FileManager.default.fileExists(atPath: path))
            #expect(!FileManager.default.fileExists(atPath: path + "s"))
        }
    }

    @Test("If one listener fails, the error names it and nothing stays open", arguments: transports)
    func oneFails(transport: Transport) async throws {
        try await Self.withPath { path in
            let blocker = try await RawServer.start()
            let free = try await RawServer.start()
            let freePort = free.port
            try await free.stop()
            let server = Self.server(
                [.tcp(port: freePort), .unix(path: path), .tcp(port: blocker.port), .tcp(port: 0)], transport)
            do {
                let running = try await server.start()
                Issue.record("started")
                await running.drain()
            } catch let error as ListenError {
                #expect(error.address == .tcp(host: "127.0.0.1", port: blocker.port))
                #expect("\(error)".hasPrefix("cannot listen at 127.0.0.1:\(blocker.port): "))
                #expect("\(error)".contains("in use"))
            }
            #expect(!FileManager.default.fileExists(atPath: path))
            await #expect(throws: (any Error).self) { try await RawConnection.connect(to: freePort) }
            try await blocker.stop()
        }
    }

    @Test("A certificate that cannot be read names its listener too")
    func badCertificate() async throws {
        let server = Self.server(
            [
                .tcp(port: 0),
                .tcp(port: 0, tls: ServerTLS(certificateChain: "/no/such.pem", privateKey: "/no/such.key")),
            ],
            .automatic)
        do {
            await (try await server.start()).drain()
            Issue.record("started")
        } catch let error as ListenError {
            #expect("\(error)" == "cannot listen at 127.0.0.1:0: TLS: /no/such.pem: No such file or directory (2)")
        }
    }

    // MARK: Unix sockets

    @Test("Many connections by one Unix socket, on several loops", arguments: transports)
    func manyLoops(transport: Transport) async throws {
        try await Self.withPath { path in
            try await Self.server([.unix(path: path)], transport, { $0.threads = 3 }).whileRunning { running in
                #expect(running.port == 0)
                #expect(running.host.isEmpty)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<20 { group.addTask { try await Self.echo(try await .connect(toUnix: path)) } }
                    try await group.waitForAll()
                }
                try await eventually("all to have left") { running.connectionCount == 0 }
            }
        }
    }

    @Test("The file's permissions are those that were asked for", arguments: transports, [0o600, 0o666, 0o770])
    func mode(transport: Transport, mode: UInt16) async throws {
        try await Self.withPath { path in
            try await Self.server([.unix(path: path, mode: mode)], transport).whileRunning { _ in
                let attributes = try FileManager.default.attributesOfItem(atPath: path)
                #expect((attributes[.posixPermissions] as? Int) == Int(mode))
                #expect((attributes[.type] as? FileAttributeType) == .typeSocket)
            }
        }
    }

    @Test("A file that a crash has left behind is replaced; one that somebody listens on is not", arguments: transports)
    func stale(transport: Transport) async throws {
        try await Self.withPath { path in
            // Closed without being removed, as a process is that was killed.
            let (socket, _) = try UnixSocketFile.open(path: path, mode: nil, backlog: 1)
            let second = Self.server([.unix(path: path)], transport)
            do {
                await (try await second.start()).drain()
                Issue.record("started where another listens")
            } catch let error as ListenError {
                #expect(error.address == .unix(path: path))
                #expect("\(error)".contains("in use"))
            }
            close(socket)
            #expect(FileManager.default.fileExists(atPath: path))
            try await second.whileRunning { _ in try await Self.echo(try await .connect(toUnix: path)) }
            #expect(!FileManager.default.fileExists(atPath: path))
        }
    }

    @Test("A file that is no socket stays, and so does one that has taken the place of ours", arguments: transports)
    func foreignFiles(transport: Transport) async throws {
        try await Self.withPath { path in
            try "precious".write(toFile: path, atomically: false, encoding: .utf8)
            let server = Self.server([.unix(path: path)], transport)
            do {
                await (try await server.start()).drain()
                Issue.record("started")
            } catch let error as ListenError {
                #expect("\(error)" == "cannot listen at unix:\(path): there is a file that is no socket")
            }
            #expect(try String(contentsOfFile: path, encoding: .utf8) == "precious")
            try FileManager.default.removeItem(atPath: path)
            try await server.whileRunning { _ in
                try FileManager.default.removeItem(atPath: path)
                try "another's".write(toFile: path, atomically: false, encoding: .utf8)
            }
            #expect(try String(contentsOfFile: path, encoding: .utf8) == "another's")
        }
    }

    @Test("A path that is too long is an error that says so", arguments: transports)
    func longPath(transport: Transport) async throws {
        let path = "/tmp/" + String(repeating: "x", count: 200)
        do {
            await (try await Self.server([.unix(path: path)], transport).start()).drain()
            Issue.record("started")
        } catch let error as ListenError {
            #expect("\(error)".hasSuffix("the path is longer than a socket's may be: 205 bytes"))
        }
    }
}
