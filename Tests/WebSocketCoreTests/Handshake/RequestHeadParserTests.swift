import Testing

@testable import WebSocketCore

@Suite("Reading a request head (RFC 9112)")
struct RequestHeadParserTests {
    static let accepted: [String] = [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /chat?x=1 HTTP/1.1\r\nHost: a.example:8080\r\nUpgrade: websocket\r\nX: \t a b \t\r\n\r\n",
        "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        "GET / HTTP/1.9\r\nHost: a\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost:\r\n\r\n",
        "GET http://a.example/x HTTP/1.1\r\nHost: a.example\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        "m!#$%&'*+-.^_`|~9 / HTTP/1.1\r\nHost: [::1]:80\r\n!#$%&'*+-.^_`|~9: x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX:\r\nY:y\r\nZ: a:b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: Zo\u{EB}\r\n\r\n",
        "GET /\"<>\\^`{|} HTTP/1.1\r\nHost: a_b.~c\r\n\r\n",
    ]

    static let refused: [(String, HandshakeFault)] = [
        // The request line (§3).
        ("GET / HTTP/1.1 \r\n", .malformedRequestLine),
        ("GET  / HTTP/1.1\r\n", .malformedRequestLine),
        ("GET /  HTTP/1.1\r\n", .malformedRequestLine),
        ("GET\t/ HTTP/1.1\r\n", .malformedRequestLine),
        ("GET /\tHTTP/1.1\r\n", .malformedRequestLine),
        ("GET / a HTTP/1.1\r\n", .malformedRequestLine),
        ("GET /\r\n", .malformedRequestLine),
        ("GET\r\n", .malformedRequestLine),
        (" ", .malformedRequestLine),
        ("G(T / HTTP/1.1\r\n", .malformedRequestLine),
        ("GET / http/1.1\r\n", .malformedRequestLine),
        ("GET / HTTP/11\r\n", .malformedRequestLine),
        ("GET / HTTP/1.10\r\n", .malformedRequestLine),
        ("GET / HTTP/1,1\r\n", .malformedRequestLine),
        ("GET / HTTP/a.1\r\n", .malformedRequestLine),
        ("GET / HTTQ/1.1\r\n", .malformedRequestLine),
        ("GET / HTTP/0.9\r\n", .unsupportedHTTPVersion(ProtocolVersion(major: 0, minor: 9))),
        ("PRI * HTTP/2.0\r\n", .unsupportedHTTPVersion(ProtocolVersion(major: 2, minor: 0))),
        ("GET  HTTP/1.1\r\n", .invalidTarget),
        ("GET a HTTP/1.1\r\n", .invalidTarget),
        ("GET ** HTTP/1.1\r\n", .invalidTarget),
        ("GET http:/a HTTP/1.1\r\n", .invalidTarget),
        ("GET http:// HTTP/1.1\r\n", .invalidTarget),
        ("GET http:///a HTTP/1.1\r\n", .invalidTarget),
        ("GET 1://a HTTP/1.1\r\n", .invalidTarget),
        ("CONNECT a.example:443 HTTP/1.1\r\n", .invalidTarget),
        ("GET /a#b HTTP/1.1\r\n", .invalidTarget),
        ("GET /\u{E9} HTTP/1.1\r\n", .invalidTarget),
        ("GET /\u{7F}", .controlCharacter(0x7F)),
        ("GET /\0", .controlCharacter(0)),
        // What is not HTTP at all is known by its first bytes.
        ("\u{16}", .malformedRequestLine),
        ("\0", .malformedRequestLine),
        ("\n", .malformedRequestLine),
        ("\r\n\r", .malformedRequestLine),
        ("\r\r", .bareCarriageReturn),
        // Line ends (§2.2).
        ("GET / HTTP/1.1\n", .bareLineFeed),
        ("GET / HTTP/1.1\r\nHost: a\n", .bareLineFeed),
        ("GET / HTTP/1.1\r\nHost: a\r\n\n", .bareLineFeed),
        ("GET / HTTP/1.1\r\nHost: a\rb", .bareCarriageReturn),
        ("GET / HTTP/1.1\r\nHost: a\r\n\rG", .bareCarriageReturn),
        // Fields (§5).
        ("GET / HTTP/1.1\r\nHost a\r\n", .fieldWithoutColon),
        ("GET / HTTP/1.1\r\nH\u{E9}\r\n", .fieldWithoutColon),
        ("GET / HTTP/1.1\r\n: a\r\n", .invalidFieldName("")),
        ("GET / HTTP/1.1\r\nHost : a\r\n", .invalidFieldName("Host ")),
        ("GET / HTTP/1.1\r\nHost\t: a\r\n", .invalidFieldName("Host\t")),
        ("GET / HTTP/1.1\r\nHo st: a\r\n", .invalidFieldName("Ho st")),
        ("GET / HTTP/1.1\r\n(a): a\r\n", .invalidFieldName("(a)")),
        ("GET / HTTP/1.1\r\n ", .foldedField),
        ("GET / HTTP/1.1\r\nHost: a\r\n ", .foldedField),
        ("GET / HTTP/1.1\r\nHost: a\r\n\t", .foldedField),
        ("GET / HTTP/1.1\r\nX: a\0", .controlCharacter(0)),
        ("GET / HTTP/1.1\r\nX: \u{1B}", .controlCharacter(0x1B)),
        ("GET / HTTP/1.1\r\nX: \u{7F}", .controlCharacter(0x7F)),
        // Host (§3.2).
        ("GET / HTTP/1.1\r\n\r\n", .missingField("Host")),
        ("GET / HTTP/1.1\r\nHost: a\r\nHOST: a\r\n\r\n", .duplicateField("Host")),
        ("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", .duplicateField("Host")),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", .invalidHost("a b")),
        ("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", .invalidHost("a, b")),
        ("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", .invalidHost("u@a")),
        ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", .invalidHost("a/b")),
        ("GET / HTTP/1.1\r\nHost: http://a\r\n\r\n", .invalidHost("http://a")),
        ("GET / HTTP/1.1\r\nHost: a:0\r\n\r\n", .invalidHost("a:0")),
        ("GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", .invalidHost("a:65536")),
        ("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", .invalidHost("[::1")),
        ("GET / HTTP/1.1\r\nHost: \u{E9}\r\n\r\n", .invalidHost("\u{E9}")),
        ("GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", .invalidHost("u@a")),
        // Where the body ends (§6.3).
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", .invalidContentLength),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", .invalidContentLength),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\n", .invalidContentLength),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n", .invalidContentLength),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", .invalidContentLength),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", .invalidContentLength),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775808\r\n\r\n", .invalidContentLength),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            .contentLengthWithTransferEncoding
        ),
    ]

    @Test("accepts what is well-formed, whole, byte by byte and with bytes behind it", arguments: accepted)
    func accepts(text: String) {
        let bytes = Array(text.utf8)
        guard case .complete(let head, let headBytes) = parseRequest(bytes) else {
            Issue.record("not complete: \(parseRequest(bytes))")
            return
        }
        #expect(headBytes == bytes.count)
        #expect(parseRequestBytewise(bytes) == .complete(head, headBytes: headBytes))
        #expect(parseRequest(bytes + [0x81, 0x00, 0x0A]) == .complete(head, headBytes: headBytes))
        #expect(parseRequest(bytes + bytes) == .complete(head, headBytes: headBytes))
    }

    @Test("waits for the rest of every beginning", arguments: accepted)
    func truncations(text: String) {
        let bytes = Array(text.utf8)
        for count in 0..<bytes.count {
            #expect(parseRequest(Array(bytes[..<count])) == .needMoreBytes)
        }
    }

    @Test("refuses what is not, and at the same byte however it is cut", arguments: refused)
    func refuses(text: String, fault: HandshakeFault) {
        let bytes = Array(text.utf8)
        #expect(parseRequest(bytes) == .invalid(fault))
        #expect(parseRequestBytewise(bytes) == .invalid(fault))
        #expect(parseRequest(bytes + Array("x\r\n\r\n".utf8)) == .invalid(fault))
        // The last byte of each case is the one that decides: nothing is refused late.
        #expect(parseRequest(Array(bytes.dropLast())) == .needMoreBytes)
        #expect(400...505 ~= fault.status)
    }

    @Test("refuses a first byte beyond ASCII", arguments: [0x80, 0xC3, 0xFF] as [UInt8])
    func notASCII(byte: UInt8) {
        #expect(parseRequest([byte]) == .invalid(.malformedRequestLine))
    }

    @Test("keeps what was sent")
    func contents() {
        let text = "GET /a?b HTTP/1.1\r\nHost: a\r\nx-One: \t 1 2 \r\nX-ONE:\r\n\r\n"
        let head = RequestHead(
            method: "GET", target: "/a?b", fields: ["Host": "a", "x-One": "1 2", "X-ONE": ""])
        #expect(parseRequest(Array(text.utf8)) == .complete(head, headBytes: text.utf8.count))
        #expect(head.fields.map(\.name) == ["Host", "x-One", "X-ONE"])
    }

    @Test("says the same again after a fault")
    func latches() {
        var parser = RequestHeadParser()
        let wrong = Array("GET /\n".utf8)
        let right = Array(Self.accepted[0].utf8)
        #expect(parser.parse(wrong.span.bytes) == .invalid(.bareLineFeed))
        #expect(parser.parse(right.span.bytes) == .invalid(.bareLineFeed))
    }

    @Test("begins anew after a head: the second request on a connection")
    func keepAlive() {
        var parser = RequestHeadParser()
        for text in Self.accepted + Self.accepted.reversed() {
            let bytes = Array(text.utf8)
            guard case .complete(_, let headBytes) = parser.parse(bytes.span.bytes) else {
                Issue.record("not complete: \(text)")
                return
            }
            #expect(headBytes == bytes.count)
        }
    }

    @Test("never trusts that its caller keeps the bytes")
    func shrinkingBuffer() {
        var parser = RequestHeadParser()
        let bytes = Array("GET / HTTP/1.1\r\nHost: a\r\nX: y".utf8)
        #expect(parser.parse(bytes.span.bytes) == .needMoreBytes)
        let none: [UInt8] = []
        #expect(parser.parse(none.span.bytes) == .needMoreBytes)
    }

    @Test("finds the byte that must not be in a value wherever it is", arguments: 0...UInt8.max)
    func everyByteEverywhere(byte: UInt8) {
        let start = Array("GET / HTTP/1.1\r\nHost: a\r\nX:".utf8)
        let isAllowed = byte == 0x09 || (byte >= 0x20 && byte != 0x7F)
        for count in 1...24 {
            for position in 0..<count {
                // Its neighbours are the bytes that a sum could spill over from, or into.
                for neighbour in [0x20, 0x7E, 0x80, 0xFF] as [UInt8] {
                    var value = [UInt8](repeating: neighbour, count: count)
                    value[position] = byte
                    let result = parseRequest(start + value + Array("\r\n\r\n".utf8))
                    if case .complete = result {
                        #expect(isAllowed, "\(byte) at \(position) of \(count)")
                    } else {
                        #expect(!isAllowed, "\(byte) at \(position) of \(count): \(result)")
                    }
                }
            }
        }
    }

    @Test("looks at a byte of a value once, so that trickling costs no more (CVE-2023-43669)")
    func looksOnce() {
        var bytes = Array("GET / HTTP/1.1\r\nHost: a\r\n".utf8)
        var parser = RequestHeadParser()
        #expect(parser.parse(bytes.span.bytes) == .needMoreBytes)
        // What was seen is made something that would be refused if it were seen again.
        for index in bytes.indices { bytes[index] = ASCII.lineFeed }
        bytes += Array("X: ".utf8)
        #expect(parser.parse(bytes.span.bytes) == .needMoreBytes)
        for _ in 0..<1000 {
            bytes.append(UInt8(ascii: "y"))
            #expect(parser.parse(bytes.span.bytes) == .needMoreBytes)
            bytes[bytes.count - 1] = 0
        }
        bytes += Array("\r\n".utf8)
        #expect(parser.parse(bytes.span.bytes) == .needMoreBytes)
        let host = Array("GET / HTTP/1.1\r\nHost: a\r\n".utf8)
        bytes.replaceSubrange(..<host.count, with: host)
        bytes += Array("\r\n".utf8)
        guard case .complete(let head, let headBytes) = parser.parse(bytes.span.bytes) else {
            Issue.record("not complete")
            return
        }
        #expect(headBytes == bytes.count)
        #expect(head.fields["X"]?.utf8.count == 1000)
    }
}

func parseRequest(_ bytes: [UInt8], _ limits: Limits.Handshake = .init()) -> RequestHeadParser.Result {
    var parser = RequestHeadParser(limits: limits)
    return parser.parse(bytes.span.bytes)
}

/// What a parser says first that is not `.needMoreBytes`, when it is shown one byte more each time.
func parseRequestBytewise(_ bytes: [UInt8], _ limits: Limits.Handshake = .init()) -> RequestHeadParser.Result {
    var parser = RequestHeadParser(limits: limits)
    for count in 0...bytes.count {
        let result = parser.parse(bytes.span.extracting(0..<count).bytes)
        if result != .needMoreBytes { return result }
    }
    return .needMoreBytes
}
