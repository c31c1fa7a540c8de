import Testing

@testable import WebSocketCore

@Suite("Refusing a WebSocket (RFC 6455 §4.2.1, §4.4)")
struct RejectionTests {
    @Test("says why, how long it is, and that the connection ends")
    func bytes() {
        let expected =
            "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n"
            + "Content-Length: 74\r\n\r\n"
            + "Sec-WebSocket-Key must be 24 characters of base64 that decode to 16 bytes\n"
        let bytes = Rejection(.invalidKey).encode()
        #expect(String(decoding: bytes, as: UTF8.self) == expected)
    }

    @Test("names the version that is spoken, for 426 only")
    func version() {
        let fields = Rejection(.unsupportedWebSocketVersion("8")).head.fields
        #expect(fields["Sec-WebSocket-Version"] == "13")
        #expect(fields["Upgrade"] == "websocket")
        #expect(fields.contains("Connection", token: "upgrade"))
        #expect(fields.contains("Connection", token: "close"))
        #expect(Rejection(.invalidKey).head.fields["Sec-WebSocket-Version"] == nil)
    }

    @Test("has the status of the fault, whatever the fault", arguments: HandshakeFaultTests.all)
    func everyFault(fault: HandshakeFault) {
        let rejection = Rejection(fault)
        let bytes = rejection.encode()
        guard case .complete(let head, let headBytes) = parseResponse(bytes) else {
            Issue.record("\(String(decoding: bytes, as: UTF8.self))")
            return
        }
        #expect(300...599 ~= head.status)
        #expect(!head.reason.isEmpty)
        #expect(head.contentLength == bytes.count - headBytes)
        #expect(Array(bytes[headBytes...]) == rejection.body)
        #expect(head.fields.contains("Connection", token: "close"))
    }

    @Test("does not tell the peer what our own program did wrong")
    func internalError() {
        #expect(Rejection(.subprotocolNotRequested("secret")).body == Array("internal server error\n".utf8))
    }

    @Test("takes fields and a body, but no field that would change where it ends")
    func customised() {
        let fields: HeaderFields = [
            "Location": "/login", "Content-Length": "5", "content-type": "text/html", "Transfer-Encoding": "chunked",
            "Connection": "keep-alive", "WWW-Authenticate": "Basic",
        ]
        let rejection = Rejection(status: 302, fields: fields, body: "Zoë")
        #expect(rejection.head.status == 302)
        #expect(rejection.head.fields.values(for: "Content-Length") == ["4"])
        #expect(rejection.head.fields.values(for: "Content-Type") == ["text/html"])
        #expect(rejection.head.fields.values(for: "Connection") == ["close"])
        #expect(rejection.head.fields["Transfer-Encoding"] == nil)
        #expect(rejection.head.fields["Location"] == "/login")
        #expect(rejection.head.fields["WWW-Authenticate"] == "Basic")
    }

    @Test(
        "has a status that refuses",
        arguments: [
            (300, 300), (401, 401), (599, 599), (101, 500), (200, 500), (299, 500), (600, 500), (0, 500), (-1, 500),
            (.max, 500),
        ])
    func status(status: Int, sent: Int) {
        #expect(Rejection(status: status, body: "").head.status == sent)
    }

    @Test("an empty body has a length, too")
    func emptyBody() {
        #expect(Rejection(status: 404, body: [UInt8]()).head.contentLength == 0)
    }
}
