import Testing

@testable import WebSocketCore

@Suite("The server's opening handshake (RFC 6455 §4.2)")
struct ServerHandshakeTests {
    static let key = "dGhlIHNhbXBsZSBub25jZQ=="

    /// The RFC's example, each of whose lines can be left out (`nil`) or replaced.
    static func request(
        method: String = "GET", target: String = "/chat", version: ProtocolVersion = .http11,
        _ changes: [String: String?] = [:],
        adding: HeaderFields = [:]
    ) -> RequestHead {
        let usual: KeyValuePairs = [
            "Host": "server.example.com", "Upgrade": "websocket", "Connection": "Upgrade",
            "Sec-WebSocket-Key": Self.key,
            "Sec-WebSocket-Version": "13",
        ]
        var fields = HeaderFields()
        for (name, value) in usual {
            guard let value = changes[name] ?? value else { continue }
            fields.appendValid(name, value.utf8)
        }
        fields.append(adding)
        return RequestHead(method: method, target: target, version: version, fields: fields)
    }

    static func fault(_ head: RequestHead) -> HandshakeFault? {
        do throws(HandshakeFault) {
            _ = try ServerHandshake(validating: head)
            return nil
        } catch {
            return error
        }
    }

    @Test(
        "accepts",
        arguments: [
            request(),
            request(version: ProtocolVersion(major: 1, minor: 2)),
            request(["Upgrade": "WebSocket", "Connection": "UPGRADE"]),
            request(["Upgrade": "h2c, websocket", "Connection": "keep-alive, Upgrade"]),
            request(["Connection": nil], adding: ["Connection": "keep-alive", "Connection": "upgrade"]),
            request(adding: ["Content-Length": "0"]),
            request(adding: ["Origin": "null"]),
            request(adding: ["Sec-WebSocket-Extensions": ""]),
            request(adding: ["Sec-WebSocket-Extensions": "x, , y;a=\"b\""]),
            request(adding: ["Sec-WebSocket-Protocol": "a, b", "Sec-WebSocket-Protocol": "c"]),
            request(target: "http://server.example.com/chat"),
        ])
    func accepts(head: RequestHead) {
        #expect(ServerHandshake.isUpgrade(head))
        #expect(Self.fault(head) == nil)
    }

    @Test(
        "refuses",
        arguments: [
            (request(method: "POST"), .methodNotGET("POST"), 400),
            (request(method: "get"), .methodNotGET("get"), 400),
            (request(version: .http10), .unsupportedHTTPVersion(.http10), 400),
            (request(["Host": nil]), .missingField("Host"), 400),
            (request(adding: ["host": "b"]), .duplicateField("Host"), 400),
            (request(["Host": ""]), .invalidHost(""), 400),
            (request(["Host": "a b"]), .invalidHost("a b"), 400),
            (request(["Upgrade": nil]), .missingToken(field: "Upgrade", token: "websocket"), 400),
            (request(["Upgrade": "websockets"]), .missingToken(field: "Upgrade", token: "websocket"), 400),
            (request(["Connection": nil]), .missingToken(field: "Connection", token: "Upgrade"), 400),
            (request(["Connection": "close"]), .missingToken(field: "Connection", token: "Upgrade"), 400),
            (request(["Connection": "Upgrades"]), .missingToken(field: "Connection", token: "Upgrade"), 400),
            (request(["Sec-WebSocket-Version": nil]), .missingField("Sec-WebSocket-Version"), 400),
            (request(adding: ["Sec-WebSocket-Version": "13"]), .duplicateField("Sec-WebSocket-Version"), 400),
            (request(["Sec-WebSocket-Version": "8"]), .unsupportedWebSocketVersion("8"), 426),
            (request(["Sec-WebSocket-Version": "13, 8"]), .unsupportedWebSocketVersion("13, 8"), 426),
            (request(["Sec-WebSocket-Version": "013"]), .unsupportedWebSocketVersion("013"), 426),
            (request(["Sec-WebSocket-Version": ""]), .unsupportedWebSocketVersion(""), 426),
            (request(["Sec-WebSocket-Key": nil]), .missingField("Sec-WebSocket-Key"), 400),
            (request(adding: ["Sec-WebSocket-Key": key]), .duplicateField("Sec-WebSocket-Key"), 400),
            (request(["Sec-WebSocket-Key": ""]), .invalidKey, 400),
            (request(["Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ"]), .invalidKey, 400),
            (request(adding: ["Content-Length": "1"]), .requestHasBody, 400),
            (request(adding: ["Transfer-Encoding": "chunked"]), .requestHasBody, 400),
            (request(adding: ["Origin": "http://a", "Origin": "http://a"]), .duplicateField("Origin"), 400),
            (request(adding: ["Sec-WebSocket-Protocol": ""]), .malformedSubprotocols, 400),
            (request(adding: ["Sec-WebSocket-Protocol": " , ,"]), .malformedSubprotocols, 400),
            (request(adding: ["Sec-WebSocket-Protocol": "a b"]), .malformedSubprotocols, 400),
            (request(adding: ["Sec-WebSocket-Protocol": "a, a"]), .malformedSubprotocols, 400),
            (
                request(adding: ["Sec-WebSocket-Protocol": "a", "Sec-WebSocket-Protocol": "a"]), .malformedSubprotocols,
                400
            ),
            (request(adding: ["Sec-WebSocket-Extensions": "a; ="]), .malformedExtensions, 400),
        ] as [(RequestHead, HandshakeFault, Int)])
    func refuses(head: RequestHead, fault: HandshakeFault, status: Int) {
        #expect(Self.fault(head) == fault)
        #expect(fault.status == status)
    }

    @Test(
        "an ordinary request is not taken for an upgrade",
        arguments: [
            request(["Upgrade": nil]), request(["Upgrade": "h2c"]), request(["Upgrade": ""]),
            request(["Upgrade": "notwebsocket"]),
        ])
    func isUpgrade(head: RequestHead) {
        #expect(!ServerHandshake.isUpgrade(head))
    }

    @Test("reads what the client asks for")
    func properties() throws {
        let handshake = try ServerHandshake(
            validating: Self.request(adding: [
                "Origin": "http://example.com", "Sec-WebSocket-Protocol": "chat , superchat",
                "Sec-WebSocket-Protocol": "x",
                "Sec-WebSocket-Extensions": "foo, bar; a=1", "sec-websocket-extensions": "foo",
            ]))
        #expect(handshake.host == "server.example.com")
        #expect(handshake.origin == "http://example.com")
        #expect(handshake.subprotocols == ["chat", "superchat", "x"])
        #expect(handshake.extensionOffers.map(\.description) == ["foo", "bar; a=1", "foo"])
    }

    @Test("the authority of an absolute target stands for the Host field (RFC 9112 §3.2.2)")
    func absoluteForm() throws {
        let head = Self.request(target: "http://other.example:81/x", ["Host": "server.example.com"])
        #expect(try ServerHandshake(validating: head).host == "other.example:81")
    }

    @Test("answers the RFC's example with its answer (§1.3), byte for byte")
    func example() throws {
        let handshake = try ServerHandshake(
            validating: Self.request(adding: ["Sec-WebSocket-Protocol": "chat, superchat"]))
        let accepted = try handshake.accept(subprotocol: "chat")
        let expected =
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: chat\r\n\r\n"
        #expect(String(decoding: accepted.response.encode(), as: UTF8.self) == expected)
        #expect(accepted.subprotocol == "chat")
        #expect(accepted.deflate == nil)
    }

    @Test("the key is taken from the request as it was parsed")
    func parsed() throws {
        let text =
            "\r\nGET / HTTP/1.1\r\nHost: a\r\nSEC-WEBSOCKET-KEY:   dGhlIHNhbXBsZSBub25jZQ==\t\r\nUpgrade:websocket\r\n"
            + "connection:upgrade\r\nSec-WebSocket-Version:13\r\n\r\n"
        guard case .complete(let head, _) = parseRequest(Array(text.utf8)) else {
            Issue.record("not complete")
            return
        }
        let accepted = try ServerHandshake(validating: head).accept()
        #expect(accepted.response.fields["Sec-WebSocket-Accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    }

    @Test(
        "chooses none but a subprotocol of the client",
        arguments: [
            ("chat", nil), ("x.y", nil), ("Chat", .subprotocolNotRequested("Chat")), ("", .subprotocolNotRequested("")),
            ("chat, x.y", .subprotocolNotRequested("chat, x.y")),
        ] as [(String, HandshakeFault?)])
    func subprotocol(name: String, fault: HandshakeFault?) throws {
        let handshake = try ServerHandshake(validating: Self.request(adding: ["Sec-WebSocket-Protocol": "chat,x.y"]))
        if let fault {
            #expect(throws: fault) { try handshake.accept(subprotocol: name) }
        } else {
            #expect(try handshake.accept(subprotocol: name).response.fields["Sec-WebSocket-Protocol"] == name)
        }
        #expect(try handshake.accept().response.fields["Sec-WebSocket-Protocol"] == nil)
    }

    @Test(
        "writes extra fields, but lets none replace its own",
        arguments: [
            ("Set-Cookie", false), ("Server", false), ("Upgrade", true), ("connection", true),
            ("Sec-WebSocket-Accept", true), ("SEC-WEBSOCKET-PROTOCOL", true), ("sec-websocket-extensions", true),
            ("Content-Length", true), ("Transfer-Encoding", true),
        ])
    func extraFields(name: String, isReserved: Bool) throws {
        let handshake = try ServerHandshake(validating: Self.request())
        var fields = HeaderFields()
        try fields.append(name, "1")
        if isReserved {
            #expect(throws: HandshakeFault.reservedField(name)) { try handshake.accept(extraFields: fields) }
        } else {
            #expect(try handshake.accept(extraFields: fields).response.fields[name] == "1")
        }
    }

    @Test(
        "agrees to compression if it is configured and offered",
        arguments: [
            ("permessage-deflate; client_max_window_bits", true, true),
            ("permessage-deflate", false, false),
            ("x-webkit-deflate-frame", true, false),
            ("", true, false),
        ])
    func deflate(offers: String, isConfigured: Bool, isAgreed: Bool) throws {
        let handshake = try ServerHandshake(validating: Self.request(adding: ["Sec-WebSocket-Extensions": offers]))
        let accepted = try handshake.accept(deflate: isConfigured ? .init() : nil)
        let expected = isAgreed ? "permessage-deflate; server_no_context_takeover; client_no_context_takeover" : nil
        #expect(accepted.response.fields["Sec-WebSocket-Extensions"] == expected)
        #expect((accepted.deflate != nil) == isAgreed)
    }

    @Test("thousands of subprotocols and extensions are read in one go")
    func many() throws {
        let names = (0..<5000).map { String($0, radix: 36) }
        let handshake = try ServerHandshake(
            validating: Self.request(adding: [
                "Sec-WebSocket-Protocol": names.joined(separator: ","),
                "Sec-WebSocket-Extensions": names.joined(separator: ","),
            ]))
        #expect(handshake.subprotocols == names)
        #expect(handshake.extensionOffers.map(\.name) == names)
    }
}
