import NIOCore
import NIOPosix
import Testing
import WebSocketCore
import WebSocketTesting

@testable import WebSockets

@Suite("A running server and its drain")
struct RunningServerTests {
    /// A server that is given time to drain.
    private static func patient(
        _ configure: (inout WebSocketServer.Configuration) -> Void = { _ in }
    ) -> WebSocketServer {
        var server = WebSocketServer.echoing {
            $0.drainTimeout = .seconds(60)
            configure(&$0)
        }
        server.onRequest { _ in HTTPResponse("page\n") }
        return server
    }

    @Test("Every connection is closed with 1001, and the drain returns when they have answered")
    func closesAll() async throws {
        let running = try await Self.patient({ $0.threads = 2 }).start()
        var clients: [WebSocket] = []
        for _ in 0..<20 { clients.append(try await WebSocketClient.forTests().connect(to: running.url("/echo"))) }
        #expect(running.connectionCount == 20)
        try await withDeadline(what: "the drain") { await running.drain() }
        #expect(running.connectionCount == 0)
        for client in clients {
            let closure = try await withDeadline { await client.closed() }
            #expect(closure.isClean)
            #expect(closure.initiator == .peer)
            #expect(closure.received?.code == .goingAway)
        }
    }

    @Test(
        "With what they are closed can be set", arguments: [Close(.serviceRestart, reason: "new version"), Close(nil)])
    func drainClose(close: Close) async throws {
        let running = try await Self.patient({ $0.drainClose = close }).start()
        let client = try await WebSocketClient.forTests().connect(to: running.url("/echo"))
        try await withDeadline { await running.drain() }
        let closure = try await withDeadline { await client.closed() }
        #expect(closure.isClean)
        #expect(closure.received == close)
    }

    @Test("A server that has been told to drain says so, and lets in who comes, until its delay is over")
    func drainDelay() async throws {
        let ready = Log<Bool>()
        var server = Self.patient({ $0.drainDelay = .milliseconds(300) })
        server.onRequest {
            ready.add($0.isServerReady)
            return HTTPResponse(status: $0.isServerReady ? 200 : 503)
        }
        let running = try await server.start()
        #expect(running.isReady)
        let peer = try await RawConnection.connect(to: running.port)
        try await peer.send("GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try await peer.readResponse().status == 200)
        running.stopSoon()
        try await eventually("it to be told") { !running.isReady }
        // The delay may be over by now on a busy machine; then the connection is closed, which is right too.
        peer.sendSoon(Array("GET /health HTTP/1.1\r\nHost: a\r\n\r\n".utf8))
        if let response = try? await peer.readResponse() { #expect(response.status == 503) }
        try await withDeadline { await running.waitUntilStopped() }
        #expect(running.connectionCount == 0)
        #expect(ready.all.first == true)
    }

    @Test("New connections are refused")
    func refusesNewOnes() async throws {
        let running = try await Self.patient().start()
        try await withDeadline { await running.drain() }
        await #expect(throws: (any Error).self) { try await RawConnection.connect(to: running.port) }
    }

    @Test("Whoever comes while the server drains is turned away, and the silent are sent home")
    func refusesWhileDraining() throws {
        let embedded = EmbeddedServer(Self.patient())
        let silent = try embedded.connect()
        embedded.drain()
        #expect(silent.isClosed)
        let late = try embedded.connect()
        #expect(late.isClosed)
        #expect(embedded.state.connectionCount == 0)
    }

    @Test("A WebSocket that is accepted while the server drains is closed at once")
    func acceptedWhileDraining() throws {
        let gate = LoopGate()
        var server = Self.patient()
        server.on(
            "/slow",
            accept: { _ in
                await gate.pass()
                return .accept()
            }
        ) { _ in Echo() }
        let embedded = EmbeddedServer(server)
        let peer = try embedded.connect()
        try peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(peer.takeResponse().status == 200)
        try peer.send(UpgradeText.request("/slow"))
        embedded.drain()
        gate.open()
        let bytes = peer.takeBytes()
        if let end = bytes.firstRange(of: Array("\r\n\r\n".utf8))?.upperBound,
            bytes.starts(with: Array("HTTP/1.1 101".utf8))
        {
            #expect(FrameBytes.frames(in: Array(bytes[end...])).map(\.opcode) == [8])
            try peer.send(.close(1001))
        }
        #expect(peer.isClosed)
        #expect(embedded.state.connectionCount == 0)
    }

    @Test("Idle HTTP connections are closed, and one that is being answered is answered first")
    func closesHTTP() throws {
        let gate = LoopGate()
        var server = Self.patient()
        server.onRequest { request in
            if request.path == "/slow" { await gate.pass() }
            return HTTPResponse("done\n")
        }
        let embedded = EmbeddedServer(server)
        let idle = try embedded.connect()
        try idle.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(idle.takeResponse().status == 200)
        let busy = try embedded.connect()
        try busy.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        embedded.drain()
        #expect(idle.isClosed)
        #expect(!busy.isClosed)
        gate.open()
        let response = busy.takeResponse()
        #expect(response.body == "done\n")
        #expect(response["Connection"] == "close")
        #expect(busy.isClosed)
        #expect(embedded.state.connectionCount == 0)
    }

    @Test("The closes are spread over the time that was set")
    func spreads() throws {
        let embedded = EmbeddedServer(Self.patient())
        let peers = try (0..<10).map { _ in try embedded.open("/echo") }
        embedded.drain(spread: .seconds(10))
        var closed: [Int] = []
        for _ in 0...10 {
            embedded.advance(by: .milliseconds(1))
            closed.append(peers.filter { !$0.takeFrames().isEmpty }.count)
            embedded.advance(by: .milliseconds(999))
        }
        #expect(closed == [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0])
    }

    @Test("Who does not answer is aborted when the time for the drain is over")
    func abortsTheRest() async throws {
        let running = try await Self.patient({ $0.drainTimeout = .milliseconds(50) }).start()
        let deaf = try await RawConnection.open("/echo", on: running.port)
        let silent = try await RawConnection.connect(to: running.port)
        try await eventually("both to be connected") { running.connectionCount == 2 }
        try await withDeadline(what: "the drain") { await running.drain() }
        #expect(running.connectionCount == 0)
        #expect(try await deaf.readFrame().closeCode == 1001)
        #expect(try await deaf.readToEnd().isEmpty)
        #expect(try await silent.readToEnd().isEmpty)
    }

    @Test("A handler that is busy has the time of the drain, and is cancelled when that is over")
    func cancelsHandlers() async throws {
        let ends = Log<String>()
        var server = Self.patient({ $0.drainTimeout = .milliseconds(50) })
        server.on("/busy") { _ in
            do { try await Task.sleep(for: .seconds(600)) } catch { ends.add("cancelled") }
        }
        let running = try await server.start()
        let client = try await WebSocketClient.forTests().connect(to: running.url("/busy"))
        try await withDeadline(what: "the drain") { await running.drain() }
        #expect(running.connectionCount == 0)
        #expect(ends.all == ["cancelled"])
        #expect(try await withDeadline { await client.closed() }.received?.code == .goingAway)
    }

    @Test("What a handler still does when its connection has ended counts as a connection, and the drain waits for it")
    func waitsForHandlers() async throws {
        let gate = Gate()
        let ends = Log<String>()
        var server = Self.patient()
        server.on("/busy") { socket in
            for try await _ in socket {}
            try await gate.pass()
            ends.add("saved")
        }
        let running = try await server.start()
        let client = try await WebSocketClient.forTests().connect(to: running.url("/busy"))
        _ = try await withDeadline { await client.close() }
        #expect(running.connectionCount == 1)
        let drain = Task { await running.drain() }
        #expect(ends.all.isEmpty)
        gate.open()
        try await withDeadline(what: "the drain") { await drain.value }
        #expect(ends.all == ["saved"])
        #expect(running.connectionCount == 0)
    }

    @Test(
        "A drain waits for the application to answer a request and to decide about a WebSocket",
        arguments: [
            "GET /page HTTP/1.1\r\nHost: a\r\n\r\n", UpgradeText.request("/ws"),
        ])
    func waitsForCalls(request: String) async throws {
        let gate = Gate()
        let events = Log<String>()
        let call: @Sendable () async throws -> Void = {
            events.add("called")
            try await gate.pass()
            events.add("returned")
        }
        var server = Self.patient()
        server.on(
            "/ws",
            accept: { _ in
                try await call()
                return .accept()
            },
            receiver: { _ in Echo() })
        server.onRequest { _ in
            try await call()
            return HTTPResponse("done\n")
        }
        let running = try await server.start()
        let peer = try await RawConnection.connect(to: running.port)
        try await peer.send(request)
        _ = try await events.waitFor(1)
        // Also when the peer has gone.
        try await peer.reset()
        try await eventually("the connection to be gone") { running.connectionCount == 0 }
        let drain = Task { await running.drain() }
        gate.open()
        try await withDeadline(what: "the drain") { await drain.value }
        #expect(events.all == ["called", "returned"])
    }

    @Test("A handler that outlives its connection by too much is cancelled")
    func cancelsLateHandlers() async throws {
        let ends = Log<String>()
        var server = Self.patient({ $0.handlerTimeout = .milliseconds(20) })
        server.on("/busy") { _ in
            do { try await Task.sleep(for: .seconds(600)) } catch { ends.add("cancelled") }
        }
        try await server.whileRunning { running in
            let client = try await WebSocketClient.forTests().connect(to: running.url("/busy"))
            client.abort()
            #expect(try await ends.first() == "cancelled")
            try await eventually("the handler to be gone") { running.connectionCount == 0 }
        }
    }

    @Test("A handler that ignores its cancellation does not keep the drain from ending, nor is its loop taken from it")
    func busyHandler() async throws {
        let gate = Gate()
        let ends = Log<String>()
        var server = Self.patient({ $0.drainTimeout = .milliseconds(50) })
        server.on("/busy") { _ in
            try await gate.pass()
            ends.add("after all")
        }
        let running = try await server.start()
        let client = try await WebSocketClient.forTests().connect(to: running.url("/busy"))
        try await withDeadline(what: "the drain") { await running.drain() }
        #expect(try await withDeadline { await client.closed() }.received?.code == .goingAway)
        gate.open()
        #expect(try await ends.first() == "after all")
    }

    @Test("Draining twice drains once, and both return")
    func twice() async throws {
        let running = try await Self.patient().start()
        let client = try await WebSocketClient.forTests().connect(to: running.url("/echo"))
        try await withDeadline {
            async let first: Void = running.drain()
            async let second: Void = running.drain()
            _ = await (first, second)
            await running.drain()
            await running.waitUntilStopped()
            await running.waitUntilStopped()
        }
        #expect(try await withDeadline { await client.closed() }.isClean)
    }

    @Test("run serves until its task is cancelled, and then drains")
    func run() async throws {
        let ready = Log<RunningServer>()
        let server = Self.patient()
        let task = Task { try await server.run { ready.add($0) } }
        let running = try await ready.first()
        let client = try await WebSocketClient.forTests().connect(to: running.url("/echo"))
        try await client.send("hello")
        #expect(try await withDeadline { try await client.receive() } == "hello")
        task.cancel()
        try await withDeadline(what: "the end of run") { try await task.value }
        #expect(running.connectionCount == 0)
        #expect(try await withDeadline { await client.closed() }.received?.code == .goingAway)
    }

    @Test("run throws when the port is taken")
    func portTaken() async throws {
        let other = try await RawServer.start()
        var server = Self.patient()
        server.port = other.port
        await #expect(throws: (any Error).self) { try await server.run() }
        try await other.stop()
    }

    @Test("A server on event loops that were given leaves them running")
    func givenLoops() async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        var server = WebSocketServer(
            port: 0, configuration: WebSocketServer.echoing().configuration, eventLoopGroup: group)
        server.on("/echo") { _ in Echo() }
        try await server.whileRunning { running in
            let client = try await WebSocketClient.forTests().connect(to: running.url("/echo"))
            try await client.send("hello")
            #expect(try await withDeadline { try await client.receive() } == "hello")
            _ = try await withDeadline { await client.close() }
        }
        #expect(try await group.next().submit { true }.get())
    }
}
