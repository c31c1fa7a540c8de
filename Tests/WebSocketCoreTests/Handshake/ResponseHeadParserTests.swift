import Testing

@testable import WebSocketCore

@Suite("Reading a response head (RFC 9112 §4)")
struct ResponseHeadParserTests {
    static let accepted: [(String, ResponseHead)] = [
        (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
            ResponseHead(status: 101, fields: ["Upgrade": "websocket"])
        ),
        ("HTTP/1.1 200 OK\r\n\r\n", ResponseHead(status: 200)),
        ("HTTP/1.0 200 \r\n\r\n", ResponseHead(version: .http10, status: 200, reason: "")),
        ("HTTP/1.1 503\r\n\r\n", ResponseHead(status: 503, reason: "")),
        (
            "HTTP/1.1 404 Nicht gefünden\tx\r\nA:b\r\n\r\n",
            ResponseHead(status: 404, reason: "Nicht gefünden\tx", fields: ["A": "b"])
        ),
        ("HTTP/1.1 999 X\r\n\r\n", ResponseHead(status: 999, reason: "X")),
    ]

    static let refused: [(String, HandshakeFault)] = [
        ("h", .malformedStatusLine),
        ("HTTX", .malformedStatusLine),
        ("S", .malformedStatusLine),
        ("\r", .malformedStatusLine),
        ("\u{15}", .malformedStatusLine),
        ("HTTP/1.1 20 OK\r\n", .malformedStatusLine),
        ("HTTP/1.1 2000 OK\r\n", .malformedStatusLine),
        ("HTTP/1.1 099 OK\r\n", .malformedStatusLine),
        ("HTTP/1.1 -10 OK\r\n", .malformedStatusLine),
        ("HTTP/1.1  200 OK\r\n", .malformedStatusLine),
        ("HTTP/1.1\t200 OK\r\n", .malformedStatusLine),
        ("HTTP/1.1 200\tOK\r\n", .malformedStatusLine),
        ("HTTP/11 200 OK\r\n", .malformedStatusLine),
        ("HTTP/1.1\r\n", .malformedStatusLine),
        ("HTTP/2.0 200 OK\r\n", .unsupportedHTTPVersion(ProtocolVersion(major: 2, minor: 0))),
        ("HTTP/1.1 200 O\0", .controlCharacter(0)),
        ("HTTP/1.1 200 OK\n", .bareLineFeed),
        ("HTTP/1.1 200 OK\r\nA: b\r\n ", .foldedField),
        ("HTTP/1.1 200 OK\r\nA : b\r\n", .invalidFieldName("A ")),
        ("HTTP/1.1 200 OK\r\nA\r\n", .fieldWithoutColon),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", .invalidContentLength),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            .contentLengthWithTransferEncoding
        ),
    ]

    @Test("accepts what is well-formed, whole, byte by byte and with frames behind it", arguments: accepted)
    func accepts(text: String, head: ResponseHead) {
        let bytes = Array(text.utf8)
        let expected = ResponseHeadParser.Result.complete(head, headBytes: bytes.count)
        #expect(parseResponse(bytes) == expected)
        #expect(parseResponseBytewise(bytes) == expected)
        #expect(parseResponse(bytes + [0x81, 0x02, 0x0A, 0x0A]) == expected)
        for count in 0..<bytes.count { #expect(parseResponse(Array(bytes[..<count])) == .needMoreBytes) }
    }

    @Test("refuses what is not, and at the same byte however it is cut", arguments: refused)
    func refuses(text: String, fault: HandshakeFault) {
        let bytes = Array(text.utf8)
        #expect(parseResponse(bytes) == .invalid(fault))
        #expect(parseResponseBytewise(bytes) == .invalid(fault))
        #expect(parseResponse(Array(bytes.dropLast())) == .needMoreBytes)
    }

    @Test("reads the responses after interim ones")
    func interim() {
        var parser = ResponseHeadParser()
        var bytes = Array("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n\r\n".utf8)
        guard case .complete(let first, let headBytes) = parser.parse(bytes.span.bytes) else {
            Issue.record("not complete")
            return
        }
        #expect(first.isInterim)
        bytes.removeFirst(headBytes)
        #expect(parser.parse(bytes.span.bytes) == .complete(ResponseHead(status: 200), headBytes: bytes.count))
    }

    @Test("interim responses are skipped, however the bytes are cut, and limited all together")
    func interimResponses() {
        let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
        let bytes = Array("\(interim)HTTP/1.1 101 Switching\r\nA: b\r\n\r\nrest".utf8)
        var whole = FinalResponseParser()
        var byByte = FinalResponseParser()
        var result = whole.parse(bytes.span.bytes)
        for count in 1..<(bytes.count - 4) {
            #expect(byByte.parse(bytes.span.bytes.extracting(0..<count)) == .needMoreBytes)
        }
        for _ in 0..<2 {
            guard case .complete(let head, let headBytes) = result else {
                Issue.record("\(result)")
                return
            }
            #expect(head.status == 101 && head.fields["A"] == "b" && headBytes == bytes.count - 4)
            result = byByte.parse(bytes.span.bytes)
        }
        let limits = Limits.Handshake()
        let many = Array(String(repeating: "HTTP/1.1 100\r\n\r\n", count: limits.maxHeadBytes / 16 + 1).utf8)
        var flooded = FinalResponseParser(limits: limits)
        #expect(flooded.parse(many.span.bytes) == .invalid(.headTooLarge(limit: limits.maxHeadBytes)))
        #expect(flooded.parse(many.span.bytes) == .invalid(.headTooLarge(limit: limits.maxHeadBytes)))
    }
}

func parseResponse(_ bytes: [UInt8], _ limits: Limits.Handshake = .init()) -> ResponseHeadParser.Result {
    var parser = ResponseHeadParser(limits: limits)
    return parser.parse(bytes.span.bytes)
}

/// What a parser says first that is not `.needMoreBytes`, when it is shown one byte more each time.
func parseResponseBytewise(_ bytes: [UInt8], _ limits: Limits.Handshake = .init()) -> ResponseHeadParser.Result {
    var parser = ResponseHeadParser(limits: limits)
    for count in 0...bytes.count {
        let result = parser.parse(bytes.span.extracting(0..<count).bytes)
        if result != .needMoreBytes { return result }
    }
    return .needMoreBytes
}
