/// One end of a WebSocket connection after the opening handshake, as a machine without I/O (RFC 6455 §5 to §8, RFC 7692).
///
/// The driver owns the memory, the socket and the clock. It gives the bytes it has read to ``next(in:from:now:)-(MutableRawSpan,_,_)`` again
/// and again and does what the returned ``Step`` says; it may stop at any time, which is backpressure, and may call
/// `send` and `close` between any two steps. A violation is never thrown: the machine queues its Close frame and the
/// steps say how the connection ends.
///
///     var connection = WebSocketConnection(role: .server, configuration: configuration, now: now)
///     while true {
///         switch connection.next(in: &bytes, from: &offset, now: now) {
///         case .message(let kind, let range): deliver(kind, bytes[range])
///         case .assembledMessage(let kind): deliver(kind, connection.takeMessage())
///         case .pong: continue
///         case .write: connection.writeControlFrames(maskingKey: nil, into: &output)
///         case .shutdownOutput: …
///         case .closeTransport: …
///         case .needMoreBytes: return
///         }
///     }
///
/// What it holds is bounded by ``Limits`` whatever arrives: one message in progress, one inflater and one deflater where
/// compression was negotiated, a few control frames.
public struct WebSocketConnection: ~Copyable {
    public let role: Role
    public let configuration: ConnectionConfiguration
    let deflate: ConnectionDeflate?
    private let memory: WorkingMemory?

    /// How messages are delivered that do not lie whole in the bytes at hand. Collected ones become pieces, and pieces
    /// collected ones, at any time; nobody gets the pieces twice that were delivered before.
    public var delivery = Delivery.collected

    private var closing = ClosingHandshake()
    private var keepAlive: KeepAlive
    private var controlFrameRate = ControlFrameRate()
    /// What exists only while a message comes in pieces, or compressed with a context that is kept.
    var incoming: IncomingMessage?
    /// The same for what is sent.
    private var outgoing: OutgoingMessage?

    /// Control frames to be written, without mask.
    private var controlFrames: [UInt8] = []
    private var isShutdownDue = false
    private var isEndTold = false
    /// Since when the driver has not been reading; the distant future while it does.
    private var heldSince = Timestamp.distantFuture
    /// How many bytes the last `.needMoreBytes` left to the driver.
    private var leftOver = 0

    /// - Parameters:
    ///   - role: which end this is.
    ///   - configuration: limits and keep-alive, shared with other connections of the kind.
    ///   - deflate: what the opening handshake agreed on, `nil` without compression.
    ///   - memory: where compression contexts come from that are not kept between messages, and memory for large
    ///     messages; by default all of it is made for each message.
    ///   - now: the instant of the opening handshake.
    public init(
        role: Role, configuration: ConnectionConfiguration, deflate: DeflateSettings? = nil,
        memory: WorkingMemory? = nil, now: Timestamp
    ) {
        self.role = role
        self.configuration = configuration
        self.memory = memory
        self.deflate = deflate.map {
            ConnectionDeflate($0, role: role, memory: memory ?? WorkingMemory(maxIdle: 0, maxMessageBytes: 0))
        }
        self.keepAlive = configuration.keepAlive.map { KeepAlive($0, now: now) } ?? .none
    }

    // MARK: State

    /// Whether messages may be sent: no Close frame was sent or received.
    public var isOpen: Bool { self.closing.isOpen }

    /// How the connection ended, once it has.
    public var closure: Closure? { self.closing.closure }

    /// Whether the opening handshake agreed on compression.
    public var isDeflateNegotiated: Bool { self.deflate != nil }

    /// Whether a part of a message has come, and not all of it.
    public var isReceivingMessage: Bool { self.incoming?.assembler.kind != nil }

    /// When ``timedOut(now:random:)`` is to be called at the latest; it may move with every other call.
    public var deadline: Timestamp? {
        var deadline = self.closing.deadline
        if let incoming, self.closing.readsFrames, self.isReading,
            let assembly = incoming.assembler.deadline(self.configuration.limits)
        {
            deadline = min(deadline ?? .distantFuture, assembly)
        }
        if self.closing.isOpen, self.keepAlive.deadline != .distantFuture {
            deadline = min(deadline ?? .distantFuture, self.keepAlive.deadline)
        }
        return deadline
    }

    /// What was agreed on compression, if anything was.
    public var deflateAgreement: PerMessageDeflate.Agreement? { self.deflate?.settings.agreement }

    var limits: Limits { self.configuration.limits }

    private var isReading: Bool { self.heldSince == .distantFuture }

    // MARK: Receiving

    /// Reads the next frame or message from `bytes`, beginning at `offset`, and moves `offset` past what was consumed.
    ///
    /// What is not consumed when the step is `.needMoreBytes` is at most a frame header or an unfinished control frame
    /// (130 bytes); the driver puts the bytes that come next behind it.
    public mutating func next(in bytes: inout MutableRawSpan, from offset: inout Int, now: Timestamp) -> Step {
        self.step(in: &bytes, from: &offset, now: now)
    }

    /// The same for memory that only a pointer names. `offset` lies within `bytes`.
    public mutating func next(
        in bytes: UnsafeMutableRawBufferPointer, from offset: inout Int, now: Timestamp
    ) -> Step {
        // Alive, initialized and not aliased: for the length of this call, which the caller promises with the pointer.
        var span = unsafe bytes.mutableBytes
        return self.step(in: &span, from: &offset, now: now)
    }

    @inline(__always)
    private mutating func step(in bytes: inout MutableRawSpan, from offset: inout Int, now: Timestamp) -> Step {
        precondition(offset >= 0 && offset <= bytes.byteCount, "offset outside of the bytes")
        // Nothing is left to be done, and frames are read: the short way.
        if self.closing.isOpen, self.controlFrames.isEmpty, !self.isShutdownDue,
            let step = self.readShortMessage(&bytes, &offset, now)
        {
            self.keepAlive.receivedBytes(now: now)
            self.leftOver = 0
            return step
        }
        return self.nextAtLength(in: &bytes, from: &offset, now: now)
    }

    @inline(never)
    private mutating func nextAtLength(
        in bytes: inout MutableRawSpan, from offset: inout Int, now: Timestamp
    ) -> Step {
        if let step = self.dueStep() { return step }
        // What was left over has been a sign of life once; only more than that is a new one.
        if bytes.byteCount &- offset > self.leftOver { self.keepAlive.receivedBytes(now: now) }
        self.leftOver = 0
        while true {
            guard self.closing.readsFrames else {
                self.closing.discarded(bytes.byteCount - offset)
                offset = bytes.byteCount
                return self.dueStep() ?? .needMoreBytes
            }
            let step =
                if let incoming, let frame = incoming.frame {
                    self.readPayload(of: frame, incoming, &bytes, &offset, now)
                } else {
                    self.readFrame(&bytes, &offset, now)
                }
            if let step {
                if case .needMoreBytes = step { self.leftOver = bytes.byteCount &- offset }
                return step
            }
        }
    }

    /// What an earlier call has left to be done.
    @inline(__always)
    private mutating func dueStep() -> Step? {
        if !self.controlFrames.isEmpty { return .write }
        if self.isShutdownDue {
            self.isShutdownDue = false
            return .shutdownOutput
        }
        if self.closing.hasEnded, !self.isEndTold {
            self.isEndTold = true
            self.incoming = nil
            return .closeTransport
        }
        return nil
    }

    /// A frame begins at `offset`. Returns `nil` to be called again.
    private mutating func readFrame(
        _ bytes: inout MutableRawSpan, _ offset: inout Int, _ now: Timestamp
    ) -> Step? {
        switch FrameHeader.decode(bytes.bytes.extracting(droppingFirst: offset)) {
        case .needMoreBytes:
            if let violation = self.violation(ofFirstByteOf: bytes.bytes, at: offset) {
                return self.fail(violation, now)
            }
            return .needMoreBytes
        case .violation(let violation):
            // What the first byte makes certain comes first, however the bytes were cut.
            return self.fail(self.violation(ofFirstByteOf: bytes.bytes, at: offset) ?? violation, now)
        case .header(let header, let headerBytes):
            if let violation = self.violation(of: header) { return self.fail(violation, now) }
            let start = offset &+ headerBytes
            // The check above has compared the length with a limit that is an Int.
            let payloadBytes = Int(truncatingIfNeeded: header.payloadBytes)
            let isWhole = payloadBytes <= bytes.byteCount &- start
            if header.opcode.isControl {
                guard isWhole else { return .needMoreBytes }
                offset = start &+ payloadBytes
                header.maskingKey?.apply(to: &bytes, in: start..<offset)
                return self.received(header.opcode, bytes.bytes.extracting(start..<offset), now)
            }
            if isWhole, header.isFinal, header.reservedBits.isEmpty,
                let kind = MessageKind(rawValue: header.opcode.rawValue)
            {
                let limit = self.limits.largestMessage(self.delivery)
                if payloadBytes > limit {
                    return self.delivery == .undecided
                        ? .awaitsDelivery : self.fail(.init(.messageTooLarge(limit: limit)), now)
                }
                let range = start..<(start &+ payloadBytes)
                header.maskingKey?.apply(to: &bytes, in: range)
                offset = range.upperBound
                if kind == .text, !UTF8Validator.isValid(bytes.bytes.extracting(range)) {
                    return self.fail(.init(.textNotUTF8), now)
                }
                return .message(kind, range)
            }
            if self.delivery == .undecided, header.opcode != .continuation { return .awaitsDelivery }
            let incoming = self.incoming ?? IncomingMessage()
            self.incoming = incoming
            do throws(ProtocolViolation) {
                try incoming.assembler.beginFrame(header, self.delivery, now: now, limits: self.limits)
            } catch { return self.fail(error, now) }
            incoming.frame = header
            incoming.frameBytesLeft = header.payloadBytes
            offset = start
            return nil
        }
    }

    /// The commonest frame there is: a client's message of at most 125 bytes, whole and not compressed. It does what
    /// ``readFrame(_:_:_:)`` would do, in fewer steps. `nil` for every other frame, of which nothing was touched.
    @inline(__always)
    private mutating func readShortMessage(
        _ bytes: inout MutableRawSpan, _ offset: inout Int, _ now: Timestamp
    ) -> Step? {
        // Two bytes of header, four of masking key.
        let start = offset &+ 6
        guard start <= bytes.byteCount, self.role == .server, self.incoming == nil else { return nil }
        // In bounds, all three loads: `offset` is not negative, and they end at `start`. Any bits are an integer.
        let first = unsafe bytes.unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self)
        let second = unsafe bytes.unsafeLoad(fromUncheckedByteOffset: offset &+ 1, as: UInt8.self)
        let count = Int(second & 0x7F)
        let limits = self.configuration.limits
        // FIN and the opcode, no reserved bits; masked.
        guard let kind = MessageKind(rawValue: first ^ 0x80), second & 0x80 != 0, count < 126,
            count <= bytes.byteCount &- start, count <= limits.maxMessageBytes,
            count <= limits.largestFrame(isCompressed: false)
        else { return nil }
        let word = unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: offset &+ 2, as: UInt32.self)
        let key = MaskingKey(word: UInt32(littleEndian: word))
        offset = start &+ count
        key.apply(to: &bytes, in: start..<offset)
        if kind == .text, !UTF8Validator.isValid(bytes.bytes.extracting(start..<offset)) {
            return self.fail(.init(.textNotUTF8), now)
        }
        return .message(kind, start..<offset)
    }

    /// More of a data frame that is not delivered from the read buffer. Returns `nil` to be called again.
    private mutating func readPayload(
        of header: FrameHeader, _ incoming: IncomingMessage, _ bytes: inout MutableRawSpan,
        _ offset: inout Int, _ now: Timestamp
    ) -> Step? {
        do throws(ProtocolViolation) {
            if self.delivery == .inPieces { return try self.readPiece(of: header, incoming, &bytes, &offset, now) }
            let piece = incoming.takePayload(of: header, &bytes, &offset, atMost: .max)
            if piece.isEmpty, incoming.frameBytesLeft > 0 { return .needMoreBytes }
            if !piece.isEmpty {
                try incoming.assembler.append(
                    bytes.bytes.extracting(piece), deflate: self.deflate, memory: self.memory, limits: self.limits)
            }
            if incoming.frameBytesLeft > 0 { return .needMoreBytes }
            incoming.frame = nil
            guard header.isFinal else { return nil }
            return .assembledMessage(try incoming.assembler.finish(deflate: self.deflate, limits: self.limits))
        } catch { return self.fail(error, now) }
    }

    /// The message of the last `.assembledMessage` step. It is the caller's; a second call gives an empty one.
    public mutating func takeMessage() -> [UInt8] {
        guard let incoming else { return [] }
        let message = incoming.assembler.take()
        if !incoming.assembler.isInUse { self.incoming = nil }
        return message
    }

    /// What the first byte of a frame makes certain, if it has come.
    private func violation(ofFirstByteOf bytes: RawSpan, at offset: Int) -> ProtocolViolation? {
        guard offset < bytes.byteCount else { return nil }
        let first = bytes.byte(at: offset)
        guard let opcode = Opcode(rawValue: first & 0x0F) else { return nil }
        return self.violation(of: opcode, ReservedBits(rawValue: first & 0x70))
    }

    /// What depends on this connection: extensions, the message in progress, the role, the limits.
    @inline(__always)
    private func violation(of header: FrameHeader) -> ProtocolViolation? {
        if let violation = self.violation(of: header.opcode, header.reservedBits) { return violation }
        // RFC 6455 §5.1
        switch self.role {
        case .server: if header.maskingKey == nil { return .init(.frameNotMasked) }
        case .client: if header.maskingKey != nil { return .init(.frameMasked) }
        }
        if !header.opcode.isControl,
            header.payloadBytes > UInt64(self.configuration.limits.largestFrame(isCompressed: false))
        {
            return self.violation(ofLargeFrame: header)
        }
        return nil
    }

    private func violation(ofLargeFrame header: FrameHeader) -> ProtocolViolation? {
        let isCompressed =
            header.opcode == .continuation
            ? self.incoming?.assembler.isCompressed ?? false : header.reservedBits.contains(.rsv1)
        let limit = self.limits.largestFrame(isCompressed: isCompressed)
        return header.payloadBytes > UInt64(limit)
            ? .init(.frameTooLarge(bytes: header.payloadBytes, limit: limit)) : nil
    }

    @inline(__always)
    private func violation(of opcode: Opcode, _ reservedBits: ReservedBits) -> ProtocolViolation? {
        if !reservedBits.isEmpty {
            // RFC 7692 §6: only on the first frame of a message.
            let isCompressed =
                reservedBits == .rsv1 && self.deflate != nil && !opcode.isControl && opcode != .continuation
            if !isCompressed { return .init(.reservedBitsSet(reservedBits)) }
        }
        // RFC 6455 §5.4
        switch opcode {
        case .continuation: return self.isInMessage ? nil : .init(.continuationWithoutMessage)
        case .text, .binary: return self.isInMessage ? .init(.messageInsideMessage) : nil
        case .close, .ping, .pong: return nil
        }
    }

    /// A fragmented message is not complete.
    @inline(__always)
    private var isInMessage: Bool {
        guard let incoming else { return false }
        return incoming.assembler.kind != nil
    }

    /// A control frame came, whole. Returns `nil` if there is nothing to do for it.
    private mutating func received(_ opcode: Opcode, _ payload: RawSpan, _ now: Timestamp) -> Step? {
        switch opcode {
        case .ping, .pong:
            guard self.controlFrameRate.admits(now: now, limits: self.limits) else {
                let limits = self.limits
                return self.fail(
                    .init(
                        .tooManyControlFrames(perSecond: limits.controlFramesPerSecond, burst: limits.controlFrameBurst)
                    ),
                    now)
            }
            if opcode == .pong {
                return .pong(payload.byteCount == 8 ? UInt64(bigEndian: payload.load(at: 0, as: UInt64.self)) : nil)
            }
            // RFC 6455 §5.5.2: also after our own Close frame; behind the peer's no frame is read.
            self.queue(.pong, payload)
            return .write
        case .close:
            do throws(ProtocolViolation) {
                let close = try Close(payload: payload)
                if let answer = self.closing.received(close, role: self.role, now: now, limits: self.limits) {
                    self.queue(answer)
                }
                self.incoming = nil
                return self.dueStep()
            } catch { return self.fail(error, now) }
        case .continuation, .text, .binary:
            preconditionFailure("not a control frame")
        }
    }

    /// RFC 6455 §7.1.7
    private mutating func fail(_ violation: ProtocolViolation, _ now: Timestamp) -> Step {
        self.failed(violation, now)
        return self.dueStep() ?? .needMoreBytes
    }

    private mutating func failed(_ violation: ProtocolViolation, _ now: Timestamp) {
        if let close = self.closing.fail(violation, now: now, limits: self.limits) { self.queue(close) }
        self.isShutdownDue = true
        self.incoming = nil
    }

    // MARK: Sending

    /// Whether a fragmented message is being sent, and is not finished: no other may begin (RFC 6455 §5.4).
    public var isSendingFragments: Bool {
        guard let outgoing else { return false }
        return outgoing.encoder.isInMessage
    }

    /// Prepares a message, or a fragment of one, and compresses it where that was negotiated.
    ///
    /// Write it with ``encode(_:_:into:)`` before anything else is sent: compression depends on the order.
    /// - Parameters:
    ///   - payload: all of a message or fragment; text is valid UTF-8, which is not checked here.
    ///   - kind: of the message; for its later fragments it is not looked at.
    ///   - position: where in its message the payload stands; by default it is the whole message.
    ///   - compress: `false` sends the message uncompressed although compression was negotiated, as secrets in the
    ///     same message with text of others should be (RFC 7692 §8). Short messages are sent uncompressed anyway.
    ///   - maskingKey: fresh and unpredictable for a client, `nil` for a server (RFC 6455 §5.3).
    public mutating func frame(
        for payload: RawSpan, as kind: MessageKind, position: FramePosition = .whole, compress: Bool = true,
        maskingKey: MaskingKey?
    ) throws(SendError) -> OutgoingFrame {
        guard self.closing.isOpen else { throw .closed }
        if self.deflate == nil, self.outgoing == nil, position == .whole {
            let header = FrameHeader(
                opcode: kind == .text ? .text : .binary, maskingKey: maskingKey, payloadBytes: payload.byteCount)
            return OutgoingFrame(header: header, isCompressed: false)
        }
        let outgoing = self.outgoing ?? OutgoingMessage()
        self.outgoing = outgoing
        defer { if !outgoing.encoder.isInUse { self.outgoing = nil } }
        return try outgoing.encoder.frame(
            payload, kind, position, compress: compress, deflate: self.deflate, maskingKey: maskingKey)
    }

    /// Writes a whole message of a server as it is, if that is all there is to do: no compression was negotiated and no
    /// fragmented message is unfinished. It does what ``frame(for:as:position:compress:maskingKey:)`` and
    /// ``encode(_:_:into:)`` would do, in fewer steps.
    ///
    /// - Parameters:
    ///   - payload: all bytes of the message; text is valid UTF-8, which is not checked here.
    ///   - kind: whether they are text.
    ///   - destination: where to.
    /// - Returns: how many bytes were written; 0 if the other way must be taken, or there is no room.
    public func encodeWhole(
        _ payload: RawSpan, as kind: MessageKind, into destination: UnsafeMutableRawBufferPointer
    ) -> Int {
        guard self.closing.isOpen, self.role == .server, self.deflate == nil, self.outgoing == nil else { return 0 }
        // Alive: for this call, which the caller promises with the pointer. In bounds: `encodeShort` compares with the room.
        return unsafe FrameHeader.encodeShort(payload, as: kind, into: destination)
    }

    /// Writes `frame`, which was made of `payload`, to `destination`, which has room for its ``OutgoingFrame/byteCount``.
    public mutating func encode(
        _ frame: OutgoingFrame, _ payload: RawSpan, into destination: UnsafeMutableRawBufferPointer
    ) -> Int {
        // Alive, in both: for this call, which the caller promises with the pointer. In bounds: `encode` compares with the room.
        guard frame.isCompressed, let outgoing else { return unsafe frame.header.encode(payload, into: destination) }
        defer { if !outgoing.encoder.isInUse { self.outgoing = nil } }
        return unsafe outgoing.encoder.encode(frame, payload, into: destination, deflate: self.deflate)
    }

    /// The whole frame of `message`, compressed where that was negotiated, to be written as it is.
    ///
    /// - Returns: `nil` if this connection has to make a frame of its own of the message's payload, with
    ///   ``frame(for:as:position:compress:maskingKey:)``: a client masks it, and whoever keeps a compression context
    ///   compresses it there.
    public func preparedFrame(of message: PreparedMessage) throws(SendError) -> [UInt8]? {
        guard self.role == .server else { return nil }
        guard self.closing.isOpen else { throw .closed }
        if let outgoing, outgoing.encoder.isInMessage { throw .messageInProgress }
        guard let deflate, deflate.compresses(message.byteCount, .whole) else { return message.frame }
        return deflate.dropsSentContext ? try message.compressedFrame(deflate) : nil
    }

    /// Begins the closing handshake; the next step is `.write`. Only the first call counts (RFC 6455 §7.1.2).
    public mutating func close(_ close: Close, now: Timestamp) {
        if self.closing.close(close, now: now, limits: self.limits) { self.queue(close) }
    }

    /// Sends a ping; the next step is `.write`. The payload comes back in a `.pong` step.
    public mutating func ping(_ payload: UInt64) {
        guard self.closing.isOpen else { return }
        let bytes = [8 of UInt8] { UInt8(truncatingIfNeeded: payload >> (56 - 8 * UInt64($0))) }
        self.queue(.ping, bytes.span.rawBytes)
    }

    /// Writes the control frames that are due to the end of `output`.
    ///
    /// - Parameters:
    ///   - maskingKey: called for each frame; `nil` for a server.
    ///   - output: called for each frame with the most bytes it may take and a closure that writes them to the
    ///     beginning of the given memory, and returns how many it wrote.
    public mutating func writeControlFrames(
        maskingKey: (() -> MaskingKey)?, into output: (Int, (UnsafeMutableRawBufferPointer) -> Int) -> Void
    ) {
        let frames = self.controlFrames
        self.controlFrames = []
        var index = 0
        while index + 2 <= frames.count {
            let end = index + 2 + Int(frames[index + 1])
            guard let opcode = Opcode(rawValue: frames[index] & 0x0F), end <= frames.count else { return }
            let header = FrameHeader(opcode: opcode, maskingKey: maskingKey?(), payloadBytes: end - index - 2)
            let payload = frames.span.extracting((index + 2)..<end).rawBytes
            // Alive: while `output` has given the memory. In bounds: `encode` compares with the room.
            unsafe output(header.headerBytes + payload.byteCount) { unsafe header.encode(payload, into: $0) }
            index = end
        }
    }

    /// The last frame but for pongs: no message is sent after it.
    private mutating func queue(_ close: Close) {
        self.outgoing = nil
        self.queue(.close, close.payload.span.rawBytes)
    }

    private mutating func queue(_ opcode: Opcode, _ payload: RawSpan) {
        let payload = payload.extracting(first: FrameHeader.maxControlPayloadBytes)
        self.controlFrames.append(opcode.rawValue)
        self.controlFrames.append(UInt8(payload.byteCount))
        self.controlFrames.append(contentsOf: payload)
    }

    // MARK: Time and transport

    /// A deadline passed, perhaps: calling it too early or twice does nothing. Steps may follow.
    ///
    /// - Parameters:
    ///   - now: the time, as everywhere.
    ///   - random: for the payload of pings and the jitter of their intervals.
    public mutating func timedOut(now: Timestamp, random: inout some RandomNumberGenerator) {
        self.closing.timedOut(now: now)
        let limits = self.limits
        // The time in which this end does not read is not the peer's.
        if self.closing.readsFrames, self.isReading, let deadline = self.incoming?.assembler.deadline(limits),
            deadline <= now
        {
            self.failed(.init(.messageTooSlow(limit: limits.assemblyTimeout)), now)
        }
        if self.closing.isOpen, let configuration = self.configuration.keepAlive {
            let isReading = self.isReading
            let action = self.keepAlive.timedOut(
                now: now, isReading: isReading, configuration: configuration, random: &random)
            switch action {
            case .sendPing(let payload): self.ping(payload)
            case .fail: self.giveUp(.keepAlive)
            case .none: break
            }
        }
    }

    /// The driver waited in vain, for room to write for example, and gives up. Steps follow.
    public mutating func giveUp(_ wait: Closure.Wait) {
        if let close = self.closing.giveUp(wait, Close(.goingAway, reason: "timed out")) { self.queue(close) }
    }

    /// The driver has stopped reading, or reads again. While it does not read, the peer's silence is no fault, and what
    /// comes all at once afterwards was sent all the time.
    public mutating func setReading(_ isReading: Bool, now: Timestamp) {
        guard isReading else {
            if self.isReading { self.heldSince = now }
            return
        }
        if self.isReading { return }
        let heldSince = self.heldSince
        self.heldSince = .distantFuture
        self.incoming?.assembler.notReading(from: heldSince, to: now)
        self.keepAlive.receivedBytes(now: now)
        self.controlFrameRate.notReading(from: heldSince, to: now)
    }

    /// The transport ended, or broke. The step `.closeTransport` follows.
    public mutating func transportEnded(_ failure: Closure.TransportFailure) {
        self.closing.transportEnded(failure)
        if self.closing.hasEnded {
            self.outgoing = nil
            self.controlFrames = []
            self.isShutdownDue = false
        }
    }
}
