public import WebSocketCore

/// A message that the application owns.
public enum Message: Sendable, Hashable {
    case text(String)
    case binary([UInt8])

    /// Its length on the wire, uncompressed, in bytes.
    public var byteCount: Int {
        switch self {
        case .text(let text): text.utf8.count
        case .binary(let bytes): bytes.count
        }
    }

    public var kind: MessageKind {
        switch self {
        case .text: .text
        case .binary: .binary
        }
    }

    /// - Parameter bytes: valid UTF-8 if the message is text, as every received one is.
    init(_ kind: MessageKind, _ bytes: RawSpan) {
        switch kind {
        case .text: self = .text(bytes.withUnsafeBytes { String(decoding: $0, as: UTF8.self) })
        case .binary: self = .binary(bytes.withUnsafeBytes { Array($0) })
        }
    }

    init(_ kind: MessageKind, _ bytes: [UInt8]) {
        switch kind {
        case .text: self = .text(String(decoding: bytes, as: UTF8.self))
        case .binary: self = .binary(bytes)
        }
    }
}

extension Message: ExpressibleByStringLiteral {
    public init(stringLiteral value: String) { self = .text(value) }
}

extension PreparedMessage {
    /// A message that is encoded once and sent to many connections.
    public convenience init(_ message: Message) {
        switch message {
        case .text(let text): self.init(text)
        case .binary(let bytes): self.init(bytes.span.bytes, as: .binary)
        }
    }
}
