/// What a message carries: text, which is valid UTF-8, or bytes (RFC 6455 §5.6).
public enum MessageKind: UInt8, Sendable, Hashable {
    case text = 0x1
    case binary = 0x2
}
