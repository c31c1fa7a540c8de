import Testing
import WebSocketCore
import WebSocketTesting

@Suite("RFC 6455 §8 Error handling: UTF-8, §5.6 Text")
struct Section8UTF8 {
    private static let valid: [[UInt8]] = [
        Array("Hello-µ@ßöäüàá-UTF-8!!".utf8), Array("κόσμε".utf8), [0x00], [0x7F], [0xC2, 0x80], [0xDF, 0xBF],
        [0xE0, 0xA0, 0x80], [0xED, 0x9F, 0xBF], [0xEE, 0x80, 0x80], [0xEF, 0xBF, 0xBD], [0xEF, 0xBF, 0xBE],
        [0xEF, 0xBF, 0xBF], [0xF0, 0x90, 0x80, 0x80], [0xF4, 0x8F, 0xBF, 0xBF], Array("😀".utf8),
        Array("\u{10FFFF}\u{FEFF}\u{0}".utf8),
    ]

    /// Each with the number of bytes after which no valid text is possible any more.
    private static let invalid: [([UInt8], certainAfter: Int)] = [
        ([0x80], 1), ([0xBF], 1), ([0xC0, 0xAF], 1), ([0xC1, 0xBF], 1), ([0xFE], 1), ([0xFF], 1),
        ([0xF5, 0x80, 0x80, 0x80], 1), ([0xF8, 0x88, 0x80, 0x80, 0x80], 1),  // values above U+10FFFF
        ([0xF4, 0x90, 0x80, 0x80], 2), ([0xE0, 0x80, 0xAF], 2), ([0xE0, 0x9F, 0xBF], 2),  // overlong
        ([0xF0, 0x80, 0x80, 0xAF], 2), ([0xF0, 0x8F, 0xBF, 0xBF], 2),
        ([0xED, 0xA0, 0x80], 2), ([0xED, 0xBF, 0xBF], 2), ([0xED, 0xA0, 0x80, 0xED, 0xB0, 0x80], 2),  // surrogates
        ([0xC3, 0x28], 2), ([0xE2, 0x28, 0xA1], 2), ([0xE2, 0x82, 0x28], 3), ([0xF0, 0x90, 0x28, 0xBC], 3),
        ([0xCE, 0xBA, 0xE1, 0xBD, 0xB9, 0xCF, 0x83, 0xCE, 0xBC, 0xCE, 0xB5, 0xED, 0xA0, 0x80, 0x65], 13),
        ([0x41, 0x80], 2), ([0xC3, 0xA9, 0x80], 3),
    ]

    private static let unfinished: [[UInt8]] = [
        [0xC3], [0xE2], [0xE2, 0x82], [0xF0], [0xF0, 0x9F], [0xF0, 0x9F, 0x98], [0x41, 0xC3], [0xF4, 0x8F, 0xBF],
    ]

    @Test("Valid UTF-8 is delivered as it came (§5.6)", arguments: Role.both)
    func accepted(role: Role) {
        for text in Self.valid { expectMessages(received(FrameBytes(.text, text), by: role), [.message(.text, text)]) }
    }

    @Test("When text is not valid UTF-8, the endpoint MUST fail the connection (§8.1)", arguments: Role.both)
    func refused(role: Role) {
        for (text, _) in Self.invalid {
            let transcript = received(FrameBytes(.text, text), by: role)
            expectFailed(transcript, .textNotUTF8, 1007)
            #expect(transcript.messages.isEmpty)
        }
    }

    @Test("A message that ends inside a code point is not valid (§8.1)", arguments: Role.both)
    func unfinished(role: Role) {
        for text in Self.unfinished {
            expectFailed(received(FrameBytes(.text, text), by: role), .textNotUTF8, 1007)
            let fragments = received(FrameBytes(.text, text, isFinal: false), .continuation([]), by: role)
            expectFailed(fragments, .textNotUTF8, 1007)
        }
    }

    @Test(
        "A fragment MAY end inside a code point: the whole message is what must be valid (§5.6)", arguments: Role.both)
    func straddling(role: Role) {
        for text in Self.valid {
            for cut in 0...text.count {
                let first = FrameBytes(.text, Array(text[..<cut]), isFinal: false)
                let last = FrameBytes.continuation(Array(text[cut...]))
                let transcript = received(first, .ping(), last, by: role)
                expectMessages(transcript, [.message(.text, text)])
            }
        }
    }

    @Test("One byte a fragment is text all the same (§5.6)", arguments: Role.both)
    func oneByteFragments(role: Role) {
        let text = "κόσμε 😀 \u{10FFFF}"
        var bytes = FrameBytes.text("", isFinal: false).from(role.peer).bytes
        for byte in text.utf8 { bytes += FrameBytes.continuation([byte], isFinal: false).from(role.peer).bytes }
        bytes += FrameBytes.continuation([]).from(role.peer).bytes
        expectMessages(received(bytes: bytes, by: role), [.text(text)])
    }

    @Test("Invalid text is refused wherever the fragments are cut (§8.1)", arguments: Role.both)
    func refusedInFragments(role: Role) {
        for (text, _) in Self.invalid {
            for cut in 0...text.count {
                let first = FrameBytes(.text, Array(text[..<cut]), isFinal: false)
                let last = FrameBytes.continuation(Array(text[cut...]))
                expectFailed(received(first, last, by: role), .textNotUTF8, 1007)
            }
        }
    }

    @Test(
        "Invalid text is refused at the byte that makes it certain, not at the end of the message (§8.1)",
        arguments: Role.both)
    func failsEarly(role: Role) {
        for (text, certainAfter) in Self.invalid {
            // A frame that is far from complete, its payload coming one byte at a time.
            let bytes = FrameBytes(.text, text + Array(repeating: 0x41, count: 100)).from(role.peer).bytes
            let header = bytes.count - text.count - 100
            var endpoint = TestEndpoint(role: role)
            endpoint.receiveByteByByte(Array(bytes.prefix(header + certainAfter - 1)))
            #expect(endpoint.connection.isOpen == true)
            endpoint.receive([bytes[header + certainAfter - 1]])
            #expect(endpoint.connection.isOpen == false)
        }
    }

    @Test("Binary messages are not looked at (§5.6)", arguments: Role.both)
    func binary(role: Role) {
        for (bytes, _) in Self.invalid { expectMessages(received(.binary(bytes), by: role), [.binary(bytes)]) }
    }

    @Test("A text message after an unfinished binary one is judged by itself (§8.1)", arguments: Role.both)
    func independent(role: Role) {
        let transcript = received(
            .binary([0xC3], isFinal: false), .continuation([0xF0]), .text("ok", isFinal: false),
            .continuation([0xC3], isFinal: false),
            .continuation([0xA9]), FrameBytes(.text, [0xA9]), by: role)
        expectFailed(transcript, .textNotUTF8, 1007)
        #expect(transcript.messages == [.binary([0xC3, 0xF0]), .text("oké")])
    }

    @Test("The reason of a Close frame is UTF-8 as well (§5.5.1, §8.1)", arguments: Role.both)
    func closeReason(role: Role) {
        for (reason, _) in Self.invalid {
            expectFailed(received(FrameBytes(.close, [0x03, 0xE8] + reason), by: role), .closeReasonNotUTF8, 1007)
        }
        for reason in Self.unfinished {
            expectFailed(received(FrameBytes(.close, [0x03, 0xE8] + reason), by: role), .closeReasonNotUTF8, 1007)
        }
        for reason in Self.valid {
            let transcript = received(FrameBytes(.close, [0x03, 0xE8] + reason), by: role)
            #expect(transcript.closure?.received?.reason.utf8.elementsEqual(reason) == true)
            #expect(transcript.closure?.isClean == true)
        }
    }

    @Test("Neither a byte order mark nor line ends nor zeros are changed (§5.6)", arguments: Role.both)
    func unchanged(role: Role) {
        let text = "\u{FEFF}a\r\nb\u{0}c\u{301}"
        expectMessages(received(.text(text), by: role), [.message(.text, Array(text.utf8))])
    }
}
