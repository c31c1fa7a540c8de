import NIOCore
import NIOEmbedded
import Testing
import WebSocketCore
import WebSocketTesting

@testable import WebSockets

@Suite("Ordinary HTTP on the port of the WebSockets")
struct HTTPRequestHandlerTests {
    private typealias Respond = @Sendable (HTTPRequest) async throws -> HTTPResponse

    private static func server(
        _ configure: (inout WebSocketServer.Configuration) -> Void = { _ in },
        respond: @escaping Respond = { HTTPResponse("\($0.method) \($0.path) \($0.body.count)\n") }
    ) -> EmbeddedServer {
        var server = WebSocketServer.echoing(configure)
        server.onRequest(respond)
        return EmbeddedServer(server)
    }

    private static func get(_ path: String, _ fields: String = "") -> String {
        "GET \(path) HTTP/1.1\r\nHost: a\r\n\(fields)\r\n"
    }

    @Test("Requests of one connection are answered one after the other")
    func keepsAlive() throws {
        let peer = try Self.server().connect()
        for path in ["/a", "/b", "/c"] {
            try peer.send(Self.get(path))
            let response = peer.takeResponse()
            #expect(response.status == 200)
            #expect(response.body == "GET \(path) 0\n")
            #expect(response["Content-Length"] == "\(response.body.utf8.count)")
            #expect(response["Content-Type"] == "text/plain; charset=utf-8")
            #expect(!peer.isClosed)
        }
    }

    @Test(
        "Connection: close is obeyed, and so is HTTP/1.0",
        arguments: [
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "GET / HTTP/1.0\r\n\r\n",
        ])
    func closes(request: String) throws {
        let server = Self.server()
        let peer = try server.connect()
        try peer.send(request)
        let response = peer.takeResponse()
        #expect(response.status == 200)
        #expect(response["Connection"] == "close")
        #expect(peer.isClosed)
        #expect(server.state.connectionCount == 0)
    }

    @Test("Pipelined requests are answered in their order, also when the second could be answered first")
    func answersInOrder() throws {
        let gate = LoopGate()
        let peer = try Self.server(respond: { request in
            if request.path == "/slow" { await gate.pass() }
            return HTTPResponse(request.path + "\n")
        }).connect()
        try peer.send(Self.get("/slow") + Self.get("/fast"))
        #expect(peer.takeBytes().isEmpty)
        gate.open()
        let text = peer.takeText()
        let slow = try #require(text.utf8.firstRange(of: "/slow\n".utf8))
        let fast = try #require(text.utf8.firstRange(of: "/fast\n".utf8))
        #expect(slow.upperBound <= fast.lowerBound)
    }

    @Test(
        "Ten thousand requests in one segment are answered one after the other, not one inside the other",
        arguments: [
            "GET /page HTTP/1.1\r\nHost: a\r\n\r\n", "GET /echo HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\n\r\n",
            "GET /echo HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n",
        ])
    func pipelinedMany(request: String) throws {
        let gate = LoopGate()
        let peer = try Self.server(respond: { request in
            if request.path == "/slow" { await gate.pass() }
            return HTTPResponse("\(request.path)\n")
        }).connect()
        try peer.send(Self.get("/slow"))
        try peer.send(String(repeating: request, count: 10_000))
        gate.open()
        let text = peer.takeText()
        #expect(text.contains("/slow\n"))
        // All of them, or the one refusal that ends the connection.
        #expect(text.utf8.count > 200)
    }

    @Test(
        "Who does not take an answer is not asked for the next, and gets all of them once it does",
        arguments: [false, true])
    func answersNotTaken(drains: Bool) throws {
        let paths = Log<String>()
        let server = Self.server(respond: { request in
            paths.add(request.path)
            return HTTPResponse("\(request.path)\n")
        })
        let peer = try server.connect()
        try peer.send(Self.get("/first"))
        #expect(peer.takeResponse().status == 200)
        peer.channel.isWritable = false
        peer.channel.pipeline.fireChannelWritabilityChanged()
        try peer.send(Self.get("/a") + Self.get("/b") + Self.get("/c"))
        #expect(paths.all == ["/first", "/a"])
        #expect(peer.takeText().hasSuffix("\r\n\r\n/a\n"))
        if drains { server.drain() }
        #expect(!peer.isClosed)
        peer.channel.isWritable = true
        peer.channel.pipeline.fireChannelWritabilityChanged()
        #expect(peer.takeText().hasSuffix(drains ? "\r\n\r\n/b\n" : "\r\n\r\n/c\n"))
        #expect(paths.all == (drains ? ["/first", "/a", "/b"] : ["/first", "/a", "/b", "/c"]))
        #expect(peer.isClosed == drains)
    }

    @Test("What comes behind a request that was the last is not executed (RFC 9112 §9.6)")
    func behindTheLast() throws {
        let paths = Log<String>()
        let server = Self.server(respond: { request in
            paths.add(request.path)
            return HTTPResponse("done\n")
        })
        for last in [Self.get("/last", "Connection: close\r\n"), "GET /last HTTP/1.0\r\n\r\n"] {
            let peer = try server.connect()
            try peer.send(last + "POST /evil HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx" + Self.get("/evil"))
            #expect(peer.takeText().contains("\r\n\r\ndone\n"))
            #expect(peer.isClosed)
        }
        #expect(paths.all == ["/last", "/last"])
    }

    @Test("A request names one host (RFC 9112 §3.2), the first of a connection and the later ones", arguments: [0, 1])
    func host(requestsBefore: Int) throws {
        for fields in ["", "Host: a\r\nHost: b\r\n"] {
            let peer = try Self.server().connect()
            for _ in 0..<requestsBefore {
                try peer.send(Self.get("/"))
                #expect(peer.takeResponse().status == 200)
            }
            try peer.send("GET / HTTP/1.1\r\n\(fields)\r\n")
            #expect(peer.takeResponse().status == 400)
            #expect(peer.isClosed)
        }
    }

    @Test("Who asks whether to send the body is told (RFC 9110 §10.1.1)")
    func expectations() throws {
        let server = Self.server { $0.maxRequestBodyBytes = 5 }
        let head = "POST / HTTP/1.1\r\nHost: a\r\n"
        let peer = try server.connect()
        try peer.send(head + "Content-Length: 5\r\nExpect: 100-Continue\r\n\r\n")
        #expect(peer.takeText() == "HTTP/1.1 100 Continue\r\n\r\n")
        try peer.send("hello")
        #expect(peer.takeResponse().body == "POST / 5\n")
        for (fields, status) in [("Content-Length: 6\r\nExpect: 100-continue", 413), ("Expect: wonders", 417)] {
            let peer = try server.connect()
            try peer.send(head + fields + "\r\n\r\n")
            #expect(peer.takeResponse().status == status)
            #expect(peer.isClosed)
        }
    }

    @Test("An answer that the peer does not take is given up", arguments: ["keep-alive", "close"])
    func notTaken(connection: String) async throws {
        var server = WebSocketServer.echoing { $0.requestTimeout = .milliseconds(50) }
        let requests = Log<String>()
        server.onRequest { request in
            requests.add(request.path)
            return HTTPResponse(body: [UInt8](repeating: 0, count: 64 << 20))
        }
        try await server.whileRunning { running in
            let peer = try await RawConnection.connect(to: running.port, receiveBufferBytes: 16 << 10)
            try await peer.stopReading()
            try await peer.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: \(connection)\r\n\r\n")
            _ = try await requests.first()
            try await eventually("the server to give it up") { running.connectionCount == 0 }
            try await peer.close()
        }
    }

    @Test("HEAD is answered with the length of a body that does not come")
    func head() throws {
        let peer = try Self.server().connect()
        try peer.send("HEAD /page HTTP/1.1\r\nHost: a\r\n\r\n")
        let response = peer.takeResponse()
        #expect(response.status == 200)
        #expect(response["Content-Length"] == "13")
        #expect(response.body.isEmpty)
        try peer.send(Self.get("/next"))
        #expect(peer.takeResponse().body == "GET /next 0\n")
    }

    @Test("A status that allows no body is sent without one (RFC 9110 §6.4.1)", arguments: [204, 304])
    func bodiless(status: Int) throws {
        let peer = try Self.server(respond: { _ in HTTPResponse(status: status, body: Array("extra".utf8)) }).connect()
        try peer.send(Self.get("/"))
        let response = peer.takeResponse()
        #expect(response.status == status)
        #expect(response.body.isEmpty)
        #expect(!peer.isClosed)
    }

    @Test(
        "A body comes whole, with its length or in chunks",
        arguments: [
            "Content-Length: 5\r\n\r\nhello",
            "Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
        ])
    func body(rest: String) throws {
        let peer = try Self.server(respond: { HTTPResponse(String(decoding: $0.body, as: UTF8.self)) }).connect()
        for byte in "POST / HTTP/1.1\r\nHost: a\r\n\(rest)".utf8 { try peer.send([byte]) }
        #expect(peer.takeResponse().body == "hello")
        try peer.send(Self.get("/"))
        #expect(peer.takeResponse().body.isEmpty)
    }

    @Test("A body may be as long as the limit and no longer", arguments: [(100, 200), (101, 413)], [false, true])
    func limitsBodies(bytes: (count: Int, status: Int), isChunked: Bool) throws {
        let server = Self.server { $0.maxRequestBodyBytes = 100 }
        let peer = try server.connect()
        let body = String(repeating: "x", count: bytes.count)
        let head = "POST / HTTP/1.1\r\nHost: a\r\n"
        if isChunked {
            try peer.send(
                head + "Transfer-Encoding: chunked\r\n\r\n\(String(bytes.count, radix: 16))\r\n\(body)\r\n0\r\n\r\n")
        } else {
            try peer.send(head + "Content-Length: \(bytes.count)\r\n\r\n\(body)")
        }
        let response = peer.takeResponse()
        #expect(response.status == bytes.status)
        #expect(peer.isClosed == (bytes.status == 413))
        #expect(server.state.connectionCount == (bytes.status == 413 ? 0 : 1))
    }

    @Test("An application that throws is answered for with 500, and the next request is served")
    func throwing() throws {
        struct Secret: Error {}
        let peer = try Self.server(respond: { request in
            if request.path == "/bad" { throw Secret() }
            return HTTPResponse("fine\n")
        }).connect()
        try peer.send(Self.get("/bad"))
        let response = peer.takeResponse()
        #expect(response.status == 500)
        #expect(!response.body.contains("Secret"))
        try peer.send(Self.get("/good"))
        #expect(peer.takeResponse().body == "fine\n")
    }

    @Test("Without an application everything is 404")
    func nothingIsHere() throws {
        let peer = try EmbeddedServer(.echoing()).connect()
        try peer.send(Self.get("/"))
        #expect(peer.takeResponse().status == 404)
        try peer.send(Self.get("/again"))
        #expect(peer.takeResponse().status == 404)
    }

    @Test("A request to upgrade to something else is answered as it is (RFC 9110 §7.8)")
    func ignoresOtherUpgrades() throws {
        let peer = try Self.server().connect()
        try peer.send(
            Self.get("/page", "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AA\r\n"))
        let response = peer.takeResponse()
        #expect(response.status == 200)
        #expect(response.body == "GET /page 0\n")
    }

    @Test("Rubbish behind an answered request is answered with 400")
    func malformedLater() throws {
        let server = Self.server()
        let peer = try server.connect()
        try peer.send(Self.get("/"))
        #expect(peer.takeResponse().status == 200)
        try? peer.send("rubbish\r\n\r\n")
        #expect(peer.takeResponse().status == 400)
        #expect(peer.isClosed)
        #expect(server.state.connectionCount == 0)
    }

    @Test("Fields of a response with line breaks cannot be made")
    func noResponseSplitting() throws {
        var fields = HeaderFields()
        #expect(throws: HeaderFields.InvalidField.self) { try fields.append("X-A", "1\r\nX-B: 2") }
        #expect(fields.isEmpty)
    }

    @Suite("Time")
    struct Time {
        private static func server() -> EmbeddedServer {
            HTTPRequestHandlerTests.server({ $0.requestTimeout = .seconds(30) })
        }

        @Test("An idle connection is closed after the time-out, counted from the last answer")
        func idle() throws {
            let server = Self.server()
            let peer = try server.connect()
            try peer.send(HTTPRequestHandlerTests.get("/a"))
            #expect(peer.takeResponse().status == 200)
            server.advance(by: .seconds(29))
            try peer.send(HTTPRequestHandlerTests.get("/b"))
            #expect(peer.takeResponse().status == 200)
            server.advance(by: .seconds(29))
            #expect(!peer.isClosed)
            server.advance(by: .seconds(1))
            #expect(peer.isClosed)
            #expect(server.state.connectionCount == 0)
        }

        @Test("A request that trickles in is cut off")
        func trickles() throws {
            let server = Self.server()
            let peer = try server.connect()
            try peer.send(HTTPRequestHandlerTests.get("/a"))
            #expect(peer.takeResponse().status == 200)
            for byte in "POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n".utf8 { try peer.send([byte]) }
            for _ in 0..<59 {
                server.advance(by: .seconds(1))
                if peer.isClosed { break }
                try peer.send([0x78])
            }
            #expect(peer.isClosed)
        }

        @Test("An application may take its time, and the peer then has all of its own")
        func slowApplication() throws {
            let gate = LoopGate()
            let server = HTTPRequestHandlerTests.server({ $0.requestTimeout = .seconds(30) }) { request in
                if request.path == "/slow" { await gate.pass() }
                return HTTPResponse("done\n")
            }
            let peer = try server.connect()
            try peer.send(HTTPRequestHandlerTests.get("/slow"))
            server.advance(by: .seconds(59))
            #expect(!peer.isClosed)
            gate.open()
            #expect(peer.takeResponse().body == "done\n")
            server.advance(by: .seconds(29))
            #expect(!peer.isClosed)
            server.advance(by: .seconds(1))
            #expect(peer.isClosed)
        }
    }
}
