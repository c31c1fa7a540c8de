/// The bits RSV1 to RSV3 of a frame header. Zero unless an extension gives them a meaning (RFC 6455 §5.2).
public struct ReservedBits: OptionSet, Sendable, Hashable {
    public var rawValue: UInt8

    @inlinable
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Set on the first frame of a compressed message when permessage-deflate was negotiated (RFC 7692 §6).
    public static let rsv1 = ReservedBits(rawValue: 0x40)
    public static let rsv2 = ReservedBits(rawValue: 0x20)
    public static let rsv3 = ReservedBits(rawValue: 0x10)
}

/// What stands before the payload of a frame (RFC 6455 §5.2).
///
///      0                   1                   2                   3
///      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
///     +-+-+-+-+-------+-+-------------+-------------------------------+
///     |F|R|R|R| opcode|M| Payload len |    Extended payload length    |
///     |I|S|S|S|  (4)  |A|     (7)     |    (16, if len = 126;         |
///     |N|V|V|V|       |S|             |     64, if len = 127)         |
///     | |1|2|3|       |K|             |                               |
///     +-+-+-+-+-------+-+-------------+-------------------------------+
///     |    Masking-key (32, if MASK)  |    Payload …                  |
///     +-------------------------------+-------------------------------+
public struct FrameHeader: Sendable, Hashable {
    public var opcode: Opcode
    /// The last (or only) frame of a message.
    public var isFinal: Bool
    public var reservedBits: ReservedBits
    /// Present on every frame a client sends, absent on every frame a server sends.
    public var maskingKey: MaskingKey?
    /// 0 to 2^63 - 1 bytes.
    public var payloadBytes: UInt64

    @inlinable
    public init(
        opcode: Opcode,
        isFinal: Bool = true,
        reservedBits: ReservedBits = [],
        maskingKey: MaskingKey? = nil,
        payloadBytes: Int
    ) {
        self.opcode = opcode
        self.isFinal = isFinal
        self.reservedBits = reservedBits
        self.maskingKey = maskingKey
        self.payloadBytes = UInt64(truncatingIfNeeded: max(0, payloadBytes))
    }

    /// The longest header: 2 bytes, 8 of length, 4 of masking key.
    public static let maxHeaderBytes = 14

    /// The longest payload of a control frame (RFC 6455 §5.5).
    public static let maxControlPayloadBytes = 125
}
