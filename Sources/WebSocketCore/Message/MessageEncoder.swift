/// A frame that is ready to be written: its header, and where its payload is.
public struct OutgoingFrame: Sendable, Hashable {
    public let header: FrameHeader
    /// Whether the payload is what the connection has compressed, not the caller's bytes.
    public let isCompressed: Bool

    /// How many bytes the frame takes on the wire.
    public var byteCount: Int { self.header.headerBytes &+ Int(self.header.payloadBytes) }
}

/// Why a message was not sent.
public enum SendError: Error, Sendable, Hashable {
    /// A Close frame was sent or received, or the connection has ended (RFC 6455 §5.5.1, §6.1).
    case closed
    /// A fragmented message is not finished; another may not begin (RFC 6455 §5.4).
    case messageInProgress
    /// A fragment continues a message that was not begun.
    case noMessageInProgress
    /// The system had no memory for a compression context.
    case outOfMemory
}

/// Where in its message a frame stands (RFC 6455 §5.4).
public enum FramePosition: Sendable, Hashable {
    case whole
    case first
    case middle
    case last
}

/// A message that is sent in pieces or compressed.
final class OutgoingMessage {
    @exclusivity(unchecked) private var storage = MessageEncoder()

    var encoder: MessageEncoder {
        // Not aliased: one connection owns this object, and is moved, never copied; the encoder calls nobody back.
        @inline(__always) _read { yield unsafe self.storage }
        @inline(__always) _modify { yield unsafe &self.storage }
    }
}

/// Turns messages and fragments into frames, compressed where that was negotiated (RFC 7692 §7.2.1).
struct MessageEncoder: ~Copyable {
    private var inProgress: MessageKind?
    private var progressIsCompressed = false
    /// Owned while a message is compressed in pieces, and between messages if the context is kept.
    private var context: DeflaterContext?

    init() {}

    mutating func frame(
        _ payload: RawSpan, _ kind: MessageKind, _ position: FramePosition, compress: Bool,
        deflate: ConnectionDeflate?, maskingKey: MaskingKey?
    ) throws(SendError) -> OutgoingFrame {
        let isFirst = position == .whole || position == .first
        let isFinal = position == .whole || position == .last
        if isFirst, self.inProgress != nil { throw .messageInProgress }
        if !isFirst, self.inProgress == nil { throw .noMessageInProgress }

        var reservedBits: ReservedBits = []
        var isCompressed = false
        var payloadBytes = payload.byteCount
        if let deflate {
            isCompressed =
                isFirst ? compress && deflate.compresses(payload.byteCount, position) : self.progressIsCompressed
            if isCompressed {
                let context = if let context { context } else { try deflate.takeDeflater() }
                self.context = context
                context.compress(payload, isFinal: isFinal)
                payloadBytes = context.output.count
                if isFirst { reservedBits = .rsv1 }
            }
        }
        self.inProgress = isFinal ? nil : (self.inProgress ?? kind)
        self.progressIsCompressed = isCompressed
        let opcode: Opcode = isFirst ? (kind == .text ? .text : .binary) : .continuation
        let header = FrameHeader(
            opcode: opcode, isFinal: isFinal, reservedBits: reservedBits, maskingKey: maskingKey,
            payloadBytes: payloadBytes)
        return OutgoingFrame(header: header, isCompressed: isCompressed)
    }

    /// Writes `frame`, which ``frame`` has just made of `payload`, to `destination`.
    mutating func encode(
        _ frame: OutgoingFrame, _ payload: RawSpan, into destination: UnsafeMutableRawBufferPointer,
        deflate: ConnectionDeflate?
    ) -> Int {
        guard frame.isCompressed, let context, let deflate else {
            // In bounds: `encode` compares with the room. Alive: for this call, which the caller has promised.
            return unsafe frame.header.encode(payload, into: destination)
        }
        // As above.
        let written = unsafe frame.header.encode(context.output.span.rawBytes, into: destination)
        if frame.header.isFinal, deflate.dropsSentContext {
            self.context = nil
            deflate.give(context)
        } else {
            context.dropOutput()
        }
        return written
    }

    /// Whether a fragmented message is not finished.
    var isInMessage: Bool { self.inProgress != nil }

    /// Whether anything of a message, or of a compression context, is kept.
    var isInUse: Bool { self.inProgress != nil || self.context != nil }
}
