import Testing

@testable import WebSocketCore

@Suite("Limits of a head")
struct HeadLimitsTests {
    static let head = "GET /abc HTTP/1.1\r\nHost: a\r\nX: 12345\r\n\r\n"

    static func limits(
        head: Int = 1000, startLine: Int = 1000, field: Int = 1000, fields: Int = 100
    ) -> Limits.Handshake {
        var limits = Limits.Handshake()
        limits.maxHeadBytes = head
        limits.maxStartLineBytes = startLine
        limits.maxFieldBytes = field
        limits.maxFields = fields
        return limits
    }

    @Test(
        "each is met exactly, and one less is refused",
        arguments: [
            (limits(head: 40), nil),
            (limits(head: 39), .headTooLarge(limit: 39)),
            (limits(head: 20), .headTooLarge(limit: 20)),
            (limits(head: 0), .headTooLarge(limit: 0)),
            (limits(head: -1), .headTooLarge(limit: 0)),
            (limits(startLine: 17), nil),
            (limits(startLine: 16), .startLineTooLong(limit: 16)),
            (limits(startLine: 0), .startLineTooLong(limit: 0)),
            (limits(field: 8), nil),
            (limits(field: 7), .fieldTooLarge(limit: 7)),
            (limits(field: 6), .fieldTooLarge(limit: 6)),
            (limits(fields: 2), nil),
            (limits(fields: 1), .tooManyFields(limit: 1)),
            (limits(fields: 0), .tooManyFields(limit: 0)),
            (limits(head: .max, startLine: .max, field: .max, fields: .max), nil),
            (limits(startLine: .min), .startLineTooLong(limit: .min)),
            (limits(field: .min), .fieldTooLarge(limit: .min)),
            (limits(fields: .min), .tooManyFields(limit: .min)),
        ] as [(Limits.Handshake, HandshakeFault?)])
    func boundaries(limits: Limits.Handshake, fault: HandshakeFault?) {
        let bytes = Array(Self.head.utf8)
        for result in [parseRequest(bytes, limits), parseRequestBytewise(bytes, limits)] {
            switch result {
            case .complete(_, let headBytes):
                #expect(fault == nil)
                #expect(headBytes == bytes.count)
            case .invalid(let found): #expect(found == fault)
            case .needMoreBytes: Issue.record("wants more of \(Self.head)")
            }
        }
    }

    @Test(
        "a line without end is refused at its limit, not at its end",
        arguments: [
            ("", HandshakeFault.startLineTooLong(limit: 4096), 4097),
            ("GET / HTTP/1.1\r\nHost: a\r\n", .fieldTooLarge(limit: 8192), 8192 + 1 + 25),
        ])
    func endlessLine(start: String, fault: HandshakeFault, refusedAt: Int) {
        let bytes = Array(start.utf8) + Array(repeating: UInt8(ascii: "x"), count: 128 << 10)
        #expect(parseRequest(bytes) == .invalid(fault))
        #expect(parseRequest(Array(bytes[..<refusedAt])) == .invalid(fault))
        #expect(parseRequest(Array(bytes[..<(refusedAt - 1)])) == .needMoreBytes)
    }

    @Test("endless fields are refused at the head's limit or the limit of their number")
    func endlessFields() {
        let start = "GET / HTTP/1.1\r\nHost: a\r\n"
        let small = Array((start + String(repeating: "x:\r\n", count: 2000)).utf8)
        #expect(parseRequest(small) == .invalid(.tooManyFields(limit: 100)))
        #expect(parseRequestBytewise(small) == .invalid(.tooManyFields(limit: 100)))

        let field = "x: \(String(repeating: "y", count: 995))\r\n"
        let large = Array((start + String(repeating: field, count: 100)).utf8)
        #expect(parseRequest(large) == .invalid(.headTooLarge(limit: 16 << 10)))
        #expect(parseRequest(Array(large[..<(16 << 10)])) == .invalid(.headTooLarge(limit: 16 << 10)))
        #expect(parseRequest(Array(large[..<((16 << 10) - 1)])) == .needMoreBytes)
    }

    @Test("a hundred fields pass, and the bytes behind the head do not count")
    func enough() {
        let text = "GET / HTTP/1.1\r\nHost: a\r\n" + String(repeating: "x: y\r\n", count: 99) + "\r\n"
        let bytes = Array(text.utf8)
        guard case .complete(let head, let headBytes) = parseRequest(bytes + Array(repeating: 0, count: 1 << 20)) else {
            Issue.record("not complete")
            return
        }
        #expect(headBytes == bytes.count)
        #expect(head.fields.count == 100)
    }

    @Test(
        "a response has the same limits",
        arguments: [
            (limits(head: 35), nil),
            (limits(head: 34), .headTooLarge(limit: 34)),
            (limits(head: 3), .headTooLarge(limit: 3)),
            (limits(startLine: 15), nil),
            (limits(startLine: 14), .startLineTooLong(limit: 14)),
            (limits(startLine: 2), .startLineTooLong(limit: 2)),
            (limits(field: 8), nil),
            (limits(field: 7), .fieldTooLarge(limit: 7)),
            (limits(fields: 2), nil),
            (limits(fields: 1), .tooManyFields(limit: 1)),
        ] as [(Limits.Handshake, HandshakeFault?)])
    func response(limits: Limits.Handshake, fault: HandshakeFault?) {
        let bytes = Array("HTTP/1.1 200 OK\r\nA: b\r\nX: 12345\r\n\r\n".utf8)
        for result in [parseResponse(bytes, limits), parseResponseBytewise(bytes, limits)] {
            switch result {
            case .complete(_, let headBytes):
                #expect(fault == nil)
                #expect(headBytes == bytes.count)
            case .invalid(let found): #expect(found == fault)
            case .needMoreBytes: Issue.record("wants more")
            }
        }
    }
}
