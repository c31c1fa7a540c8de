import Testing
import WebSocketCore

/// A head to be spoilt line by line: the example of RFC 6455 §1.2, and what follows from its key.
struct Head {
    var lines: [String]

    static let request = Head(lines: [
        "GET /chat HTTP/1.1", "Host: server.example.com", "Upgrade: websocket", "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13",
    ])

    static let response = Head(lines: [
        "HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
    ])

    /// With the first line that begins with `prefix` replaced; `nil` takes it away.
    func replacing(_ prefix: String, _ line: String?) -> Head {
        var head = self
        guard let index = head.lines.firstIndex(where: { $0.hasPrefix(prefix) }) else { return head }
        head.lines.remove(at: index)
        if let line { head.lines.insert(line, at: index) }
        return head
    }

    func adding(_ lines: String...) -> Head { Head(lines: self.lines + lines) }

    var bytes: [UInt8] { Array((self.lines.joined(separator: "\r\n") + "\r\n\r\n").utf8) }
}

/// What a server makes of a request, received at once, one byte a read and with frames right behind it.
func answer(
    _ request: Head, subprotocol: String? = nil, deflate: PerMessageDeflate.Configuration? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
) -> Result<ServerHandshake.Accepted, HandshakeFault> {
    let bytes = request.bytes
    var whole = RequestHeadParser()
    let result = whole.parse(bytes.span.bytes)

    let withFrames = bytes + [0x81, 0x80, 0, 0, 0, 0]
    var eager = RequestHeadParser()
    #expect(eager.parse(withFrames.span.bytes) == result, sourceLocation: sourceLocation)

    var slow = RequestHeadParser()
    var last = RequestHeadParser.Result.needMoreBytes
    for count in 1...bytes.count where last == .needMoreBytes {
        let some = Array(bytes[..<count])
        last = slow.parse(some.span.bytes)
    }
    #expect(last == result, sourceLocation: sourceLocation)

    return Result { () throws(HandshakeFault) in
        switch result {
        case .needMoreBytes: throw .malformedRequestLine
        case .invalid(let fault): throw fault
        case .complete(let head, let headBytes):
            #expect(headBytes == bytes.count, sourceLocation: sourceLocation)
            return try ServerHandshake(validating: head).accept(subprotocol: subprotocol, deflate: deflate)
        }
    }
}

/// The client that has sent the key of the example.
func exampleClient(
    _ url: String = "ws://server.example.com/chat", subprotocols: [String] = [],
    deflate: PerMessageDeflate.Configuration? = nil
) throws -> ClientHandshake {
    let nonce = Array("the sample nonce".utf8)
    return try ClientHandshake(
        url: WebSocketURL(url), subprotocols: subprotocols, deflate: deflate,
        keyBytes: InlineArray<16, UInt8> { nonce[$0] })
}

/// What the client makes of a response.
func judgement(
    _ response: Head, by client: ClientHandshake, sourceLocation: SourceLocation = #_sourceLocation
) -> Result<ClientHandshake.Accepted, HandshakeFault> {
    let bytes = response.bytes
    var whole = ResponseHeadParser()
    let result = whole.parse(bytes.span.bytes)
    var slow = ResponseHeadParser()
    var last = ResponseHeadParser.Result.needMoreBytes
    for count in 1...bytes.count where last == .needMoreBytes {
        let some = Array(bytes[..<count])
        last = slow.parse(some.span.bytes)
    }
    #expect(last == result, sourceLocation: sourceLocation)
    return Result { () throws(HandshakeFault) in
        switch result {
        case .needMoreBytes: throw .malformedStatusLine
        case .invalid(let fault): throw fault
        case .complete(let head, _): return try client.validate(head)
        }
    }
}

extension Result {
    var fault: Failure? {
        switch self {
        case .success: nil
        case .failure(let fault): fault
        }
    }

    var accepted: Success? { try? self.get() }
}
