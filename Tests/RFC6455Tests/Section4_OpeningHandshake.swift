import Testing
import WebSocketCore

@Suite("RFC 6455 §4.2 Server-side requirements of the opening handshake, §4.4")
struct Section4ServerHandshake {
    @Test("The example of §1.2 is answered with its accept value (§4.2.2)")
    func example() throws {
        let accepted = try #require(answer(.request).accepted)
        let text = String(decoding: accepted.response.encode(), as: UTF8.self)
        #expect(text.hasPrefix("HTTP/1.1 101 "))
        #expect(accepted.response.fields["Upgrade"] == "websocket")
        #expect(accepted.response.fields["Connection"] == "Upgrade")
        #expect(accepted.response.fields["Sec-WebSocket-Accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        #expect(accepted.response.fields.count(of: "Sec-WebSocket-Protocol") == 0)
        #expect(accepted.response.fields.count(of: "Sec-WebSocket-Extensions") == 0)
        #expect(text.hasSuffix("\r\n\r\n"))
    }

    @Test(
        "The request MUST be a GET of HTTP/1.1 or higher (§4.2.1)",
        arguments: [
            ("GET /chat HTTP/1.1", nil), ("POST /chat HTTP/1.1", 400), ("get /chat HTTP/1.1", 400),
            ("CONNECT /chat HTTP/1.1", 400),
            ("GET /chat HTTP/1.0", 400), ("GET /chat", 400), ("GET chat HTTP/1.1", 400), ("GET /chat HTTP/2.0", 505),
        ] as [(String, Int?)])
    func requestLine(line: String, status: Int?) {
        #expect(answer(Head.request.replacing("GET", line)).fault?.status == status)
    }

    @Test(
        "Host, Upgrade, Connection, Sec-WebSocket-Key and Sec-WebSocket-Version MUST be there (§4.2.1)",
        arguments: ["Host", "Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version"])
    func mandatoryFields(name: String) {
        let fault = answer(Head.request.replacing(name, nil)).fault
        #expect(fault?.status == 400)
        #expect(fault?.description.contains(name) == true)
    }

    @Test(
        "Upgrade contains websocket, Connection the token Upgrade, without regard to case (§4.2.1)",
        arguments: [
            ("Upgrade: WebSocket", true), ("Upgrade: WEBSOCKET", true), ("upgrade: h2c, websocket", true),
            ("Upgrade: h2c", false),
            ("Upgrade: websockets", false), ("Connection: upgrade", true), ("CONNECTION: keep-alive, Upgrade", true),
            ("Connection: UPGRADE,keep-alive", true), ("Connection: keep-alive", false),
            ("Connection: Upgraded", false),
            ("Connection: close", false),
        ])
    func tokens(line: String, isAccepted: Bool) {
        let name = String(line.prefix { $0 != ":" }).lowercased() == "upgrade" ? "Upgrade" : "Connection"
        let result = answer(Head.request.replacing(name, line))
        #expect((result.accepted != nil) == isAccepted)
        if !isAccepted { #expect(result.fault?.status == 400) }
    }

    @Test(
        "The key MUST be base64 of 16 bytes, once (§4.2.1, §11.3.1)",
        arguments: [
            "", "AAAA", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZ===",
            "dGhlIHNhbXBsZSBub25jZR==",
            "dGhlIHNhbXBsZSBub25jZSE=", "dGhl IHNhbXBsZSBub25jZQ==", "!GhlIHNhbXBsZSBub25jZQ==",
        ])
    func key(value: String) {
        #expect(answer(Head.request.replacing("Sec-WebSocket-Key", "Sec-WebSocket-Key: \(value)")).fault == .invalidKey)
    }

    @Test(
        "A field that stands once stands once (§11.3)",
        arguments: [
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13", "Host: server.example.com",
        ])
    func repeated(line: String) {
        #expect(answer(Head.request.adding(line)).fault?.status == 400)
    }

    @Test(
        "A version that is not 13 is answered with 426 and the versions spoken (§4.2.2, §4.4)",
        arguments: ["8", "7", "0", "25", "13, 8", "013", ""])
    func version(value: String) throws {
        let request = Head.request.replacing("Sec-WebSocket-Version", "Sec-WebSocket-Version: \(value)")
        let fault = try #require(answer(request).fault)
        #expect(fault.status == 426)
        let rejection = Rejection(fault)
        #expect(rejection.head.fields.values(for: "Sec-WebSocket-Version") == ["13"])
        #expect(rejection.head.status == 426)
    }

    @Test("What is wrong is answered with an HTTP error, and the connection is not upgraded (§4.2.1)")
    func rejection() throws {
        let fault = try #require(answer(Head.request.replacing("Sec-WebSocket-Key", nil)).fault)
        let text = String(decoding: Rejection(fault).encode(), as: UTF8.self)
        #expect(text.hasPrefix("HTTP/1.1 400 "))
        #expect(text.contains("\r\nConnection: close\r\n"))
        #expect(!text.contains("Sec-WebSocket-Accept"))
    }

    @Test("An unacceptable origin is answered with 403; a missing one is no browser's (§4.2.2, §10.2)")
    func origin() {
        #expect(HandshakeFault.originNotAllowed("https://evil.example").status == 403)
        let policy = OriginPolicy.sameHost
        #expect(policy.allows(origin: "http://server.example.com", host: "server.example.com", isSecure: false))
        #expect(policy.allows(origin: nil, host: "server.example.com", isSecure: false))
        #expect(!policy.allows(origin: "http://evil.example", host: "server.example.com", isSecure: false))
        #expect(!policy.allows(origin: "null", host: "server.example.com", isSecure: false))
    }

    @Test("The subprotocol is one of the client's, or the field is left out (§4.2.2)")
    func subprotocol() throws {
        let request = Head.request.adding("Sec-WebSocket-Protocol: chat, superchat")
        let chosen = try #require(answer(request, subprotocol: "superchat").accepted)
        #expect(chosen.response.fields.values(for: "Sec-WebSocket-Protocol") == ["superchat"])
        #expect(answer(request, subprotocol: "other").fault == .subprotocolNotRequested("other"))
        #expect(answer(.request, subprotocol: "chat").fault == .subprotocolNotRequested("chat"))
        let none = try #require(answer(request).accepted)
        #expect(none.response.fields.count(of: "Sec-WebSocket-Protocol") == 0)
    }

    @Test("Sec-WebSocket-Protocol and Sec-WebSocket-Extensions of a request may be split over several lines (§11.3)")
    func splitLines() {
        let request = Head.request.adding("Sec-WebSocket-Protocol: a", "Sec-WebSocket-Protocol: b, c")
        for name in ["a", "b", "c"] { #expect(answer(request, subprotocol: name).accepted?.subprotocol == name) }
        let extensions = Head.request.adding(
            "Sec-WebSocket-Extensions: x", "Sec-WebSocket-Extensions: y, permessage-deflate")
        #expect(answer(extensions, deflate: .init()).accepted?.deflate != nil)
    }

    @Test("Subprotocols are tokens, and different (§4.1, §11.3.4)", arguments: ["a b", "a, a", "a(b)", "é", "a/b"])
    func invalidSubprotocols(value: String) {
        #expect(answer(Head.request.adding("Sec-WebSocket-Protocol: \(value)")).fault?.status == 400)
    }

    @Test("A body is no part of the handshake (§4.1)", arguments: ["Content-Length: 5", "Transfer-Encoding: chunked"])
    func body(line: String) {
        #expect(answer(Head.request.adding(line)).fault?.status == 400)
        #expect(answer(Head.request.adding("Content-Length: 0")).accepted != nil)
    }

    @Test("Fields that are unknown are ignored (§4.2.1)")
    func unknownFields() {
        #expect(answer(Head.request.adding("Cookie: a=b", "X-Anything: whatever", "User-Agent: é")).accepted != nil)
    }
}

@Suite("RFC 6455 §4.1 Client requirements of the opening handshake")
struct Section4ClientHandshake {
    private static func head(_ client: ClientHandshake) throws -> RequestHead {
        var parser = RequestHeadParser()
        let bytes = client.request
        guard case .complete(let head, let count) = parser.parse(bytes.span.bytes), count == bytes.count else {
            throw HandshakeFault.malformedRequestLine
        }
        return head
    }

    @Test("The request MUST be a GET of HTTP/1.1 with the mandatory fields, each once (§4.1)")
    func request() throws {
        let head = try Self.head(exampleClient("ws://server.example.com/chat?room=1"))
        #expect(head.method == "GET" && head.target == "/chat?room=1" && head.version == .http11)
        for (name, value) in [
            ("Host", "server.example.com"), ("Upgrade", "websocket"), ("Connection", "Upgrade"),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="), ("Sec-WebSocket-Version", "13"),
        ] { #expect(head.fields.values(for: name) == [value]) }
        #expect(head.fields.count(of: "Sec-WebSocket-Protocol") == 0)
        #expect(head.fields.count(of: "Sec-WebSocket-Extensions") == 0)
    }

    @Test(
        "Host has the port, unless it is the default (§4.1)",
        arguments: [
            ("ws://a.example/", "a.example"), ("ws://a.example:80/", "a.example"),
            ("wss://a.example:443/", "a.example"),
            ("ws://a.example:443/", "a.example:443"), ("wss://a.example:80/", "a.example:80"),
            ("ws://a.example:8000/", "a.example:8000"),
        ])
    func host(url: String, host: String) throws {
        #expect(try Self.head(exampleClient(url)).fields.values(for: "Host") == [host])
    }

    @Test("The key is the base64 of the 16 bytes drawn for this connection (§4.1)")
    func key() throws {
        let url = try WebSocketURL("ws://a.example/")
        let zeros = try ClientHandshake(url: url, keyBytes: InlineArray<16, UInt8>(repeating: 0))
        let ones = try ClientHandshake(url: url, keyBytes: InlineArray<16, UInt8>(repeating: 0xFF))
        #expect(try Self.head(zeros).fields["Sec-WebSocket-Key"] == "AAAAAAAAAAAAAAAAAAAAAA==")
        #expect(try Self.head(ones).fields["Sec-WebSocket-Key"] == "/////////////////////w==")
    }

    @Test("Subprotocols are non-empty tokens, all different (§4.1)", arguments: ["", "a b", "a,b", "é", "a\r\nX: y"])
    func invalidSubprotocols(name: String) throws {
        #expect(throws: HandshakeFault.invalidSubprotocol(name)) { try exampleClient(subprotocols: [name]) }
        #expect(throws: HandshakeFault.invalidSubprotocol("a")) { try exampleClient(subprotocols: ["a", "a"]) }
        #expect(try Self.head(exampleClient(subprotocols: ["b", "a"])).fields["Sec-WebSocket-Protocol"] == "b, a")
    }

    @Test(
        "A response that is right opens the connection, whatever the case of its names (§4.1)",
        arguments: [
            Head.response, Head.response.replacing("Upgrade", "UPGRADE: WebSocket"),
            Head.response.replacing("Connection", "connection: keep-alive, upgrade"),
            Head.response.replacing("Sec-WebSocket-Accept", "sec-websocket-accept:   s3pPLMBiTxaQ9kYGzzhZRbK+xOo= \t"),
            Head.response.adding("Server: x", "Set-Cookie: a=b"), Head.response.replacing("HTTP", "HTTP/1.1 101 "),
        ])
    func accepted(response: Head) throws {
        let accepted = try #require(judgement(response, by: exampleClient()).accepted)
        #expect(accepted.subprotocol == nil && accepted.deflate == nil)
    }

    @Test(
        "If the status is not 101, the response is handled as HTTP: nothing of it is lost (§4.1)",
        arguments: [200, 301, 400, 401, 403, 404, 426, 500, 503])
    func otherStatus(status: Int) throws {
        let response = Head(lines: ["HTTP/1.1 \(status) Reason", "Location: /elsewhere", "Content-Length: 3"])
        guard case .rejected(let head) = judgement(response, by: try exampleClient()).fault else {
            Issue.record("not rejected")
            return
        }
        #expect(head.status == status && head.reason == "Reason" && head.fields["Location"] == "/elsewhere")
    }

    @Test(
        "The client MUST fail the connection if Upgrade, Connection or Accept is missing or wrong (§4.1)",
        arguments: [
            ("Upgrade", nil), ("Upgrade", "Upgrade: h2c"), ("Upgrade", "Upgrade: "), ("Connection", nil),
            ("Connection", "Connection: close"), ("Connection", "Connection: Upgraded"), ("Sec-WebSocket-Accept", nil),
            ("Sec-WebSocket-Accept", "Sec-WebSocket-Accept: "),
            ("Sec-WebSocket-Accept", "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOp="),
            ("Sec-WebSocket-Accept", "Sec-WebSocket-Accept: S3PPLMBITXAQ9KYGZZHZRBK+XOO="),
            ("Sec-WebSocket-Accept", "Sec-WebSocket-Accept: dGhlIHNhbXBsZSBub25jZQ=="),
            ("HTTP", "HTTP/1.0 101 Switching Protocols"),
        ] as [(String, String?)])
    func wrong(name: String, line: String?) throws {
        #expect(judgement(Head.response.replacing(name, line), by: try exampleClient()).fault != nil)
    }

    @Test("Accept, Protocol and Extensions each stand at most once in a response (§11.3.2 to §11.3.4)")
    func repeated() throws {
        let client = try exampleClient(subprotocols: ["chat", "superchat"], deflate: .init())
        #expect(
            judgement(Head.response.adding("Sec-WebSocket-Protocol: chat"), by: client).accepted?.subprotocol == "chat")
        let extensions = "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover"
        #expect(judgement(Head.response.adding(extensions), by: client).accepted?.deflate != nil)
        for line in ["Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "Sec-WebSocket-Protocol: chat", extensions] {
            #expect(judgement(Head.response.adding(line, line), by: client).fault != nil, "\(line)")
        }
        #expect(judgement(Head.response.adding("Sec-WebSocket-Protocol: chat, superchat"), by: client).fault != nil)
    }

    @Test("A subprotocol that was not requested fails the connection (§4.1)")
    func subprotocol() throws {
        let chat = Head.response.adding("Sec-WebSocket-Protocol: chat")
        #expect(judgement(chat, by: try exampleClient()).fault == .unrequestedSubprotocol("chat"))
        #expect(
            judgement(chat, by: try exampleClient(subprotocols: ["superchat"])).fault == .unrequestedSubprotocol("chat")
        )
        #expect(judgement(chat, by: try exampleClient(subprotocols: ["Chat"])).fault == .unrequestedSubprotocol("chat"))
        #expect(judgement(.response, by: try exampleClient(subprotocols: ["chat"])).accepted?.subprotocol == nil)
    }

    @Test("Client and server of one library understand each other (§4)")
    func together() throws {
        let client = try exampleClient(subprotocols: ["a", "b"], deflate: .init())
        let server = try ServerHandshake(validating: Self.head(client)).accept(subprotocol: "b", deflate: .init())
        let accepted = try client.validate(server.response)
        #expect(accepted.subprotocol == "b")
        #expect(accepted.deflate == server.deflate && accepted.deflate != nil)
    }
}
