import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import ServiceLifecycle
import Testing
import WebSocketCore
import WebSockets
import WebSocketsNIO

@Suite("WebSockets on somebody else's channels")
struct WebSocketUpgraderTests {
    private static func server(
        _ configure: (inout WebSocketServer.Configuration) -> Void = { _ in }
    ) -> WebSocketServer {
        var configuration = WebSocketServer.Configuration()
        configuration.logger.logLevel = .critical
        configuration.drainSpread = .zero
        configuration.drainTimeout = .seconds(10)
        configuration.socket.deflate = PerMessageDeflate.Configuration(minimumBytes: 0)
        configuration.socket.limits.handshake.timeout = .seconds(600)
        configure(&configuration)
        var server = WebSocketServer(listeners: [], configuration: configuration)
        server.on("/callbacks", subprotocols: ["b", "a"]) { _ in Echo() }
        server.on("/task") { socket in
            for try await message in socket { try await socket.send(message) }
        }
        server.on("/refused", accept: { _ in .reject(status: 401, fields: ["WWW-Authenticate": "Bearer"]) }) { _ in
            Echo()
        }
        return server
    }

    private struct Echo: MessageReceiver {
        mutating func received(_ message: RawSpan, _ kind: MessageKind, _ socket: LoopSocket) {
            socket.send(message, as: kind)
        }
    }

    private static func with(
        _ server: WebSocketServer, _ kind: NIOServer.Kind, isHalfClosing: Bool = false,
        _ body: (NIOServer, WebSocketUpgrader) async throws -> Void
    ) async throws {
        let upgrader = WebSocketUpgrader(server)
        let running = try await NIOServer.start(upgrader, kind, isHalfClosing: isHalfClosing)
        do {
            try await body(running, upgrader)
        } catch {
            await upgrader.drain()
            try await running.stop()
            throw error
        }
        await upgrader.drain()
        #expect(upgrader.connectionCount == 0)
        try await running.stop()
    }

    @Test("Messages go both ways, for callbacks and for tasks", arguments: NIOServer.Kind.allCases)
    func echo(kind: NIOServer.Kind) async throws {
        try await Self.with(Self.server(), kind) { server, upgrader in
            for path in ["/callbacks", "/task"] {
                var configuration = WebSocketClient.Configuration()
                configuration.subprotocols = path == "/callbacks" ? ["a", "b"] : []
                configuration.socket.deflate = PerMessageDeflate.Configuration(minimumBytes: 0)
                let socket = try await WebSocketClient(configuration).connect(
                    to: "ws://127.0.0.1:\(server.port)\(path)")
                #expect(socket.info.subprotocol == (path == "/callbacks" ? "b" : nil))
                #expect(socket.info.deflate != nil)
                #expect(upgrader.connectionCount == 1)
                for size in [0, 1, 126, 70_000, 1 << 20] {
                    let message = Message.binary([UInt8](repeating: 3, count: size))
                    try await socket.send(message)
                    #expect(try await socket.receive() == message)
                }
                let closure = await socket.close(.normal, reason: "done")
                #expect(closure.isClean)
                #expect(closure.received == Close(.normal, reason: "done"))
                while upgrader.connectionCount > 0 { await Task.yield() }
            }
        }
    }

    @Test(
        "A refusal has its status and ends the connection",
        arguments: NIOServer.Kind.allCases, [("/refused", 401), ("/nothing", 404)])
    func refused(kind: NIOServer.Kind, what: (path: String, status: Int)) async throws {
        try await Self.with(Self.server(), kind) { server, upgrader in
            do {
                _ = try await WebSocketClient().connect(to: "ws://127.0.0.1:\(server.port)\(what.path)")
                Issue.record("accepted")
            } catch WebSocketError.handshakeRejected(let head, _) {
                #expect(head.status == what.status)
                #expect(head.fields["Connection"] == "close")
                #expect((head.fields["WWW-Authenticate"] == "Bearer") == (what.status == 401))
            }
            while upgrader.connectionCount > 0 { await Task.yield() }
        }
    }

    @Test("A page of another origin is refused, and so is one connection too many")
    func limits() async throws {
        try await Self.with(Self.server { $0.maxConnections = 1 }, .installed) { server, upgrader in
            let url = "ws://127.0.0.1:\(server.port)/task"
            var foreign = WebSocketClient.Configuration()
            foreign.origin = "https://evil.example"
            await #expect(throws: WebSocketError.self) { try await WebSocketClient(foreign).connect(to: url) }
            while upgrader.connectionCount > 0 { await Task.yield() }
            let first = try await WebSocketClient().connect(to: url)
            do {
                _ = try await WebSocketClient().connect(to: url)
                Issue.record("accepted")
            } catch WebSocketError.handshakeRejected(let head, _) {
                #expect(head.status == 503)
                #expect(head.fields["Retry-After"] != nil)
            }
            try await first.send("here")
            #expect(try await first.receive() == "here")
            _ = await first.close()
        }
    }

    @Test(
        "Ordinary requests get their answers, and a later one may become a WebSocket",
        arguments: NIOServer.Kind.allCases)
    func laterUpgrade(kind: NIOServer.Kind) async throws {
        try await Self.with(Self.server(), kind) { server, upgrader in
            let peer = try await BytePeer.connect(to: server.port)
            try await peer.send("GET /first HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try await peer.read(until: "/first").hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(upgrader.connectionCount == 0)
            try await peer.send(BytePeer.upgrade("/callbacks") + BytePeer.hello)
            let answer = try await peer.read(until: "\r\n\r\n")
            #expect(answer.hasPrefix("HTTP/1.1 101 Switching Protocols\r\n"))
            // The frame came in the same segment as the request. NIO's own pipeline drops it, which only a client that
            // does not wait for the 101 can see.
            if kind == .ownPipeline { try await peer.send(BytePeer.hello) }
            #expect(try await peer.read(until: "Hello") == "\u{81}\u{05}Hello")
            try await peer.close()
            while upgrader.connectionCount > 0 { await Task.yield() }
        }
    }

    @Test(
        "A request for a WebSocket that is pipelined waits for the answers before it",
        arguments: [
            NIOServer.Kind.installed, .ownPipeline,
        ])
    func pipelined(kind: NIOServer.Kind) async throws {
        try await Self.with(Self.server(), kind) { server, _ in
            let peer = try await BytePeer.connect(to: server.port)
            try await peer.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n" + BytePeer.upgrade("/callbacks"))
            let text = try await peer.read(until: "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n")
            #expect(text.hasPrefix("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n/1HTTP/1.1 101 "))
            try await peer.close()
        }
    }

    @Test(
        "A peer that ends its stream without a word has gone, also where channels half-close", arguments: [true, false])
    func endOfStream(isHalfClosing: Bool) async throws {
        try await Self.with(Self.server(), .installed, isHalfClosing: isHalfClosing) { server, upgrader in
            for text in [BytePeer.upgrade("/task"), BytePeer.upgrade("/callbacks")] {
                let peer = try await BytePeer.connect(to: server.port)
                try await peer.send(text)
                _ = try await peer.read(until: "\r\n\r\n")
                try await peer.shutDownOutput()
                while upgrader.connectionCount > 0 { await Task.yield() }
                try await peer.close()
            }
        }
    }

    @Test("A group of services drains the WebSockets before their server ends")
    func service() async throws {
        let upgrader = WebSocketUpgrader(Self.server())
        let server = try await NIOServer.start(upgrader, .installed)
        let group = ServiceGroup(
            configuration: .init(services: [.init(service: upgrader)], logger: Self.server().configuration.logger))
        let running = Task { try await group.run() }
        let socket = try await WebSocketClient().connect(to: "ws://127.0.0.1:\(server.port)/task")
        #expect(upgrader.isReady)
        await group.triggerGracefulShutdown()
        #expect(await socket.closed().received?.code == .goingAway)
        try await running.value
        #expect(!upgrader.isReady)
        #expect(upgrader.connectionCount == 0)
        // Whoever comes now is not let in.
        await #expect(throws: WebSocketError.self) {
            try await WebSocketClient().connect(to: "ws://127.0.0.1:\(server.port)/task")
        }
        try await server.stop()
    }
}
