import Testing
import WebSocketCore
import WebSocketTesting

@testable import WebSockets

@Suite("Opening handshake on the server (RFC 6455 §4.2)")
struct ServerOpeningTests {
    private static func server(
        _ configure: (inout WebSocketServer.Configuration) -> Void = { _ in }
    ) -> EmbeddedServer {
        var server = WebSocketServer.echoing(configure)
        server.onRequest { request in HTTPResponse("\(request.method) \(request.path)\n") }
        return EmbeddedServer(server)
    }

    @Test("A valid request is answered with 101 and the key's answer, in one write")
    func accepts() throws {
        let peer = try Self.server().connect()
        try peer.send(UpgradeText.request("/echo"))
        let writes = peer.takeWrites()
        #expect(writes.count == 1)
        let response = RawResponse(head: String(decoding: writes.flatMap { $0 }, as: UTF8.self), body: "")
        #expect(response.status == 101)
        #expect(response["Upgrade"] == "websocket")
        #expect(response["Connection"] == "Upgrade")
        #expect(response["Sec-WebSocket-Accept"] == UpgradeText.accept)
        #expect(response["Sec-WebSocket-Protocol"] == nil)
        #expect(response["Sec-WebSocket-Extensions"] == nil)
        #expect(!peer.isClosed)
    }

    @Test("A request that arrives byte by byte is the same request")
    func acceptsByteByByte() throws {
        let peer = try Self.server().connect()
        let request = Array(UpgradeText.request("/echo").utf8)
        for byte in request.dropLast() { try peer.send([byte]) }
        #expect(peer.takeBytes().isEmpty)
        try peer.send([request.last ?? 0])
        #expect(peer.takeResponse().status == 101)
    }

    @Test("Frames in the segment of the request are answered after the 101", arguments: [0, 1, 2])
    func keepsBytesBehindTheRequest(requestsBefore: Int) throws {
        let peer = try Self.server().connect()
        for _ in 0..<requestsBefore {
            try peer.send("GET /page HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(peer.takeResponse().status == 200)
        }
        let frames = FrameBytes.text("early").from(.client).bytes + FrameBytes.text("bird").from(.client).bytes
        try peer.send(Array(UpgradeText.request("/echo").utf8) + frames.dropLast(3))
        try peer.send(Array(frames.suffix(3)))
        let bytes = peer.takeBytes()
        let end = try #require(bytes.firstRange(of: Array("\r\n\r\n".utf8))).upperBound
        #expect(bytes.starts(with: Array("HTTP/1.1 101 ".utf8)))
        #expect(FrameBytes.frames(in: Array(bytes[end...])) == [.text("early"), .text("bird")])
    }

    @Test("The requests of a keep-alive connection and the one for a WebSocket come in one segment")
    func upgradesPipelined() throws {
        let peer = try Self.server().connect()
        let requests = "GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n"
        let frame = FrameBytes.text("early").from(.client).bytes
        try peer.send(Array((requests + UpgradeText.request("/echo")).utf8) + frame)
        let bytes = peer.takeBytes()
        let text = String(decoding: bytes, as: UTF8.self)
        let a = try #require(text.utf8.firstRange(of: "GET /a\n".utf8))
        let b = try #require(text.utf8.firstRange(of: "GET /b\n".utf8))
        let switching = try #require(text.utf8.firstRange(of: "HTTP/1.1 101 ".utf8))
        #expect(a.upperBound <= b.lowerBound && b.upperBound <= switching.lowerBound)
        #expect(FrameBytes.frames(in: Array(bytes.suffix(7))) == [.text("early")])
        // The encoder of HTTP is gone: nothing is added to the stream.
        try peer.send(.text("more"))
        #expect(peer.takeBytes() == FrameBytes.text("more").bytes)
    }

    @Test("Who has not finished the handshake of TLS in time cannot be told: the connection is closed at once")
    func timesOutBeforeTLS() throws {
        let server = Self.server { $0.socket.limits.handshake.timeout = .seconds(10) }
        let peer = try server.connect(isSecure: true)
        server.advance(by: .milliseconds(9_999))
        #expect(!peer.isClosed)
        server.advance(by: .milliseconds(1))
        #expect(peer.takeBytes().isEmpty)
        #expect(peer.isClosed)
        #expect(server.state.connectionCount == 0)
    }

    @Test("The deadline for the head is absolute: bytes that trickle in do not extend it")
    func timesOut() throws {
        let server = Self.server { $0.socket.limits.handshake.timeout = .seconds(10) }
        let peer = try server.connect()
        for byte in "GET /echo".utf8 {
            try peer.send([byte])
            server.advance(by: .seconds(1))
        }
        #expect(peer.takeBytes().isEmpty)
        #expect(!peer.isClosed)
        try peer.send(" HTTP/1.1\r\n")
        server.advance(by: .seconds(1))
        #expect(peer.takeResponse().status == 408)
        #expect(peer.isClosed)
        #expect(server.state.connectionCount == 0)
    }

    @Test("A head that is complete just before the deadline is in time")
    func isInTime() throws {
        let server = Self.server { $0.socket.limits.handshake.timeout = .seconds(10) }
        let peer = try server.connect()
        server.advance(by: .milliseconds(9_999))
        try peer.send(UpgradeText.request("/echo"))
        #expect(peer.takeResponse().status == 101)
        // The deadline was the handshake's: it does not end the WebSocket.
        server.advance(by: .seconds(5))
        #expect(!peer.isClosed)
    }

    static let wrongRequests: [(String, Int)] = [
        (UpgradeText.request("/echo", [("Sec-WebSocket-Key", "short")]), 400),
        (UpgradeText.request("/echo", [("Sec-WebSocket-Key", "")]), 400),
        (UpgradeText.request("/echo", [("Connection", "keep-alive")]), 400),
        (UpgradeText.request("/echo", [("Host", "")]), 400),
        (UpgradeText.request("/echo", [("Content-Length", "5")]) + "hello", 400),
        (UpgradeText.request("/echo", [("Transfer-Encoding", "chunked")]) + "0\r\n\r\n", 400),
        (UpgradeText.request("/echo", method: "POST"), 400),
        (UpgradeText.request("/echo", [("Origin", "http://elsewhere.example")]), 403),
        (UpgradeText.request("/nothing"), 404),
        (UpgradeText.request("/" + String(repeating: "a", count: 4096)), 414),
        (UpgradeText.request("/echo", [("Sec-WebSocket-Version", "8")]), 426),
        (UpgradeText.request("/echo", [("X-Long", String(repeating: "a", count: 8200))]), 431),
        (UpgradeText.request("/echo", (0..<120).map { ("X-\($0)", "a") }), 431),
        ("GET /echo HTTP/1.1\nHost: a\n\n", 400),
        ("GET /echo\r\n\r\n", 400),
        ("GET /echo HTTP/2.0\r\nHost: a\r\n\r\n", 505),
    ]

    @Test(
        "A request that breaks a rule is refused with the status that says so",
        arguments: ServerOpeningTests.wrongRequests)
    func refuses(request: String, status: Int) throws {
        let server = Self.server()
        let peer = try server.connect()
        try peer.send(request)
        let response = peer.takeResponse()
        #expect(response.status == status, "\(request.prefix(80))")
        #expect(response["Connection"]?.contains("close") == true)
        #expect(response["Content-Length"] == "\(response.body.utf8.count)")
        #expect(!response.body.isEmpty)
        #expect(peer.isClosed)
        #expect(server.state.connectionCount == 0)
    }

    static let wrongLaterRequests: [(String, Int)] = [
        (UpgradeText.request("/echo", [("Sec-WebSocket-Key", "short")]), 400),
        (UpgradeText.request("/echo", [("Origin", "http://elsewhere.example")]), 403),
        (UpgradeText.request("/nothing"), 404),
        (UpgradeText.request("/echo", [("Sec-WebSocket-Version", "8")]), 426),
        (UpgradeText.request("/echo", [("Content-Length", "5")]) + "hello", 400),
    ]

    @Test("The same is refused on a connection that was used before", arguments: ServerOpeningTests.wrongLaterRequests)
    func refusesLater(request: String, status: Int) throws {
        let server = Self.server()
        let peer = try server.connect()
        try peer.send("GET /page HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(peer.takeResponse().status == 200)
        try peer.send(request)
        let response = peer.takeResponse()
        #expect(response.status == status)
        #expect(response["Content-Length"] == "\(response.body.utf8.count)")
        if status == 426 { #expect(response["Sec-WebSocket-Version"] == "13") }
        #expect(peer.isClosed)
        #expect(server.state.connectionCount == 0)
    }

    @Test("426 says which version is spoken (RFC 6455 §4.4)")
    func namesItsVersion() throws {
        let peer = try Self.server().connect()
        try peer.send(UpgradeText.request("/echo", [("Sec-WebSocket-Version", "25")]))
        let response = peer.takeResponse()
        #expect(response.status == 426)
        #expect(response["Sec-WebSocket-Version"] == "13")
        #expect(response["Upgrade"] == "websocket")
        #expect(response["Connection"]?.contains("Upgrade") == true)
    }

    @Test(
        "The path of a WebSocket, asked for without Upgrade, is answered with 426",
        arguments: [
            "GET /echo HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /echo HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
        ])
    func wantsAnUpgrade(request: String) throws {
        let peer = try Self.server().connect()
        try peer.send(request)
        let response = peer.takeResponse()
        #expect(response.status == 426)
        #expect(response["Upgrade"] == "websocket")
        // A field that names a protocol is named by Connection (RFC 9110 §7.8).
        #expect(response.values("Connection").joined(separator: ",").contains("Upgrade"))
        #expect(peer.isClosed)
    }

    @Test("Pipelined bytes that exceed what may be read ahead stop the reading")
    func stopsReadingBehindTheRequest() throws {
        var server = WebSocketServer.forTests { $0.socket.maxUnreadBytes = 1_000 }
        server.on("/slow") { socket in _ = await socket.closed() }
        let peer = try EmbeddedServer(server).connect()
        let frames = (0..<20).flatMap { _ in FrameBytes.binary([UInt8](repeating: 7, count: 100)).from(.client).bytes }
        try peer.send(Array(UpgradeText.request("/slow").utf8) + frames)
        #expect(peer.takeResponse().status == 101)
        #expect(peer.isReading == false)
    }
}
