import NIOCore
import Testing
import WebSocketCore
import WebSocketTesting

@testable import WebSockets

@Suite("Opening handshake on the client (RFC 6455 §4.1)")
struct ClientOpeningTests {
    /// How connecting failed; `nil` if it did not.
    private static func failure(of connecting: Task<WebSocket, any Error>) async throws -> WebSocketError? {
        do {
            let socket = try await withDeadline(what: "the failure") { try await connecting.value }
            socket.abort()
            return nil
        } catch let error as WebSocketError { return error }
    }

    @Test("The request says what was configured")
    func request() async throws {
        try await RawServer.whileConnecting({
            $0.subprotocols = ["v2", "v1"]
            $0.origin = "http://page.example"
            $0.fields = ["Authorization": "Bearer x", "X-A": "1"]
        }) { server, connecting in
            let request = try await server.accept("Sec-WebSocket-Protocol: v1\r\n")
            #expect(request.head.hasPrefix("GET / HTTP/1.1\r\n"))
            #expect(request["Host"]?.hasPrefix("127.0.0.1:") == true)
            #expect(request["Upgrade"] == "websocket")
            #expect(request["Connection"] == "Upgrade")
            #expect(request["Sec-WebSocket-Version"] == "13")
            #expect(request["Sec-WebSocket-Protocol"] == "v2, v1")
            #expect(request["Sec-WebSocket-Extensions"] == nil)
            #expect(request["Origin"] == "http://page.example")
            #expect(request["Authorization"] == "Bearer x")
            #expect(request["X-A"] == "1")
            let socket = try await connecting.value
            #expect(socket.subprotocol == "v1")
            #expect(socket.info.response?.status == 101)
            #expect(socket.info.deflate == nil)
            socket.abort()
        }
    }

    @Test("Frames in the segment of the 101 are the first messages, byte by byte too", arguments: [false, true])
    func framesBehindTheResponse(byteByByte: Bool) async throws {
        try await RawServer.whileConnecting { server, connecting in
            let frames = FrameBytes.text("early").bytes + FrameBytes.text("bird").bytes
            if byteByByte {
                let (_, accept) = try await server.readRequest()
                let response = """
                    HTTP/1.1 101 OK\r\nupgrade: WebSocket\r\nconnection: keep-alive, upgrade\r\n\
                    sec-websocket-accept: \(accept)\r\n\r\n
                    """
                for byte in Array(response.utf8) + frames { try await server.send([byte]) }
            } else {
                try await server.accept(then: frames)
            }
            let socket = try await withDeadline { try await connecting.value }
            let received = try await withDeadline {
                [try await socket.receive(), try await socket.receive()]
            }
            #expect(received == ["early", "bird"])
            socket.abort()
        }
    }

    @Test("Interim responses are skipped")
    func interim() async throws {
        try await RawServer.whileConnecting { server, connecting in
            try await server.send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
            try await server.accept()
            let socket = try await withDeadline { try await connecting.value }
            #expect(socket.info.response?.status == 101)
            socket.abort()
        }
    }

    @Test(
        "A refusal surfaces with status, fields and body, however the body ends",
        arguments: [
            ("Content-Length: 5\r\n\r\nhello", false),
            ("Content-Length: 5\r\n\r\nhello and more", false),
            ("Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nTrailer: 1\r\n\r\n", false),
            ("\r\nhello", true),
            ("Content-Length: 100\r\n\r\nhello", true),
            ("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", true),
        ])
    func rejection(rest: String, closes: Bool) async throws {
        try await RawServer.whileConnecting { server, connecting in
            _ = try await server.readRequest()
            try await server.send("HTTP/1.1 401 Who are you\r\nWWW-Authenticate: Bearer\r\n\(rest)")
            if closes { try await server.shutDownOutput() }
            let failure = try await Self.failure(of: connecting)
            guard case .handshakeRejected(let head, let body) = failure else {
                Issue.record("\(String(describing: failure))")
                return
            }
            #expect(head.status == 401)
            #expect(head.reason == "Who are you")
            #expect(head.fields["WWW-Authenticate"] == "Bearer")
            #expect(String(decoding: body, as: UTF8.self) == "hello")
        }
    }

    @Test(
        "A refusal without a body is told at once, though the server keeps the connection",
        arguments: [
            "204 No Content\r\n\r\n", "304 Not Modified\r\nContent-Length: 50\r\n\r\n",
            "302 Found\r\nContent-Length: 0\r\n\r\n",
        ])
    func rejectionWithoutBody(response: String) async throws {
        // Were it waited for, it would be longer than the test.
        try await RawServer.whileConnecting({ $0.socket.limits.discardTimeout = .seconds(300) }) { server, connecting in
            _ = try await server.readRequest()
            try await server.send("HTTP/1.1 \(response)")
            guard case .handshakeRejected(_, let body) = try await Self.failure(of: connecting) else {
                Issue.record("not rejected")
                return
            }
            #expect(body.isEmpty)
        }
    }

    @Test("64 KiB of a refusal's body are kept", arguments: ["Content-Length: 100000\r\n", ""])
    func longRejection(field: String) async throws {
        try await RawServer.whileConnecting { server, connecting in
            _ = try await server.readRequest()
            server.sendSoon(
                Array("HTTP/1.1 500 Oops\r\n\(field)\r\n".utf8) + [UInt8](repeating: 0x78, count: 100_000))
            guard case .handshakeRejected(let head, let body) = try await Self.failure(of: connecting) else {
                Issue.record("not rejected")
                return
            }
            #expect(head.status == 500)
            #expect(body == [UInt8](repeating: 0x78, count: 64 << 10))
        }
    }

    @Test("A refusal survives the reset that follows it")
    func rejectionAndReset() async throws {
        try await RawServer.whileConnecting { server, connecting in
            _ = try await server.readRequest()
            // The body's length is unknown, so the client reads on and meets the reset.
            try await server.send("HTTP/1.1 503 Full\r\n\r\nwait")
            try await server.reset()
            guard case .handshakeRejected(let head, _) = try await Self.failure(of: connecting) else {
                Issue.record("not rejected")
                return
            }
            #expect(head.status == 503)
        }
    }

    @Test(
        "An answer that breaks a rule is refused (RFC 6455 §4.1)",
        arguments: [
            (
                "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: AAAA\r\n",
                HandshakeFault.acceptMismatch
            ),
            ("Upgrade: websocket\r\nConnection: Upgrade\r\n", .missingField("Sec-WebSocket-Accept")),
            ("Connection: Upgrade\r\nSec-WebSocket-Accept: ACCEPT\r\n", .missingField("Upgrade")),
            (
                "Upgrade: websocket\r\nSec-WebSocket-Accept: ACCEPT\r\n",
                .missingToken(field: "Connection", token: "Upgrade")
            ),
            ("ALL\r\nSec-WebSocket-Protocol: x\r\n", .unrequestedSubprotocol("x")),
            ("ALL\r\nSec-WebSocket-Extensions: permessage-deflate\r\n", .unrequestedExtension("permessage-deflate")),
            ("ALL\r\nSec-WebSocket-Extensions: x\r\n", .unrequestedExtension("x")),
            ("No colon\r\n", .fieldWithoutColon),
        ] as [(String, HandshakeFault)])
    func invalid(fields: String, fault: HandshakeFault) async throws {
        try await RawServer.whileConnecting { server, connecting in
            let (_, accept) = try await server.readRequest()
            let all = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: \(accept)"
            let text = fields.replacing("ALL", with: all).replacing("ACCEPT", with: accept)
            try await server.send("HTTP/1.1 101 Switching Protocols\r\n\(text)\r\n")
            guard case .invalidHandshake(let found) = try await Self.failure(of: connecting) else {
                Issue.record("accepted")
                return
            }
            #expect(found == fault)
            // Nothing more is said, and the connection ends.
            #expect(try await server.readToEnd().isEmpty)
        }
    }

    @Test(
        "A server that leaves during the handshake is no reason to hang", arguments: ["", "HTTP/1.1 101 Swit"],
        [false, true])
    func leaves(text: String, byReset: Bool) async throws {
        try await RawServer.whileConnecting { server, connecting in
            _ = try await server.readRequest()
            try await server.send(text)
            if byReset { try await server.reset() } else { try await server.close() }
            guard case .connectionFailed = try await Self.failure(of: connecting) else {
                Issue.record("no failure")
                return
            }
        }
    }

    @Test("A server that says nothing is given up")
    func timesOut() async throws {
        try await RawServer.whileConnecting({ $0.socket.limits.handshake.timeout = .milliseconds(50) }) {
            server, connecting in
            _ = try await server.readRequest()
            try await server.send("HTTP/1.1 101 Swit")
            guard case .handshakeTimedOut(let limit) = try await Self.failure(of: connecting) else {
                Issue.record("no time-out")
                return
            }
            #expect(limit == .milliseconds(50))
            _ = try? await server.readToEnd()
            #expect(try await server.end != nil)
        }
    }

    @Test("Cancelling the task ends the attempt and the connection")
    func cancellation() async throws {
        try await RawServer.whileConnecting { server, connecting in
            _ = try await server.readRequest()
            connecting.cancel()
            await #expect(throws: CancellationError.self) { try await withDeadline { try await connecting.value } }
            #expect(try await server.readToEnd().isEmpty)
        }
    }

    @Test("Compression is offered, and used if the server agrees", arguments: [true, false])
    func deflate(isAccepted: Bool) async throws {
        try await RawServer.whileConnecting({ $0.socket.deflate = .init() }) { server, connecting in
            // What was asked for must be granted (RFC 7692 §7.1.1.1).
            let fields =
                isAccepted ? "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n" : ""
            let request = try await server.accept(fields)
            #expect(request["Sec-WebSocket-Extensions"]?.hasPrefix("permessage-deflate") == true)
            let socket = try await withDeadline { try await connecting.value }
            #expect((socket.info.deflate != nil) == isAccepted)
            let text = String(repeating: "compressible ", count: 100)
            try await socket.send(text)
            let frame = try await server.readFrame()
            #expect(frame.opcode == 1)
            #expect(frame.mask != nil)
            #expect(frame.reserved == (isAccepted ? 4 : 0))
            #expect((frame.payload.count < text.utf8.count) == isAccepted)
            socket.abort()
        }
    }

    @Test("A compression that was not offered so is refused")
    func invalidDeflate() async throws {
        try await RawServer.whileConnecting({ $0.socket.deflate = .init() }) { server, connecting in
            try await server.accept("Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=7\r\n")
            guard case .invalidHandshake = try await Self.failure(of: connecting) else {
                Issue.record("accepted")
                return
            }
        }
    }
}
