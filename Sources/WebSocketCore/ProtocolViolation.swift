/// What a peer did that the protocol or a limit forbids. The connection is failed for it (RFC 6455 §7.1.7).
public struct ProtocolViolation: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Reason: Sendable, Hashable {
        /// RSV1, RSV2 or RSV3 without an extension that gives it a meaning (RFC 6455 §5.2, RFC 7692 §6).
        case reservedBitsSet(ReservedBits)
        /// An opcode from 0x3 to 0x7 or 0xB to 0xF (RFC 6455 §5.2).
        case reservedOpcode(UInt8)
        /// A ping, pong or close frame without FIN (RFC 6455 §5.5).
        case fragmentedControlFrame
        /// A ping, pong or close frame of more than 125 bytes (RFC 6455 §5.5).
        case controlFrameTooLong
        /// A length in more bytes than it needs (RFC 6455 §5.2).
        case lengthNotMinimal
        /// A length of 2^63 or more (RFC 6455 §5.2).
        case lengthTooLarge
        /// A frame from a client that is not masked (RFC 6455 §5.1).
        case frameNotMasked
        /// A frame from a server that is masked (RFC 6455 §5.1).
        case frameMasked
        /// A continuation frame, and no message to continue (RFC 6455 §5.4).
        case continuationWithoutMessage
        /// A text or binary frame inside a message that is not complete (RFC 6455 §5.4).
        case messageInsideMessage
        /// Text that is not UTF-8 (RFC 6455 §8.1).
        case textNotUTF8
        /// A close frame with a body of one byte (RFC 6455 §5.5.1).
        case closeBodyTooShort
        /// A close code that must not travel (RFC 6455 §7.4).
        case invalidCloseCode(UInt16)
        /// A close reason that is not UTF-8 (RFC 6455 §5.5.1).
        case closeReasonNotUTF8
        /// Compressed data that does not inflate (RFC 7692 §7.2.2).
        case corruptDeflateData
        /// ``Limits/maxFrameBytes``.
        case frameTooLarge(bytes: UInt64, limit: Int)
        /// ``Limits/maxMessageBytes``, joined and inflated.
        case messageTooLarge(limit: Int)
        /// ``Limits/maxFragments``.
        case tooManyFragments(limit: Int)
        /// ``Limits/maxConsecutiveEmptyFragments``.
        case tooManyEmptyFragments(limit: Int)
        /// ``Limits/controlFramesPerSecond`` and ``Limits/controlFrameBurst``.
        case tooManyControlFrames(perSecond: Int, burst: Int)
        /// ``Limits/assemblyTimeout``.
        case messageTooSlow(limit: Duration)
        /// The system had no memory for a compression context.
        case outOfMemory
    }

    public var reason: Reason

    @inlinable
    public init(_ reason: Reason) { self.reason = reason }

    /// The code the connection is failed with.
    public var closeCode: CloseCode {
        switch self.reason {
        case .reservedBitsSet, .reservedOpcode, .fragmentedControlFrame, .controlFrameTooLong, .lengthNotMinimal,
            .lengthTooLarge, .frameNotMasked, .frameMasked, .continuationWithoutMessage, .messageInsideMessage,
            .closeBodyTooShort, .invalidCloseCode:
            .protocolError
        case .textNotUTF8, .closeReasonNotUTF8, .corruptDeflateData: .invalidPayload
        case .frameTooLarge, .messageTooLarge, .tooManyFragments: .messageTooBig
        case .tooManyEmptyFragments, .tooManyControlFrames, .messageTooSlow: .policyViolation
        case .outOfMemory: .internalError
        }
    }

    /// One sentence that names the rule or the limit; it is also the reason in the Close frame.
    public var description: String {
        switch self.reason {
        case .reservedBitsSet: "reserved bits set without an extension"
        case .reservedOpcode(let opcode): "reserved opcode \(opcode)"
        case .fragmentedControlFrame: "control frame without FIN"
        case .controlFrameTooLong: "control frame longer than 125 bytes"
        case .lengthNotMinimal: "payload length not minimally encoded"
        case .lengthTooLarge: "payload length of 2^63 or more"
        case .frameNotMasked: "frame from a client without a mask"
        case .frameMasked: "frame from a server with a mask"
        case .continuationWithoutMessage: "continuation frame without a message to continue"
        case .messageInsideMessage: "new message before the last one was finished"
        case .textNotUTF8: "text is not UTF-8"
        case .closeBodyTooShort: "close frame with a body of one byte"
        case .invalidCloseCode(let code): "close code \(code) must not be sent"
        case .closeReasonNotUTF8: "close reason is not UTF-8"
        case .corruptDeflateData: "compressed data is corrupt"
        case .frameTooLarge(let bytes, let limit): "frame of \(bytes) bytes, limit maxFrameBytes = \(limit)"
        case .messageTooLarge(let limit): "message too big, limit maxMessageBytes = \(limit)"
        case .tooManyFragments(let limit): "too many fragments, limit maxFragments = \(limit)"
        case .tooManyEmptyFragments(let limit):
            "too many empty fragments, limit maxConsecutiveEmptyFragments = \(limit)"
        case .tooManyControlFrames(let perSecond, let burst):
            "too many control frames, limit controlFramesPerSecond = \(perSecond), controlFrameBurst = \(burst)"
        case .messageTooSlow(let limit): "message not complete in time, limit assemblyTimeout = \(limit)"
        case .outOfMemory: "no memory for compression"
        }
    }
}
