import Testing
import WebSocketCore
import WebSocketTesting

@testable import WebSockets

@Suite("Deciding about a WebSocket")
struct UpgradeAcceptanceTests {
    private typealias Accept = @Sendable (UpgradeRequest) async throws -> UpgradeDecision

    private static func server(
        subprotocols: [String] = [], accept: Accept? = nil,
        _ configure: (inout WebSocketServer.Configuration) -> Void = { _ in }
    ) -> EmbeddedServer {
        var server = WebSocketServer.forTests(configure)
        server.on("/chat", subprotocols: subprotocols, accept: accept) { _ in Echo() }
        server.onRequest { _ in HTTPResponse("page\n") }
        return EmbeddedServer(server)
    }

    private static func response(
        of server: EmbeddedServer, to fields: [(String, String)] = [], requestsBefore: Int = 0
    ) throws -> RawResponse {
        let peer = try server.connect()
        for _ in 0..<requestsBefore {
            try peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(peer.takeResponse().status == 200)
        }
        try peer.send(UpgradeText.request("/chat", fields))
        return peer.takeResponse()
    }

    @Test("Nothing is sent before the 101, whatever the peer has sent already", arguments: [0, 1])
    func sendsNothingBefore(requestsBefore: Int) throws {
        let gate = LoopGate()
        let server = Self.server(accept: { _ in
            await gate.pass()
            return .accept()
        })
        let peer = try server.connect()
        for _ in 0..<requestsBefore {
            try peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(peer.takeResponse().status == 200)
        }
        try peer.send(
            Array(UpgradeText.request("/chat").utf8) + FrameBytes.text("one").from(.client).bytes)
        try peer.send(.ping([1]), .text("two"))
        #expect(peer.takeBytes().isEmpty)
        gate.open()
        let bytes = peer.takeBytes()
        let end = try #require(bytes.firstRange(of: Array("\r\n\r\n".utf8))).upperBound
        #expect(bytes.starts(with: Array("HTTP/1.1 101 ".utf8)))
        let frames = FrameBytes.frames(in: Array(bytes[end...]))
        #expect(frames.filter { $0.opcode == 1 } == [.text("one"), .text("two")])
        #expect(frames.contains(.pong([1])))
        #expect(peer.isReading != false)
    }

    @Test("Who decides too slowly is overruled with 503", arguments: [0, 1])
    func decidesTooSlowly(requestsBefore: Int) throws {
        let gate = LoopGate()
        let server = Self.server(
            accept: { _ in
                await gate.pass()
                return .accept()
            }, { $0.socket.limits.handshake.timeout = .seconds(10) })
        let peer = try server.connect()
        for _ in 0..<requestsBefore {
            try peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(peer.takeResponse().status == 200)
        }
        try peer.send(UpgradeText.request("/chat"))
        server.advance(by: .milliseconds(9_999))
        #expect(peer.takeBytes().isEmpty)
        server.advance(by: .milliseconds(1))
        #expect(peer.takeResponse().status == 503)
        #expect(peer.isClosed)
        // Its late word changes nothing.
        gate.open()
        #expect(peer.takeBytes().isEmpty)
        #expect(server.state.connectionCount == 0)
    }

    @Test("A peer that leaves while it is decided about leaves nothing behind", arguments: [0, 1])
    func leavesMeanwhile(requestsBefore: Int) throws {
        let gate = LoopGate()
        let server = Self.server(accept: { _ in
            await gate.pass()
            return .accept()
        })
        let peer = try server.connect()
        for _ in 0..<requestsBefore {
            try peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(peer.takeResponse().status == 200)
        }
        try peer.send(UpgradeText.request("/chat"))
        #expect(server.state.connectionCount == 1)
        peer.drop()
        #expect(peer.isClosed)
        #expect(server.state.connectionCount == 0)
        gate.open()
        #expect(peer.takeBytes().isEmpty)
        #expect(server.state.connectionCount == 0)
    }

    @Test("A WebSocket that is accepted while the server drains is closed once, and politely")
    func acceptedMeanwhile() throws {
        let gate = LoopGate()
        let server = Self.server(accept: { _ in
            await gate.pass()
            return .accept()
        })
        let peers = try (0..<8).map { _ in
            let peer = try server.connect()
            try peer.send(UpgradeText.request("/chat"))
            return peer
        }
        // One is drained at once, the others one after the other: their openings are over by then.
        server.drain(spread: .seconds(1))
        gate.open()
        let opened = peers.filter { $0.takeText().hasPrefix("HTTP/1.1 101 ") }
        #expect(opened.count == 7)
        // What was asked of the opening is not done to the WebSocket.
        server.advance(by: .seconds(2))
        for peer in opened {
            #expect(!peer.isClosed)
            try peer.send(FrameBytes.close(1001))
            #expect(peer.isClosed)
        }
        #expect(server.state.connectionCount == 0)
    }

    @Test("The application rejects with a status, fields and a body", arguments: [0, 1])
    func rejects(requestsBefore: Int) throws {
        let server = Self.server(accept: { request in
            guard request.fields["Authorization"] == nil else { return .accept() }
            return .reject(status: 401, fields: ["WWW-Authenticate": "Bearer"], body: "who are you?\n")
        })
        let rejected = try Self.response(of: server, requestsBefore: requestsBefore)
        #expect(rejected.status == 401)
        #expect(rejected["WWW-Authenticate"] == "Bearer")
        #expect(rejected.body == "who are you?\n")
        #expect(rejected["Content-Length"] == "13")
        #expect(server.state.connectionCount == 0)

        let accepted = try Self.response(
            of: server, to: [("Authorization", "Bearer x")], requestsBefore: requestsBefore)
        #expect(accepted.status == 101)
    }

    @Test("An application that throws is answered for with 500, and its error stays at home")
    func throwing() throws {
        struct Secret: Error {}
        let response = try Self.response(of: Self.server(accept: { _ in throw Secret() }))
        #expect(response.status == 500)
        #expect(!response.body.contains("Secret"))
    }

    @Test("The application adds fields to the 101, but not those of the handshake")
    func addsFields() throws {
        let cookie = Self.server(accept: { _ in .accept(fields: ["Set-Cookie": "a=b"]) })
        let response = try Self.response(of: cookie)
        #expect(response.status == 101)
        #expect(response["Set-Cookie"] == "a=b")
        let reserved = Self.server(accept: { _ in .accept(fields: ["Sec-WebSocket-Accept": "x"]) })
        #expect(try Self.response(of: reserved).status == 500)
    }

    @Test("The application chooses a subprotocol that was asked for, and no other")
    func choosesSubprotocol() throws {
        let asked = ("Sec-WebSocket-Protocol", "a, b")
        let accepted = try Self.response(of: Self.server(accept: { _ in .accept(subprotocol: "b") }), to: [asked])
        #expect(accepted.status == 101)
        #expect(accepted.values("Sec-WebSocket-Protocol") == ["b"])
        let invented = try Self.response(of: Self.server(accept: { _ in .accept(subprotocol: "c") }), to: [asked])
        #expect(invented.status == 500)
    }

    @Test(
        "The first subprotocol of the server that the client asks for is chosen",
        arguments: [
            ("v2, v1", "v1"), ("v2", "v2"), ("v3", nil), ("", nil),
        ] as [(String, String?)])
    func choosesFromList(asked: String, chosen: String?) throws {
        let server = Self.server(subprotocols: ["v1", "v2"])
        let response = try Self.response(of: server, to: [("Sec-WebSocket-Protocol", asked)])
        #expect(response.status == 101)
        #expect(response["Sec-WebSocket-Protocol"] == chosen)
    }

    @Test(
        "Which pages may connect (RFC 6455 §10.2)",
        arguments: [
            (OriginPolicy.sameHost, "http://server.example", 101),
            (.sameHost, "http://sub.server.example", 403),
            (.sameHost, "http://server.example:81", 403),
            (.sameHost, "null", 403),
            (.sameHost, "", 101),
            (.any, "http://elsewhere.example", 101),
            (.any, "null", 101),
            (.list(["https://*.example.com"]), "https://a.example.com", 101),
            (.list(["https://*.example.com"]), "https://evilexample.com", 403),
            (.list(["https://*.example.com"]), "http://server.example", 403),
            (.list([]), "", 101),
        ] as [(OriginPolicy, String, Int)])
    func origins(policy: OriginPolicy, origin: String, status: Int) throws {
        let server = Self.server(accept: nil) { $0.origins = policy }
        for requestsBefore in [0, 1] {
            let response = try Self.response(of: server, to: [("Origin", origin)], requestsBefore: requestsBefore)
            #expect(response.status == status)
        }
    }

    @Test("The application sees the request")
    func showsTheRequest() throws {
        let seen = Log<UpgradeRequest>()
        let server = Self.server(accept: { request in
            seen.add(request)
            return .accept()
        })
        let peer = try server.connect()
        try peer.send(
            UpgradeText.request(
                "/chat?room=1", [("Origin", "http://server.example"), ("Sec-WebSocket-Protocol", "a,b"), ("X-A", "1")]))
        #expect(peer.takeResponse().status == 101)
        let request = try #require(seen.all.first)
        #expect(request.path == "/chat")
        #expect(request.query == "room=1")
        #expect(request.origin == "http://server.example")
        #expect(request.host == "server.example")
        #expect(request.subprotocols == ["a", "b"])
        #expect(request.remoteAddress == "192.0.2.7:40000")
        #expect(!request.isSecure)
        #expect(request.fields["X-A"] == "1")
        #expect(request.firstSupported(["c", "b"]) == "b")
    }
}
