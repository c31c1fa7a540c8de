import Testing

@testable import WebSocketCore

@Suite("The client's opening handshake (RFC 6455 §4.1)")
struct ClientHandshakeTests {
    /// "the sample nonce", the key of the RFC's example.
    static let keyBytes: InlineArray<16, UInt8> = [
        0x74, 0x68, 0x65, 0x20, 0x73, 0x61, 0x6D, 0x70, 0x6C, 0x65, 0x20, 0x6E, 0x6F, 0x6E, 0x63, 0x65,
    ]

    static func handshake(
        _ url: String = "ws://server.example.com/chat", subprotocols: [String] = [], origin: String? = nil,
        extraFields: HeaderFields = [:], deflate: PerMessageDeflate.Configuration? = nil
    ) throws -> ClientHandshake {
        try ClientHandshake(
            url: WebSocketURL(url), subprotocols: subprotocols, origin: origin, extraFields: extraFields,
            deflate: deflate, keyBytes: Self.keyBytes)
    }

    /// The RFC's answer, each of whose lines can be left out (`nil`) or replaced.
    static func response(
        status: Int = 101, version: ProtocolVersion = .http11, _ changes: [String: String?] = [:],
        adding: HeaderFields = [:]
    ) -> ResponseHead {
        let usual: KeyValuePairs = [
            "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
        ]
        var fields = HeaderFields()
        for (name, value) in usual {
            guard let value = changes[name] ?? value else { continue }
            fields.appendValid(name, value.utf8)
        }
        fields.append(adding)
        return ResponseHead(version: version, status: status, fields: fields)
    }

    @Test("writes the RFC's example (§1.3), byte for byte")
    func example() throws {
        let handshake = try Self.handshake(
            subprotocols: ["chat", "superchat"], origin: "http://example.com", extraFields: ["Cookie": "a=1"],
            deflate: .init())
        let expected =
            "GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
            + "Sec-WebSocket-Protocol: chat, superchat\r\nSec-WebSocket-Extensions: permessage-deflate; "
            + "server_no_context_takeover; client_no_context_takeover; client_max_window_bits\r\n"
            + "Origin: http://example.com\r\nCookie: a=1\r\n\r\n"
        #expect(String(decoding: handshake.request, as: UTF8.self) == expected)
    }

    @Test(
        "writes host, port, path and query of the URL",
        arguments: [
            ("ws://a", "GET / HTTP/1.1\r\nHost: a\r\n"),
            ("ws://a:81/ü?x", "GET /%C3%BC?x HTTP/1.1\r\nHost: a:81\r\n"),
            ("wss://[::1]:443/", "GET / HTTP/1.1\r\nHost: [::1]\r\n"),
        ])
    func target(url: String, start: String) throws {
        let request = String(decoding: try Self.handshake(url).request, as: UTF8.self)
        #expect(request.hasPrefix(start))
        #expect(!request.contains("Sec-WebSocket-Extensions"))
        #expect(!request.contains("Sec-WebSocket-Protocol"))
        #expect(!request.contains("Origin"))
    }

    @Test("turns user information into Authorization, unless there is one")
    func authorization() throws {
        guard
            case .complete(let head, _) = parseRequest(try Self.handshake("ws://u:p@a/").request),
            case .complete(let own, _) = parseRequest(
                try Self.handshake("ws://u:p@a/", extraFields: ["authorization": "Bearer x"]).request)
        else {
            Issue.record("not complete")
            return
        }
        #expect(head.fields["Authorization"] == "Basic dTpw")
        #expect(head.fields["Host"] == "a")
        #expect(own.fields.values(for: "Authorization") == ["Bearer x"])
    }

    @Test(
        "refuses to ask for what no server may answer",
        arguments: [
            (["a b"], .invalidSubprotocol("a b")), ([""], .invalidSubprotocol("")),
            (["a", "a"], .invalidSubprotocol("a")),
            (["a\r\nX: 1"], .invalidSubprotocol("a\r\nX: 1")), (["a,b"], .invalidSubprotocol("a,b")),
        ] as [([String], HandshakeFault)])
    func subprotocols(names: [String], fault: HandshakeFault) {
        #expect(throws: fault) { try Self.handshake(subprotocols: names) }
    }

    @Test(
        "lets no extra field replace its own",
        arguments: [
            "Host", "upgrade", "CONNECTION", "Sec-WebSocket-Key", "sec-websocket-anything", "Content-Length",
            "Transfer-Encoding",
        ])
    func reserved(name: String) throws {
        var fields = HeaderFields()
        try fields.append(name, "1")
        let fault: HandshakeFault = .reservedField(name)
        #expect(throws: fault) { try Self.handshake(extraFields: fields) }
    }

    @Test("takes one origin, and none that would end the line")
    func origin() throws {
        #expect(throws: HandshakeFault.duplicateField("Origin")) {
            try Self.handshake(origin: "http://a", extraFields: ["origin": "http://b"])
        }
        #expect(throws: HandshakeFault.invalidField(.value(name: "Origin"))) {
            try Self.handshake(origin: "http://a\r\nX: 1")
        }
        let request = String(decoding: try Self.handshake(extraFields: ["Origin": "null"]).request, as: UTF8.self)
        #expect(request.contains("\r\nOrigin: null\r\n"))
    }

    @Test(
        "accepts",
        arguments: [
            (response(), nil),
            (response(["Upgrade": "WebSocket", "Connection": "upgrade"]), nil),
            (response(["Connection": "keep-alive, Upgrade"]), nil),
            (response(version: ProtocolVersion(major: 1, minor: 2)), nil),
            (response(adding: ["Sec-WebSocket-Protocol": "chat"]), "chat"),
            (response(adding: ["Sec-WebSocket-Extensions": ""]), nil),
            (response(adding: ["Server": "x", "Content-Length": "0"]), nil),
        ] as [(ResponseHead, String?)])
    func accepts(response: ResponseHead, subprotocol: String?) throws {
        let handshake = try Self.handshake(subprotocols: ["superchat", "chat"], deflate: .init())
        #expect(try handshake.validate(response) == .init(subprotocol: subprotocol, deflate: nil))
    }

    @Test(
        "refuses",
        arguments: [
            (response(status: 200), .rejected(response(status: 200))),
            (response(status: 401), .rejected(response(status: 401))),
            (response(status: 302), .rejected(response(status: 302))),
            (response(version: .http10), .unsupportedHTTPVersion(.http10)),
            (response(["Upgrade": nil]), .missingField("Upgrade")),
            (response(["Upgrade": "h2c"]), .missingToken(field: "Upgrade", token: "websocket")),
            (response(["Upgrade": "websocket, h2c"]), .missingToken(field: "Upgrade", token: "websocket")),
            (response(adding: ["Upgrade": "websocket"]), .duplicateField("Upgrade")),
            (response(["Connection": nil]), .missingToken(field: "Connection", token: "Upgrade")),
            (response(["Connection": "close"]), .missingToken(field: "Connection", token: "Upgrade")),
            (response(["Sec-WebSocket-Accept": nil]), .missingField("Sec-WebSocket-Accept")),
            (response(["Sec-WebSocket-Accept": ""]), .acceptMismatch),
            (response(["Sec-WebSocket-Accept": "S3pPLMBiTxaQ9kYGzzhZRbK+xOo="]), .acceptMismatch),
            (response(["Sec-WebSocket-Accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo"]), .acceptMismatch),
            (response(["Sec-WebSocket-Accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=x"]), .acceptMismatch),
            (
                response(adding: ["Sec-WebSocket-Accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]),
                .duplicateField("Sec-WebSocket-Accept")
            ),
            (response(adding: ["Sec-WebSocket-Protocol": "other"]), .unrequestedSubprotocol("other")),
            (response(adding: ["Sec-WebSocket-Protocol": "Chat"]), .unrequestedSubprotocol("Chat")),
            (response(adding: ["Sec-WebSocket-Protocol": ""]), .unrequestedSubprotocol("")),
            (
                response(adding: ["Sec-WebSocket-Protocol": "chat, superchat"]),
                .unrequestedSubprotocol("chat, superchat")
            ),
            (
                response(adding: ["Sec-WebSocket-Protocol": "chat", "Sec-WebSocket-Protocol": "chat"]),
                .duplicateField("Sec-WebSocket-Protocol")
            ),
            (response(adding: ["Sec-WebSocket-Extensions": "x"]), .unrequestedExtension("x")),
            (response(adding: ["Sec-WebSocket-Extensions": "permessage-deflate;"]), .malformedExtensions),
            (
                response(adding: ["Sec-WebSocket-Extensions": "permessage-deflate, permessage-deflate"]),
                .repeatedExtension("permessage-deflate")
            ),
            (
                response(adding: [
                    "Sec-WebSocket-Extensions": "permessage-deflate", "Sec-WebSocket-Extensions": "permessage-deflate",
                ]), .duplicateField("Sec-WebSocket-Extensions")
            ),
            (
                response(adding: ["Sec-WebSocket-Extensions": "permessage-deflate; x"]), .invalidExtensionParameter("x")
            ),
        ] as [(ResponseHead, HandshakeFault)])
    func refuses(response: ResponseHead, fault: HandshakeFault) throws {
        let takeover = PerMessageDeflate.Configuration(serverContextTakeover: true, clientContextTakeover: true)
        let handshake = try Self.handshake(subprotocols: ["superchat", "chat"], deflate: takeover)
        #expect(throws: fault) { try handshake.validate(response) }
    }

    @Test("refuses what it did not ask for at all")
    func unrequested() throws {
        let handshake = try Self.handshake()
        #expect(throws: HandshakeFault.unrequestedExtension("permessage-deflate")) {
            try handshake.validate(Self.response(adding: ["Sec-WebSocket-Extensions": "permessage-deflate"]))
        }
        #expect(throws: HandshakeFault.unrequestedSubprotocol("chat")) {
            try handshake.validate(Self.response(adding: ["Sec-WebSocket-Protocol": "chat"]))
        }
    }

    @Test("the accept key is trimmed where the response is read")
    func trimmed() throws {
        let text =
            "HTTP/1.1 101 x\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
            + "sec-websocket-accept: \t s3pPLMBiTxaQ9kYGzzhZRbK+xOo= \t\r\n\r\n"
        guard case .complete(let head, _) = parseResponse(Array(text.utf8)) else {
            Issue.record("not complete")
            return
        }
        #expect(try Self.handshake().validate(head) == .init(subprotocol: nil, deflate: nil))
    }

    @Test(
        "client and server of ours agree, whatever they offer",
        arguments: [
            (nil, nil), (PerMessageDeflate.Configuration(), nil), (nil, PerMessageDeflate.Configuration()),
            (PerMessageDeflate.Configuration(), PerMessageDeflate.Configuration()),
            (
                PerMessageDeflate.Configuration(serverMaxWindowBits: 9),
                PerMessageDeflate.Configuration(clientMaxWindowBits: 10)
            ),
        ] as [(PerMessageDeflate.Configuration?, PerMessageDeflate.Configuration?)])
    func bothEnds(mine: PerMessageDeflate.Configuration?, theirs: PerMessageDeflate.Configuration?) throws {
        let client = try Self.handshake(subprotocols: ["a", "b"], deflate: mine)
        guard case .complete(let request, let requestBytes) = parseRequest(client.request) else {
            Issue.record("not complete")
            return
        }
        #expect(requestBytes == client.request.count)
        let server = try ServerHandshake(validating: request).accept(subprotocol: "b", deflate: theirs)
        guard case .complete(let response, _) = parseResponse(server.response.encode()) else {
            Issue.record("not complete")
            return
        }
        let accepted = try client.validate(response)
        #expect(accepted.subprotocol == "b")
        #expect(accepted.deflate == server.deflate)
        #expect((accepted.deflate != nil) == (mine != nil && theirs != nil))
    }

    @Test("another key needs another answer")
    func otherKey() throws {
        let other = try ClientHandshake(url: WebSocketURL("ws://a"), keyBytes: InlineArray(repeating: 0))
        #expect(throws: HandshakeFault.acceptMismatch) { try other.validate(Self.response()) }
        #expect(
            String(decoding: other.request, as: UTF8.self).contains("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"))
    }
}
