import NIOCore
import Testing
import WebSocketCore
import WebSocketTesting

@testable import WebSockets

@Suite("The client")
struct WebSocketClientTests {
    @Test(
        "An address that is none of a WebSocket is refused before anything is sent",
        arguments: [
            "", "http://localhost/", "ws://", "ws://host:99999/", "ws://host/#fragment", "ws://ho st/", "wss:/host",
            "localhost:80",
        ])
    func invalidURL(url: String) async throws {
        do {
            _ = try await withDeadline { try await WebSocketClient.forTests().connect(to: url) }
            Issue.record("connected to \(url)")
        } catch WebSocketError.invalidURL(let text) {
            #expect(text.hasPrefix(url.prefix { $0 != "#" }))
        }
    }

    @Test("What must not be asked for is refused before anything is sent")
    func invalidRequest() async throws {
        let configurations: [(inout WebSocketClient.Configuration) -> Void] = [
            { $0.subprotocols = ["a", "a"] }, { $0.subprotocols = ["a b"] }, { $0.fields = ["Upgrade": "x"] },
            { $0.fields = ["Sec-WebSocket-Key": "x"] }, { $0.origin = "a\r\nb" },
        ]
        let server = try await RawServer.start()
        for configure in configurations {
            var configuration = WebSocketClient.Configuration.forTests()
            configure(&configuration)
            let client = WebSocketClient(configuration)
            do {
                _ = try await withDeadline { try await client.connect(to: server.url) }
                Issue.record("connected")
            } catch WebSocketError.invalidHandshake {}
        }
        try await server.stop()
    }

    @Test("A port where nobody listens")
    func connectionRefused() async throws {
        let server = try await RawServer.start()
        try await server.stop()
        do {
            _ = try await withDeadline { try await WebSocketClient.forTests().connect(to: server.url) }
            Issue.record("connected")
        } catch WebSocketError.connectionFailed(let text) {
            #expect(!text.isEmpty)
        }
    }

    @Test("A task that is cancelled already does not connect")
    func cancelledBefore() async throws {
        try await WebSocketServer.echoing().whileRunning { server in
            let gate = Gate()
            let url = server.url("/echo")
            let task = Task {
                try? await gate.pass()
                return try await WebSocketClient.forTests().connect(to: url)
            }
            task.cancel()
            gate.open()
            await #expect(throws: CancellationError.self) { try await withDeadline { try await task.value } }
            try await eventually("the server to have no connection") { server.connectionCount == 0 }
        }
    }

    @Test("Cancelled at any moment, connecting leaves no connection behind")
    func cancelledAnyTime() async throws {
        try await WebSocketServer.echoing().whileRunning { server in
            let url = server.url("/echo")
            for delay in 0..<60 {
                let task = Task { try await WebSocketClient.forTests().connect(to: url) }
                for _ in 0..<(delay * 20) { await Task.yield() }
                task.cancel()
                do {
                    let socket = try await withDeadline { try await task.value }
                    _ = try await withDeadline { await socket.close() }
                } catch is CancellationError {}
            }
            try await eventually("the server to have no connection") { server.connectionCount == 0 }
        }
    }

    @Test("withConnection closes with 1000 when its body returns and 1001 when it throws", arguments: [false, true])
    func withConnection(throwing: Bool) async throws {
        struct Oops: Error {}
        let closures = Log<Closure>()
        var server = WebSocketServer.forTests()
        server.on("/echo") { _ in ClosureRecorder(closures) }
        try await server.whileRunning { running in
            let url = running.url("/echo")
            do {
                let answer = try await withDeadline {
                    try await WebSocketClient.forTests().withConnection(to: url) { socket in
                        if throwing { throw Oops() }
                        try await socket.send("hello")
                        return try await socket.receive()
                    }
                }
                #expect(!throwing && answer == "hello")
            } catch is Oops { #expect(throwing) }
            let closure = try await closures.first()
            #expect(closure.isClean)
            #expect(closure.received?.code == (throwing ? .goingAway : .normal))
        }
    }

    @Test("Fields and subprotocols reach the server's application")
    func fieldsAndSubprotocols() async throws {
        let requests = Log<UpgradeRequest>()
        var server = WebSocketServer.forTests()
        server.on(
            "/*",
            accept: { request in
                requests.add(request)
                return .accept(subprotocol: request.firstSupported(["v2"]), fields: ["X-Answer": "2"])
            },
            receiver: { _ in Echo() })
        try await server.whileRunning { running in
            var configuration = WebSocketClient.Configuration.forTests()
            configuration.subprotocols = ["v1", "v2"]
            configuration.fields = ["X-Question": "1"]
            let client = WebSocketClient(configuration)
            let url = running.url("/a%20b?x=%2F")
            let socket = try await withDeadline { try await client.connect(to: url) }
            #expect(socket.subprotocol == "v2")
            #expect(socket.info.response?.fields["X-Answer"] == "2")
            #expect(socket.info.remoteAddress == "127.0.0.1:\(running.port)")
            let request = try #require(requests.all.first)
            #expect(request.path == "/a%20b")
            #expect(request.query == "x=%2F")
            #expect(request.fields["X-Question"] == "1")
            #expect(request.subprotocols == ["v1", "v2"])
            _ = try await withDeadline { await socket.close() }
        }
    }

    @Test("A server that refuses says why")
    func rejected() async throws {
        var server = WebSocketServer.forTests()
        server.on(
            "/", accept: { _ in .reject(status: 429, fields: ["Retry-After": "7"], body: "slow down\n") },
            receiver: { _ in Echo() })
        try await server.whileRunning { running in
            let url = running.url("/")
            do {
                _ = try await withDeadline { try await WebSocketClient.forTests().connect(to: url) }
                Issue.record("accepted")
            } catch WebSocketError.handshakeRejected(let head, let body) {
                #expect(head.status == 429)
                #expect(head.fields["Retry-After"] == "7")
                #expect(String(decoding: body, as: UTF8.self) == "slow down\n")
            }
        }
    }
}
