import Testing

@testable import WebSocketCore

@Suite("Protocol violations (RFC 6455 §7.4.1)")
struct ProtocolViolationTests {
    private static let codes: [(ProtocolViolation.Reason, CloseCode)] = [
        (.reservedBitsSet(.rsv1), .protocolError), (.reservedOpcode(3), .protocolError),
        (.fragmentedControlFrame, .protocolError), (.controlFrameTooLong, .protocolError),
        (.lengthNotMinimal, .protocolError), (.lengthTooLarge, .protocolError), (.frameNotMasked, .protocolError),
        (.frameMasked, .protocolError), (.continuationWithoutMessage, .protocolError),
        (.messageInsideMessage, .protocolError), (.closeBodyTooShort, .protocolError),
        (.invalidCloseCode(1006), .protocolError), (.textNotUTF8, .invalidPayload),
        (.closeReasonNotUTF8, .invalidPayload),
        (.corruptDeflateData, .invalidPayload), (.frameTooLarge(bytes: .max, limit: .max), .messageTooBig),
        (.messageTooLarge(limit: .max), .messageTooBig), (.tooManyFragments(limit: .max), .messageTooBig),
        (.tooManyEmptyFragments(limit: .max), .policyViolation),
        (.tooManyControlFrames(perSecond: .max, burst: .max), .policyViolation),
        (.messageTooSlow(limit: .seconds(Int64.max)), .policyViolation), (.outOfMemory, .internalError),
    ]

    @Test("each has its close code")
    func closeCodes() {
        for (reason, code) in Self.codes { #expect(ProtocolViolation(reason).closeCode == code, "\(reason)") }
    }

    @Test("each says what was wrong in words of its own that fit into a Close frame")
    func descriptions() {
        let texts = Self.codes.map { ProtocolViolation($0.0).description }
        #expect(Set(texts).count == texts.count)
        for text in texts {
            #expect(!text.isEmpty)
            #expect(Close(.protocolError, reason: text).reason == text, "cut: \(text)")
        }
    }

    @Test("a limit that was exceeded is named with its value")
    func limits() {
        #expect(ProtocolViolation(.frameTooLarge(bytes: 5, limit: 4)).description.contains("maxFrameBytes = 4"))
        #expect(ProtocolViolation(.messageTooLarge(limit: 4)).description.contains("maxMessageBytes = 4"))
        #expect(ProtocolViolation(.tooManyFragments(limit: 4)).description.contains("maxFragments = 4"))
        let empty = ProtocolViolation(.tooManyEmptyFragments(limit: 4))
        #expect(empty.description.contains("maxConsecutiveEmptyFragments = 4"))
        let rate = ProtocolViolation(.tooManyControlFrames(perSecond: 4, burst: 5))
        #expect(rate.description.contains("controlFramesPerSecond = 4, controlFrameBurst = 5"))
        #expect(ProtocolViolation(.messageTooSlow(limit: .seconds(4))).description.contains("assemblyTimeout = 4"))
    }
}
