import Testing
import WebSocketTesting

@testable import WebSocketCore

@Suite("Close frames (RFC 6455 §5.5.1, §7.4)")
struct CloseTests {
    private static func read(_ payload: [UInt8]) throws(ProtocolViolation) -> Close {
        try Close(payload: payload.span.bytes)
    }

    @Test(
        "a payload is read as it was written",
        arguments: [
            Close(nil), Close(.normal), Close(.goingAway, reason: "bye"),
            Close(CloseCode(rawValue: 4999), reason: "é😀"),
            Close(.internalError, reason: String(repeating: "x", count: 123)),
        ])
    func roundTrip(close: Close) throws {
        #expect(try Self.read(close.payload) == close)
    }

    @Test("a close without a code has no reason either")
    func noCode() {
        #expect(Close(nil, reason: "ignored").reason == "")
        #expect(Close(nil, reason: "ignored").payload == [])
    }

    @Test(
        "a reason is cut to 123 bytes at the boundary of a code point",
        arguments: [
            ("a", 200, 123), ("é", 100, 122), ("€", 60, 123), ("😀", 40, 120), ("a", 123, 123), ("a", 122, 122),
            ("", 1, 0),
        ])
    func cut(unit: String, count: Int, bytes: Int) {
        let reason = String(repeating: unit, count: count)
        let close = Close(.normal, reason: reason)
        #expect(close.reason.utf8.count == bytes)
        #expect(reason.hasPrefix(close.reason) || unit.isEmpty)
        #expect(close.payload.count == 2 + bytes)
    }

    @Test("every way to begin a reason that is too long is cut into valid text")
    func cutEverywhere() {
        for shift in 0..<8 {
            let reason = String(repeating: "x", count: shift) + String(repeating: "é€😀", count: 30)
            let payload = Close(.normal, reason: reason).payload
            #expect(payload.count <= 125 && payload.count > 121)
            #expect(String(validating: payload[2...], as: UTF8.self) != nil)
        }
    }

    @Test("a reason is cut as well when it was set later")
    func cutLater() {
        var close = Close(.normal)
        close.reason = String(repeating: "é", count: 100)
        #expect(String(validating: close.payload[2...], as: UTF8.self) == String(repeating: "é", count: 61))
    }

    @Test(
        "which codes may travel",
        arguments: [
            (0, false), (999, false), (1000, true), (1003, true), (1004, false), (1005, false), (1006, false),
            (1007, true),
            (1014, true), (1015, false), (1016, false), (2999, false), (3000, true), (4999, true), (5000, false),
            (65_535, false),
        ] as [(UInt16, Bool)])
    func codes(code: UInt16, isValid: Bool) {
        #expect(CloseCode(rawValue: code).isValidOnTheWire == isValid)
        let written = Close(CloseCode(rawValue: code)).payload
        #expect(written == (isValid ? [UInt8(code >> 8), UInt8(code & 0xFF)] : [0x03, 0xE8]))
        let payload = [UInt8(code >> 8), UInt8(code & 0xFF)]
        if isValid {
            #expect((try? Self.read(payload))?.code?.rawValue == code)
        } else {
            #expect(throws: ProtocolViolation(.invalidCloseCode(code))) { try Self.read(payload) }
        }
    }

    @Test(
        "what is wrong with a payload",
        arguments: [
            ([0x03], .closeBodyTooShort), ([0x03, 0xEE], .invalidCloseCode(1006)),
            ([0x03, 0xE8, 0xFF], .closeReasonNotUTF8), ([0x03, 0xE8, 0xE2, 0x82], .closeReasonNotUTF8),
            ([0x00, 0x00, 0xFF], .invalidCloseCode(0)),
        ] as [([UInt8], ProtocolViolation.Reason)])
    func wrong(payload: [UInt8], reason: ProtocolViolation.Reason) {
        #expect(throws: ProtocolViolation(reason)) { try Self.read(payload) }
    }

    @Test("the names are the numbers of the registry")
    func names() {
        let codes: [CloseCode] = [
            .normal, .goingAway, .protocolError, .unsupportedData, .invalidPayload, .policyViolation, .messageTooBig,
            .mandatoryExtension, .internalError, .serviceRestart, .tryAgainLater, .badGateway,
        ]
        #expect(codes.map(\.rawValue) == [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014])
        #expect(codes.allSatisfy { $0.isValidOnTheWire && $0.description == String($0.rawValue) })
    }
}
