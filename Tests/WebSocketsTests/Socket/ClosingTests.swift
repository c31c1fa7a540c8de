import NIOCore
import Testing
import WebSocketCore
import WebSocketTesting

@testable import WebSockets

@Suite("Closing a connection (RFC 6455 §7)")
struct ClosingTests {
    /// A server at `/`, whose sockets and closures are noted, and which does what `handler` says.
    private static func withServer(
        _ configure: @escaping (inout WebSocketServer.Configuration) -> Void = { _ in },
        handler: @escaping @Sendable (WebSocket) async throws -> Void = { for try await _ in $0 {} },
        _ body: (RunningServer, Log<WebSocket>) async throws -> Void
    ) async throws {
        let sockets = Log<WebSocket>()
        var server = WebSocketServer.forTests(configure)
        server.on("/") { socket in
            sockets.add(socket)
            try await handler(socket)
        }
        try await server.whileRunning { try await body($0, sockets) }
    }

    private static func closure(of socket: WebSocket) async throws -> Closure {
        try await withDeadline(what: "the closure") { await socket.closed() }
    }

    @Test(
        "The client closes: both ends know who, why, and that it was clean",
        arguments: [
            (CloseCode.normal, "done"), (.goingAway, ""), (CloseCode(rawValue: 4321), "größer"), (nil, ""),
        ] as [(CloseCode?, String)])
    func clientCloses(code: CloseCode?, reason: String) async throws {
        try await Self.withServer { server, sockets in
            let client = try await WebSocketClient.forTests().connect(to: server.url("/"))
            let ours = try await withDeadline { await client.close(code, reason: reason) }
            let theirs = try await Self.closure(of: sockets.first())
            let close = Close(code, reason: reason)
            #expect(ours == Closure(ending: .clean, initiator: .local, sent: close, received: close))
            #expect(theirs == Closure(ending: .clean, initiator: .peer, sent: close, received: close))
            #expect(ours.code == code && ours.reason == reason && ours.isClean)
            #expect(theirs.code == code && theirs.reason == reason && theirs.isClean)
        }
    }

    @Test("The server closes: the same the other way round")
    func serverCloses() async throws {
        try await Self.withServer(handler: { await $0.close(.serviceRestart, reason: "new version") }) {
            server, sockets in
            let client = try await WebSocketClient.forTests().connect(to: server.url("/"))
            let ours = try await Self.closure(of: client)
            let theirs = try await Self.closure(of: sockets.first())
            let close = Close(.serviceRestart, reason: "new version")
            #expect(ours == Closure(ending: .clean, initiator: .peer, sent: close, received: close))
            #expect(theirs == Closure(ending: .clean, initiator: .local, sent: close, received: close))
        }
    }

    @Test("Both close at the same time: each end began, each got the other's code")
    func bothClose() async throws {
        try await Self.withServer { server, sockets in
            let peer = try await RawConnection.open("/", on: server.port)
            let socket = try await sockets.first()
            async let closure = socket.close(.goingAway, reason: "server")
            #expect(try await peer.readFrame() == .close(1001, "server"))
            // This Close frame is no answer: it was on its way already.
            try await peer.send(.close(4000, "client"))
            let ended = await closure
            #expect(ended.ending == .clean)
            #expect(ended.initiator == .local)
            #expect(ended.sent == Close(.goingAway, reason: "server"))
            #expect(ended.received == Close(CloseCode(rawValue: 4000), reason: "client"))
            // One Close frame each, and the server ends the stream.
            #expect(try await peer.readToEnd().isEmpty)
        }
    }

    @Test("The server ends TCP first, right after the exchange (§7.1.1)")
    func serverEndsFirst() async throws {
        try await Self.withServer { server, _ in
            let peer = try await RawConnection.open("/", on: server.port)
            try await peer.send(.close(1000))
            #expect(try await peer.readFrame() == .close(1000))
            #expect(try await peer.readToEnd().isEmpty)
            #expect(try await peer.end == .endOfStream)
        }
    }

    @Test("The client waits for the server to end TCP (§7.1.1)", arguments: Closure.Initiator.both)
    func clientWaits(initiator: Closure.Initiator) throws {
        let client = try EmbeddedClient()
        switch initiator {
        case .local:
            LoopSocket(client.engine).close(.normal)
            #expect(client.takeFrames() == [.close(1000)])
            try client.send(.close(1000))
        case .peer:
            try client.send(.close(1000))
            #expect(client.takeFrames() == [.close(1000)])
        }
        #expect(!client.isClosed)
        #expect(client.closures.all.isEmpty)
        client.advance(by: .milliseconds(4_999))
        #expect(!client.isClosed)
        client.endStream()
        #expect(client.closures.all.map(\.isClean) == [true])
        #expect(client.closures.all.map(\.initiator) == [initiator])
    }

    @Test("A client whose server never ends TCP ends it after the close time-out, and it was clean")
    func serverNeverEnds() throws {
        let client = try EmbeddedClient()
        try client.send(.close(1001, "bye"))
        #expect(client.takeFrames() == [.close(1001, "bye")])
        client.advance(by: .seconds(5))
        #expect(client.isClosed)
        #expect(client.closures.all.map(\.isClean) == [true])
    }

    @Test("A peer that never answers the Close frame is left after the close time-out")
    func closeTimeout() throws {
        let closures = Log<Closure>()
        let engines = Log<SocketEngine>()
        var server = WebSocketServer.forTests { $0.socket.limits.closeTimeout = .seconds(5) }
        server.on("/") { _ in Witness(engines, closures) }
        let embedded = EmbeddedServer(server)
        let peer = try embedded.open("/")
        let engine = try #require(engines.all.first)
        LoopSocket(engine).close(.normal, reason: "done")
        #expect(peer.takeFrames() == [.close(1000, "done")])
        // Messages still come, which is no answer.
        embedded.advance(by: .milliseconds(4_999))
        try peer.send(.text("more"))
        #expect(!peer.isClosed)
        embedded.advance(by: .milliseconds(1))
        #expect(peer.isClosed)
        #expect(
            closures.all == [
                Closure(ending: .timedOut(.close), initiator: .local, sent: Close(.normal, reason: "done"))
            ])
        #expect(embedded.state.connectionCount == 0)
    }

    @Test("Abort drops the connection without a Close frame")
    func abort() async throws {
        try await Self.withServer { server, sockets in
            let peer = try await RawConnection.open("/", on: server.port)
            let socket = try await sockets.first()
            socket.abort()
            let closure = try await Self.closure(of: socket)
            #expect(closure == Closure(ending: .abnormal(.aborted), initiator: .local))
            #expect(try await peer.readToEnd().isEmpty)
        }
    }

    @Test("A reset is told as what it is")
    func reset() async throws {
        try await Self.withServer { server, sockets in
            let peer = try await RawConnection.open("/", on: server.port)
            let socket = try await sockets.first()
            try await peer.reset()
            let closure = try await Self.closure(of: socket)
            #expect(closure.initiator == .peer)
            switch closure.ending {
            case .abnormal(.broken): break
            case .abnormal(.endOfStream), .abnormal(.aborted), .clean, .failed, .timedOut:
                Issue.record("\(closure)")
            }
        }
    }

    @Test("A peer that ends its side of the stream without a Close frame is gone")
    func halfClose() async throws {
        try await Self.withServer { server, sockets in
            let peer = try await RawConnection.open("/", on: server.port)
            let socket = try await sockets.first()
            try await peer.shutDownOutput()
            let closure = try await Self.closure(of: socket)
            #expect(closure == Closure(ending: .abnormal(.endOfStream), initiator: .peer))
            #expect(try await peer.readToEnd().isEmpty)
        }
    }

    @Test("A peer that ends its side right behind its Close frame still gets the answer")
    func halfCloseBehindClose() async throws {
        try await Self.withServer { server, sockets in
            let peer = try await RawConnection.open("/", on: server.port)
            let socket = try await sockets.first()
            try await peer.send(.text("last words"), .close(1000, "bye"))
            try await peer.shutDownOutput()
            #expect(try await peer.readFrame() == .close(1000, "bye"))
            #expect(try await Self.closure(of: socket).isClean)
        }
    }

    @Test("After a violation the Close frame arrives, though the peer goes on sending")
    func violation() async throws {
        try await Self.withServer { server, sockets in
            let peer = try await RawConnection.open("/", on: server.port)
            let socket = try await sockets.first()
            // An opcode that does not exist, and 32 KiB of whatever comes behind it.
            peer.sendSoon([0x8B, 0x80, 0, 0, 0, 0] + [UInt8](repeating: 0xFF, count: 32 << 10))
            let close = try await peer.readFrame()
            #expect(close.opcode == 8)
            #expect(close.closeCode == 1002)
            #expect(try await peer.readToEnd().isEmpty)
            try await peer.close()
            let closure = try await Self.closure(of: socket)
            #expect(closure.initiator == .local)
            #expect(closure.sent?.code == .protocolError)
            guard case .failed = closure.ending else {
                Issue.record("\(closure)")
                return
            }
        }
    }

    @Test("Closing twice closes once, and every caller learns the same")
    func closesOnce() async throws {
        try await Self.withServer { server, sockets in
            let client = try await WebSocketClient.forTests().connect(to: server.url("/"))
            let closures = try await withDeadline {
                await withTaskGroup(of: Closure.self) { group in
                    for code in [CloseCode.normal, .goingAway, CloseCode(rawValue: 4000)] {
                        group.addTask { await client.close(code) }
                    }
                    return await group.reduce(into: Set<Closure>()) { $0.insert($1) }
                }
            }
            #expect(closures.count == 1)
            #expect(try await Self.closure(of: sockets.first()).received == closures.first?.sent)
            #expect(await client.close() == closures.first)
        }
    }

    @Test("Closing does not wait for an application that does not receive")
    func closesUnread() async throws {
        try await Self.withServer(handler: { socket in
            for _ in 0..<100 { try await socket.send([UInt8](repeating: 1, count: 10_000)) }
            for try await _ in socket {}
        }) { server, _ in
            let client = try await WebSocketClient.forTests().connect(to: server.url("/"))
            let closure = try await withDeadline { await client.close() }
            #expect(closure.isClean)
        }
    }

    @Test("What came before this end closed can still be received")
    func receivesAfterClosing() async throws {
        try await Self.withServer(handler: { socket in
            for number in 1...3 { try await socket.send("\(number)") }
            for try await _ in socket {}
        }) { server, _ in
            let client = try await WebSocketClient.forTests().connect(to: server.url("/"))
            // The third has come when the first two have.
            try await eventually("the messages to come") {
                try await client.engine.loop.eventLoop.submit { client.engine.asyncConsumer?.inboxCount == 3 }.get()
            }
            #expect(try await withDeadline { await client.close() }.isClean)
            for number in 1...3 { #expect(try await withDeadline { try await client.receive() } == .text("\(number)")) }
            #expect(try await withDeadline { try await client.receive() } == nil)
        }
    }

    @Test("Bytes that still waited when the connection was closed arrive before the Close frame")
    func flushesBeforeClosing() async throws {
        try await Self.withServer(
            { $0.socket.limits.closeTimeout = .seconds(600) },
            handler: { socket in
                socket.trySend(.binary([UInt8](repeating: 7, count: 12 << 20)))
                await socket.close(.normal)
            }
        ) { server, _ in
            let peer = try await RawConnection.open("/", on: server.port, receiveBufferBytes: 16 << 10)
            try await peer.stopReading()
            try await peer.send(.close(1000))
            try await peer.resumeReading()
            #expect(try await peer.readFrame().payload.count == 12 << 20)
            #expect(try await peer.readFrame() == .close(1000))
            #expect(try await peer.readToEnd().isEmpty)
        }
    }
}
