/// A message that comes in pieces: the data frame whose payload is being read, how much of it is still to come, and what
/// has been collected.
final class IncomingMessage {
    @exclusivity(unchecked) private var currentFrame: FrameHeader?
    @exclusivity(unchecked) private var bytesLeft: UInt64 = 0
    @exclusivity(unchecked) private var storage = MessageAssembler()

    // Not aliased, all three: one connection owns this object, and is moved, never copied; nothing here calls anybody back.

    var frame: FrameHeader? {
        @inline(__always) get { unsafe self.currentFrame }
        @inline(__always) set { unsafe self.currentFrame = newValue }
    }

    var frameBytesLeft: UInt64 {
        @inline(__always) get { unsafe self.bytesLeft }
        @inline(__always) set { unsafe self.bytesLeft = newValue }
    }

    var assembler: MessageAssembler {
        @inline(__always) _read { yield unsafe self.storage }
        @inline(__always) _modify { yield unsafe &self.storage }
    }
}

/// Collects what does not come as one whole, uncompressed frame inside the read buffer: the pieces of a large frame, the
/// fragments of a message (RFC 6455 §5.4), the output of the inflater (RFC 7692 §7.2.2).
///
/// One growing buffer, which exists only while a message is in progress. Text is validated as it grows. A message that is
/// delivered in pieces is only counted and validated here, and collected as far as the inflater's output has to be.
struct MessageAssembler: ~Copyable {
    /// What the message in progress is; `nil` between messages.
    private(set) var kind: MessageKind?
    private(set) var isCompressed = false
    private var fragments: Int32 = 0
    private var emptyFragments: Int32 = 0
    private var text = UTF8Validator()
    private var started = Timestamp.zero
    private var buffer: [UInt8] = []
    /// How much of the message was delivered in pieces.
    private var passedBytes = 0
    /// Owned while a compressed message comes, and between messages if the context is kept.
    private var context: InflaterContext?

    init() {}

    /// When the message in progress must be complete.
    func deadline(_ limits: Limits) -> Timestamp? {
        self.kind == nil ? nil : self.started + limits.assemblyTimeout
    }

    /// The time in which this end did not read is not counted for a message in progress.
    mutating func notReading(from: Timestamp, to now: Timestamp) {
        self.started = self.started + now.duration(since: max(from, self.started))
    }

    /// A data frame begins. Its length is refused here, before any of it is kept.
    mutating func beginFrame(
        _ header: FrameHeader, _ delivery: Delivery = .collected, now: Timestamp, limits: Limits
    ) throws(ProtocolViolation) {
        if let kind = MessageKind(rawValue: header.opcode.rawValue) {
            self.kind = kind
            self.isCompressed = header.reservedBits.contains(.rsv1)
            self.fragments = 0
            self.emptyFragments = 0
            self.text = UTF8Validator()
            self.started = now
            self.buffer = []
            self.passedBytes = 0
        }
        // A limit above what the counter holds is no limit that 2^31 frames in one message could miss.
        self.fragments = self.fragments &+ (self.fragments < .max ? 1 : 0)
        if delivery != .inPieces, self.fragments > limits.maxFragments {
            throw ProtocolViolation(.tooManyFragments(limit: limits.maxFragments))
        }
        if header.payloadBytes == 0, !header.isFinal {
            self.emptyFragments = self.emptyFragments &+ (self.emptyFragments < .max ? 1 : 0)
            if self.emptyFragments > limits.maxConsecutiveEmptyFragments {
                throw ProtocolViolation(.tooManyEmptyFragments(limit: limits.maxConsecutiveEmptyFragments))
            }
        } else {
            self.emptyFragments = 0
        }
        if !self.isCompressed {
            let limit = limits.largestMessage(delivery)
            let room = limit - self.passedBytes - self.buffer.count
            guard room >= 0, header.payloadBytes <= UInt64(room) else {
                throw ProtocolViolation(.messageTooLarge(limit: limit))
            }
        }
    }

    // MARK: In pieces

    /// How much waits for ``take()``.
    var collectedBytes: Int { self.buffer.count }

    /// A piece is delivered from where it lies.
    mutating func passOn(
        _ bytes: RawSpan, now: Timestamp, limits: Limits
    ) throws(ProtocolViolation) {
        self.passedBytes += bytes.byteCount
        if !bytes.isEmpty { self.goesOn(at: now) }
        if self.kind == .text, !self.text.validate(bytes) { throw ProtocolViolation(.textNotUTF8) }
    }

    /// A piece has come: from now on the time for the next one counts.
    mutating func goesOn(at now: Timestamp) { self.started = now }

    // MARK: Collected

    /// More of the payload, already unmasked.
    mutating func append(
        _ bytes: RawSpan, deflate: ConnectionDeflate?, memory: WorkingMemory? = nil, limits: Limits,
        _ delivery: Delivery = .collected
    ) throws(ProtocolViolation) {
        if let memory, self.buffer.capacity == 0 { self.buffer = memory.takeMessage(for: bytes.byteCount) }
        let start = self.buffer.count
        if self.isCompressed {
            do throws(ProtocolViolation) {
                try self.inflate(bytes, isFinal: false, deflate: deflate, limits: limits, delivery)
            } catch {
                // What came before the fault is judged first: how the bytes are cut must not decide what is wrong.
                try self.validate(from: start)
                throw error
            }
        } else {
            self.reserve(bytes.byteCount, limit: limits.largestMessage(delivery))
            self.buffer.append(contentsOf: bytes)
        }
        try self.validate(from: start)
    }

    /// The message is complete. Returns what it is; the bytes are to be taken with ``take()``.
    mutating func finish(
        deflate: ConnectionDeflate?, limits: Limits, _ delivery: Delivery = .collected
    ) throws(ProtocolViolation) -> MessageKind {
        guard let kind = self.kind else { throw ProtocolViolation(.continuationWithoutMessage) }
        if self.isCompressed {
            let start = self.buffer.count
            try self.inflate(RawSpan(), isFinal: true, deflate: deflate, limits: limits, delivery)
            try self.validate(from: start)
            if let deflate, deflate.dropsReceivedContext, let context = self.context.take() { deflate.give(context) }
        }
        if kind == .text, !self.text.isComplete { throw ProtocolViolation(.textNotUTF8) }
        self.kind = nil
        return kind
    }

    /// The assembled message; the assembler keeps nothing of it. It takes no more than twice its bytes, and a little.
    mutating func take() -> [UInt8] {
        let message = self.buffer
        self.buffer = []
        self.passedBytes += message.count
        // The inflater guesses the size from what came, and a peer can make the guess wrong.
        guard message.capacity > 2 * message.count + 128 else { return message }
        return [UInt8](copying: message.span.rawBytes)
    }

    /// Whether anything of a message, or of a compression context, is kept.
    var isInUse: Bool { self.kind != nil || self.context != nil || !self.buffer.isEmpty }

    private mutating func validate(from start: Int) throws(ProtocolViolation) {
        guard self.kind == .text else { return }
        // A copy of three bytes: the compiler takes a span of the buffer for one of all of this value.
        var text = self.text
        let isValid = text.validate(self.buffer.span.rawBytes.extracting(droppingFirst: start))
        self.text = text
        if !isValid { throw ProtocolViolation(.textNotUTF8) }
    }

    private mutating func inflate(
        _ bytes: RawSpan, isFinal: Bool, deflate: ConnectionDeflate?, limits: Limits,
        _ delivery: Delivery
    ) throws(ProtocolViolation) {
        // Without an agreement no frame is taken for a compressed one.
        guard let deflate else { throw ProtocolViolation(.corruptDeflateData) }
        let context = if let context { context } else { try deflate.takeInflater() }
        self.context = context
        let limit = limits.largestMessage(delivery)
        let outcome = context.inflater.inflate(
            bytes, isFinal: isFinal, into: &self.buffer, limit: limit - self.passedBytes)
        switch outcome {
        case .done: break
        case .tooBig: throw ProtocolViolation(.messageTooLarge(limit: limit))
        case .corrupt: throw ProtocolViolation(.corruptDeflateData)
        }
    }

    /// Doubles, but never past the limit: what is held stays below twice what came, and below the limit.
    private mutating func reserve(_ count: Int, limit: Int) {
        let needed = self.buffer.count + count
        guard needed > self.buffer.capacity else { return }
        self.buffer.reserveCapacity(max(needed, min(self.buffer.capacity * 2, limit)))
    }
}
