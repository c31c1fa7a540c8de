extension FrameHeader {
    /// What the bytes at hand tell about the next frame.
    public enum Decoded: Sendable, Hashable {
        /// Nothing is wrong so far, but the header is not complete.
        case needMoreBytes
        /// The header, and how many bytes it takes.
        case header(FrameHeader, headerBytes: Int)
        /// No frame may begin like this, in any state of any connection.
        case violation(ProtocolViolation)
    }

    /// Reads the header at the beginning of `bytes`, checking what holds for every frame whoever sent it: the opcode is
    /// known, a control frame is whole and short, the length is encoded in the fewest bytes and below 2^63
    /// (RFC 6455 §5.2, §5.5). A violation is told by the first byte that makes it certain.
    @inlinable
    public static func decode(_ bytes: RawSpan) -> Decoded {
        let count = bytes.byteCount
        guard count >= 1 else { return .needMoreBytes }
        let first = bytes.byte(at: 0)
        guard let opcode = Opcode(rawValue: first & 0x0F) else {
            return .violation(ProtocolViolation(.reservedOpcode(first & 0x0F)))
        }
        let isFinal = first & 0x80 != 0
        if opcode.isControl && !isFinal { return .violation(ProtocolViolation(.fragmentedControlFrame)) }
        guard count >= 2 else { return .needMoreBytes }

        let second = bytes.byte(at: 1)
        let isMasked = second & 0x80 != 0
        let shortLength = second & 0x7F
        if opcode.isControl && shortLength > 125 { return .violation(ProtocolViolation(.controlFrameTooLong)) }

        var payloadBytes = UInt64(shortLength)
        var headerBytes = 2
        if shortLength == 126 {
            guard count >= 4 else { return .needMoreBytes }
            payloadBytes = UInt64(UInt16(bigEndian: bytes.load(at: 2, as: UInt16.self)))
            if payloadBytes < 126 { return .violation(ProtocolViolation(.lengthNotMinimal)) }
            headerBytes = 4
        } else if shortLength == 127 {
            guard count >= 3 else { return .needMoreBytes }
            if bytes.byte(at: 2) & 0x80 != 0 {
                return .violation(ProtocolViolation(.lengthTooLarge))
            }
            guard count >= 10 else { return .needMoreBytes }
            payloadBytes = UInt64(bigEndian: bytes.load(at: 2, as: UInt64.self))
            if payloadBytes < 65_536 { return .violation(ProtocolViolation(.lengthNotMinimal)) }
            headerBytes = 10
        }

        var maskingKey: MaskingKey?
        if isMasked {
            guard count >= headerBytes &+ 4 else { return .needMoreBytes }
            let word = bytes.load(at: headerBytes, as: UInt32.self)
            maskingKey = MaskingKey(word: UInt32(littleEndian: word))
            headerBytes &+= 4
        }
        var header = FrameHeader(
            opcode: opcode, isFinal: isFinal, reservedBits: ReservedBits(rawValue: first & 0x70),
            maskingKey: maskingKey, payloadBytes: 0)
        header.payloadBytes = payloadBytes
        return .header(header, headerBytes: headerBytes)
    }
}
