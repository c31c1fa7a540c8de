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
    @exclusivity(unchecked) var encoder = MessageEncoder()
}

/// One object for the settings of a connection that compresses, and none for others.
final class SharedDeflateSettings: Sendable {
    let settings: DeflateSettings
    init(_ settings: DeflateSettings) { self.settings = settings }
}

/// Turns messages and fragments into frames, compressed where that was negotiated (RFC 7692 §7.2.1).
struct MessageEncoder: ~Copyable {
    private var inProgress: MessageKind?
    private var progressIsCompressed = false
    private var deflater: Deflater?
    private var compressed: [UInt8] = []

    init() {}

    mutating func frame(
        _ payload: RawSpan, _ kind: MessageKind, _ position: FramePosition, compress: Bool,
        deflate: DeflateSettings?, role: Role, maskingKey: MaskingKey?
    ) throws(SendError) -> OutgoingFrame {
        let isFirst = position == .whole || position == .first
        let isFinal = position == .whole || position == .last
        if isFirst, self.inProgress != nil { throw .messageInProgress }
        if !isFirst, self.inProgress == nil { throw .noMessageInProgress }

        var reservedBits: ReservedBits = []
        var isCompressed = false
        if let deflate {
            isCompressed =
                isFirst ? compress && deflate.compresses(role, payload.byteCount, position) : self.progressIsCompressed
            if isCompressed {
                try self.compress(payload, isFinal: isFinal, deflate: deflate, role: role)
                if isFirst { reservedBits = .rsv1 }
            }
        }
        self.inProgress = isFinal ? nil : (self.inProgress ?? kind)
        self.progressIsCompressed = isCompressed
        let opcode: Opcode = isFirst ? (kind == .text ? .text : .binary) : .continuation
        let header = FrameHeader(
            opcode: opcode, isFinal: isFinal, reservedBits: reservedBits, maskingKey: maskingKey,
            payloadBytes: isCompressed ? self.compressed.count : payload.byteCount)
        return OutgoingFrame(header: header, isCompressed: isCompressed)
    }

    /// Writes `frame`, which ``frame`` has just made of `payload`, to `destination`.
    mutating func encode(
        _ frame: OutgoingFrame, _ payload: RawSpan, into destination: UnsafeMutableRawBufferPointer
    ) -> Int {
        guard frame.isCompressed else { return frame.header.encode(payload, into: destination) }
        let written = frame.header.encode(self.compressed.span.bytes, into: destination)
        self.compressed = []
        return written
    }

    /// Whether anything of a message, or of a compression context, is kept.
    var isInUse: Bool { self.inProgress != nil || self.deflater != nil || !self.compressed.isEmpty }

    private mutating func compress(
        _ payload: RawSpan, isFinal: Bool, deflate: DeflateSettings, role: Role
    ) throws(SendError) {
        if self.deflater == nil {
            self.deflater = Deflater(
                level: deflate.configuration.level, windowBits: deflate.agreement.windowBits(of: role),
                memoryLevel: deflate.configuration.memoryLevel)
            if self.deflater == nil { throw .outOfMemory }
        }
        self.compressed = []
        self.deflater?.compress(payload, isFinal: isFinal, into: &self.compressed)
        if isFinal, deflate.agreement.dropsContext(of: role) { self.deflater = nil }
    }
}

/// What was agreed on permessage-deflate, and how this end makes use of it.
public struct DeflateSettings: Sendable, Hashable {
    public var agreement: PerMessageDeflate.Agreement
    public var configuration: PerMessageDeflate.Configuration

    public init(agreement: PerMessageDeflate.Agreement, configuration: PerMessageDeflate.Configuration) {
        self.agreement = agreement
        self.configuration = configuration
    }

    /// zlib makes no raw stream with a window of 8 bits: whoever agreed to one sends uncompressed messages.
    func compresses(_ role: Role, _ payloadBytes: Int, _ position: FramePosition) -> Bool {
        guard self.agreement.canCompress(as: role) else { return false }
        return position == .first || payloadBytes >= self.configuration.minimumBytes
    }
}

extension PerMessageDeflate.Agreement {
    /// The window of what `role` sends.
    func windowBits(of role: Role) -> Int {
        switch role {
        case .client: self.clientMaxWindowBits
        case .server: self.serverMaxWindowBits
        }
    }

    /// Whether `role` begins each message with an empty window.
    func dropsContext(of role: Role) -> Bool {
        switch role {
        case .client: self.clientNoContextTakeover
        case .server: self.serverNoContextTakeover
        }
    }
}
