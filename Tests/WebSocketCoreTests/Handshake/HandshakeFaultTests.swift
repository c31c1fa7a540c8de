import Testing

@testable import WebSocketCore

@Suite("What can be wrong with a handshake")
struct HandshakeFaultTests {
    static let statuses: [(HandshakeFault, Int)] = [
        (.headTooLarge(limit: 1), 431), (.startLineTooLong(limit: 1), 414), (.fieldTooLarge(limit: 1), 431),
        (.tooManyFields(limit: 1), 431), (.timedOut(limit: .seconds(10)), 408), (.malformedRequestLine, 400),
        (.invalidTarget, 400), (.malformedStatusLine, 502), (.unsupportedHTTPVersion(.http10), 400),
        (.unsupportedHTTPVersion(ProtocolVersion(major: 2, minor: 0)), 505), (.bareLineFeed, 400),
        (.bareCarriageReturn, 400), (.controlCharacter(7), 400), (.foldedField, 400), (.fieldWithoutColon, 400),
        (.invalidFieldName("a b"), 400), (.invalidContentLength, 400), (.contentLengthWithTransferEncoding, 400),
        (.invalidHost("a b"), 400), (.missingField("Host"), 400), (.duplicateField("Host"), 400),
        (.missingToken(field: "Upgrade", token: "websocket"), 400), (.malformedExtensions, 400),
        (.malformedSubprotocols, 400), (.methodNotGET("POST"), 400), (.invalidKey, 400),
        (.unsupportedWebSocketVersion("8"), 426), (.requestHasBody, 400), (.originNotAllowed("http://a"), 403),
        (.originNotAllowed(nil), 403), (.notFound(path: "/x"), 404), (.unavailable, 503),
        (.subprotocolNotRequested("a"), 500), (.invalidSubprotocol("a b"), 500), (.reservedField("Host"), 500),
        (.invalidField(.name("")), 500), (.rejected(ResponseHead(status: 401)), 401), (.acceptMismatch, 502),
        (.unrequestedSubprotocol("a"), 502), (.unrequestedExtension("a"), 502), (.repeatedExtension("a"), 502),
        (.invalidExtensionParameter("a"), 502),
    ]

    static let all = statuses.map(\.0)

    @Test("has a status", arguments: statuses)
    func status(fault: HandshakeFault, status: Int) {
        #expect(fault.status == status)
    }

    @Test("is described in one line without control characters", arguments: all)
    func description(fault: HandshakeFault) {
        #expect(fault.description.count > 15)
        #expect(!fault.description.utf8.contains { $0 < 0x20 || $0 == 0x7F })
    }

    @Test("no two are described alike")
    func distinct() {
        #expect(Set(Self.all.map(\.description)).count == Self.all.count)
    }

    @Test(
        "names the field, or the limit and its setting",
        arguments: [
            (.invalidKey, "Sec-WebSocket-Key must be 24 characters of base64 that decode to 16 bytes"),
            (.headTooLarge(limit: 16384), "the head is larger than 16384 bytes (limit: handshake.maxHeadBytes)"),
            (.controlCharacter(0x0B), "the control character 0x0B must not occur"),
            (
                .missingToken(field: "Connection", token: "Upgrade"),
                "the Connection header field must contain \"Upgrade\""
            ),
        ] as [(HandshakeFault, String)])
    func wording(fault: HandshakeFault, description: String) {
        #expect(fault.description == description)
    }

    @Test("quotes at most 64 characters of the peer's")
    func excerpt() {
        let long = String(repeating: "x", count: 8000)
        #expect(HandshakeFault.invalidHost(long).description.count < 120)
        #expect(HandshakeFault.methodNotGET(long).description.count < 120)
    }
}
