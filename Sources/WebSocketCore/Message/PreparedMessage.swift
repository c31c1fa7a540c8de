import Synchronization

/// A message that is encoded once and sent to many connections of servers: as it is, and compressed once for each set of
/// parameters that connections without context takeover have agreed on.
///
/// Sending it costs a copy of its bytes. A client's frames each have a masking key of their own (RFC 6455 §5.3), and
/// whoever keeps a compression context must compress by itself: to those it is sent as any other message is.
///
/// It may be used from any thread.
public final class PreparedMessage: Sendable {
    public let kind: MessageKind
    /// A server's frame: header and payload.
    let frame: [UInt8]
    private let headerBytes: Int
    private let compressed = AtomicLazyReference<CompressedFrame>()

    /// - Parameters:
    ///   - payload: all bytes of the message; text must be valid UTF-8 (RFC 6455 §5.6). They are copied.
    ///   - kind: whether they are text.
    public init(_ payload: RawSpan, as kind: MessageKind) {
        self.kind = kind
        let header = FrameHeader(opcode: kind == .text ? .text : .binary, payloadBytes: payload.byteCount)
        self.headerBytes = header.headerBytes
        self.frame = Self.frame(header, payload)
    }

    /// A text message.
    public convenience init(_ text: String) {
        self.init(text.utf8Span.span.rawBytes, as: .text)
    }

    /// How many bytes the message has.
    public var byteCount: Int { self.frame.count - self.headerBytes }

    /// Lends the bytes of the message to `body`.
    public func withPayload<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let frame = self.frame
        return try body(frame.span.rawBytes.extracting(droppingFirst: self.headerBytes))
    }

    /// The compressed frame. Whoever asks first makes it; if two threads do so at the same time, one result is kept.
    func compressedFrame(_ deflate: ConnectionDeflate) throws(SendError) -> [UInt8] {
        let parameters = deflate.parameters
        guard var known = self.compressed.load() else {
            let made = try self.compress(deflate, parameters)
            let kept = self.compressed.storeIfNil(made)
            return kept.parameters == parameters ? kept.frame : made.frame
        }
        // As many as there are different agreements: nearly always one.
        while known.parameters != parameters {
            guard let next = known.next.load() else {
                let made = try self.compress(deflate, parameters)
                let kept = known.next.storeIfNil(made)
                return kept.parameters == parameters ? kept.frame : made.frame
            }
            known = next
        }
        return known.frame
    }

    private func compress(
        _ deflate: ConnectionDeflate, _ parameters: DeflaterContext.Parameters
    ) throws(SendError) -> CompressedFrame {
        let context = try deflate.takeDeflater()
        defer { deflate.give(context) }
        self.withPayload { context.compress($0, isFinal: true) }
        let header = FrameHeader(
            opcode: self.kind == .text ? .text : .binary, reservedBits: .rsv1, payloadBytes: context.output.count)
        return CompressedFrame(parameters, Self.frame(header, context.output.span.rawBytes))
    }

    private static func frame(_ header: FrameHeader, _ payload: RawSpan) -> [UInt8] {
        let count = header.headerBytes + payload.byteCount
        return Array(capacity: count) { output in
            // In bounds: `encode` compares with the room. Initialized: as many bytes as it says that it has written.
            unsafe output.withUnsafeMutableBufferPointer { memory, initialized in
                initialized = unsafe header.encode(payload, into: UnsafeMutableRawBufferPointer(memory))
            }
        }
    }
}

/// One of the compressed forms of a message. They hang together so that they are found and added without a lock.
private final class CompressedFrame: Sendable {
    let parameters: DeflaterContext.Parameters
    let frame: [UInt8]
    let next = AtomicLazyReference<CompressedFrame>()

    init(_ parameters: DeflaterContext.Parameters, _ frame: [UInt8]) {
        self.parameters = parameters
        self.frame = frame
    }
}
