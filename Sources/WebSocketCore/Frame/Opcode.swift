/// What a frame is (RFC 6455 §5.2). The values 0x3 to 0x7 and 0xB to 0xF are reserved.
public enum Opcode: UInt8, Sendable, Hashable {
    case continuation = 0x0
    case text = 0x1
    case binary = 0x2
    case close = 0x8
    case ping = 0x9
    case pong = 0xA

    /// Close, ping and pong may stand between the fragments of a message and are never fragmented (RFC 6455 §5.5).
    @inlinable
    public var isControl: Bool { self.rawValue & 0x8 != 0 }
}
