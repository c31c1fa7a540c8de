import Testing
import WebSocketCore

@testable import WebSockets

@Suite("The body of a refusal (RFC 9112 §6)")
struct RejectionBodyTests {
    private static func body(_ status: Int, _ fields: HeaderFields, _ pieces: [[UInt8]]) -> RejectionBody {
        var body = RejectionBody(of: ResponseHead(status: status, fields: fields))
        for piece in pieces { piece.withUnsafeBytes { body.append($0) } }
        return body
    }

    @Test(
        "ends where its framing says, however it is cut",
        arguments: [
            (["Content-Length": "5"], "hello", "hello", true),
            (["Content-Length": "5"], "hello, and more", "hello", true),
            (["Content-Length": "5"], "hell", "hell", false),
            (["Content-Length": "0"], "", "", true),
            ([:], "hello", "hello", false),
            (["Transfer-Encoding": "chunked"], "5\r\nhello\r\n0\r\n\r\n", "hello", true),
            (["Transfer-Encoding": "gzip, chunked"], "1\r\nh\r\n4;a=\"b\"\r\nello\r\n0\r\nA: b\r\n\r\n", "hello", true),
            (
                ["Transfer-Encoding": "chunked", "Content-Length": "1"], "00000005\r\nhello\r\n000\r\n\r\n", "hello",
                true
            ),
            (["Transfer-Encoding": "chunked"], "A\r\n0123456789\r\na\r\n0123456789\r\n", "01234567890123456789", false),
            (["Transfer-Encoding": "chunked"], "FFFFFFFFFFFFFFFFFFFFFF\r\nhello", "hello", false),
            (["Transfer-Encoding": "chunked"], "", "", false),
            (["Transfer-Encoding": "gzip"], "abc", "abc", false),
        ] as [(HeaderFields, String, String, Bool)])
    func framing(fields: HeaderFields, wire: String, text: String, isComplete: Bool) {
        for pieces in [[Array(wire.utf8)], wire.utf8.map { [$0] }] {
            let body = Self.body(401, fields, pieces)
            #expect(String(decoding: body.bytes, as: UTF8.self) == text)
            #expect(body.isComplete == isComplete)
        }
    }

    @Test("does not exist with 204 and 304", arguments: [204, 304])
    func none(status: Int) {
        let body = Self.body(status, ["Content-Length": "5"], [Array("hello".utf8)])
        #expect(body.isComplete)
        #expect(body.bytes.isEmpty)
    }

    @Test(
        "is kept up to 64 KiB",
        arguments: [
            ["Content-Length": "100000"], [:], ["Transfer-Encoding": "chunked"],
        ] as [HeaderFields])
    func long(fields: HeaderFields) {
        let isChunked = fields["Transfer-Encoding"] != nil
        let piece = [UInt8](repeating: 0x78, count: 1_000)
        let pieces = (0..<100).map { _ in isChunked ? Array("3E8\r\n".utf8) + piece + Array("\r\n".utf8) : piece }
        let body = Self.body(500, fields, pieces)
        #expect(body.isComplete)
        #expect(body.bytes == [UInt8](repeating: 0x78, count: 64 << 10))
    }
}
