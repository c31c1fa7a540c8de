public import WebSocketCore

/// The bytes of a frame as somebody might send it, allowed or not.
///
///     FrameBytes.text("Hello").bytes                        // what a server sends
///     FrameBytes(0x1, [0x48], isFinal: false, mask: key)    // a first fragment from a client
///     FrameBytes(0xB, [])                                   // a reserved opcode
public struct FrameBytes: Sendable, Hashable {
    /// How the length is written: as short as possible, or in a longer form than the protocol allows.
    public enum LengthForm: Sendable, Hashable {
        case minimal
        case twoBytes
        case eightBytes
    }

    /// The low four bits of the first byte, reserved values included.
    public var opcode: UInt8
    public var payload: [UInt8]
    public var isFinal: Bool
    /// RSV1 is 4, RSV2 is 2, RSV3 is 1.
    public var reserved: UInt8
    public var mask: MaskingKey?
    public var lengthForm: LengthForm
    /// A length that is not the payload's.
    public var claimedLength: UInt64?

    public init(
        _ opcode: UInt8, _ payload: [UInt8], isFinal: Bool = true, reserved: UInt8 = 0, mask: MaskingKey? = nil,
        lengthForm: LengthForm = .minimal, claimedLength: UInt64? = nil
    ) {
        self.opcode = opcode
        self.payload = payload
        self.isFinal = isFinal
        self.reserved = reserved
        self.mask = mask
        self.lengthForm = lengthForm
        self.claimedLength = claimedLength
    }

    public init(
        _ opcode: Opcode, _ payload: [UInt8] = [], isFinal: Bool = true, reserved: UInt8 = 0, mask: MaskingKey? = nil
    ) {
        self.init(opcode.rawValue, payload, isFinal: isFinal, reserved: reserved, mask: mask)
    }

    public static func text(_ text: String, isFinal: Bool = true, mask: MaskingKey? = nil) -> FrameBytes {
        FrameBytes(.text, Array(text.utf8), isFinal: isFinal, mask: mask)
    }

    public static func binary(_ bytes: [UInt8], isFinal: Bool = true, mask: MaskingKey? = nil) -> FrameBytes {
        FrameBytes(.binary, bytes, isFinal: isFinal, mask: mask)
    }

    public static func continuation(_ bytes: [UInt8], isFinal: Bool = true, mask: MaskingKey? = nil) -> FrameBytes {
        FrameBytes(.continuation, bytes, isFinal: isFinal, mask: mask)
    }

    public static func ping(_ bytes: [UInt8] = [], mask: MaskingKey? = nil) -> FrameBytes {
        FrameBytes(.ping, bytes, mask: mask)
    }

    public static func pong(_ bytes: [UInt8] = [], mask: MaskingKey? = nil) -> FrameBytes {
        FrameBytes(.pong, bytes, mask: mask)
    }

    /// A Close frame with any number as its code, `nil` for an empty body.
    public static func close(_ code: UInt16?, _ reason: String = "", mask: MaskingKey? = nil) -> FrameBytes {
        let body = code.map { [UInt8($0 >> 8), UInt8($0 & 0xFF)] + Array(reason.utf8) } ?? []
        return FrameBytes(.close, body, mask: mask)
    }

    /// The same frame as `role` sends it: a client masks, a server does not.
    public func from(_ role: Role, mask: MaskingKey = MaskingKey(word: 0x3D21_FA37)) -> FrameBytes {
        var frame = self
        frame.mask = role == .client ? mask : nil
        return frame
    }

    /// Header and payload as they travel. Written without the encoder under test.
    public var bytes: [UInt8] {
        var bytes: [UInt8] = [(self.isFinal ? 0x80 : 0) | (self.reserved & 7) << 4 | (self.opcode & 0x0F)]
        let length = self.claimedLength ?? UInt64(self.payload.count)
        let maskBit: UInt8 = self.mask == nil ? 0 : 0x80
        if self.lengthForm == .eightBytes || self.lengthForm == .minimal && length > 0xFFFF {
            bytes.append(maskBit | 127)
            bytes += (0..<8).map { UInt8(truncatingIfNeeded: length >> (56 - 8 * UInt64($0))) }
        } else if self.lengthForm == .twoBytes || length > 125 {
            bytes.append(maskBit | 126)
            bytes += [UInt8(truncatingIfNeeded: length >> 8), UInt8(truncatingIfNeeded: length)]
        } else {
            bytes.append(maskBit | UInt8(length))
        }
        guard let mask = self.mask else { return bytes + self.payload }
        let key = (0..<4).map { UInt8(truncatingIfNeeded: mask.word >> (8 * UInt32($0))) }
        return bytes + key + self.payload.enumerated().map { $1 ^ key[$0 % 4] }
    }
}
