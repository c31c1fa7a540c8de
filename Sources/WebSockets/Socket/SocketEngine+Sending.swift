import Synchronization
public import WebSocketCore

/// What an application sends, and how it gets to the transport.
extension SocketEngine {
    @usableFromInline
    final var isOpen: Bool { self.connection.isOpen && !self.isFinished && !self.hasStreamEnded }

    /// Whether a task that wants to send has to wait: for room, or for the end of a message that another one sends in
    /// pieces.
    final func hasToWait(_ position: FramePosition) -> Bool {
        self.isOutputBlocked || self.connection.isSendingFragments && (position == .whole || position == .first)
    }

    /// Sends a message, or a fragment, without waiting.
    @usableFromInline
    final func send(
        _ payload: RawSpan, as kind: MessageKind, position: FramePosition = .whole, compress: Bool = true
    ) -> SendStatus {
        if position == .whole, let status = self.corkWhole(payload, kind) { return status }
        if let refusal = self.refusal(of: payload.byteCount) { return .dropped(refusal) }
        do throws(SendError) {
            let frame = try self.connection.frame(
                for: payload, as: kind, position: position, compress: compress, maskingKey: self.maskingKey())
            if payload.byteCount >= Self.directBytes, self.sendsDirectly, !frame.isCompressed,
                frame.header.maskingKey == nil
            {
                self.cork(frame.header.headerBytes) { frame.header.encode(into: $0) }
                self.flushDirectly(payload)
            } else {
                self.cork(frame.byteCount) { self.connection.encode(frame, payload, into: $0) }
            }
        } catch {
            SocketMetrics.dropped(.refused(error))
            return .dropped(.refused(error))
        }
        return self.sent()
    }

    /// Sends a message that is encoded already, where the connection can make use of that.
    @usableFromInline
    final func send(_ message: PreparedMessage) -> SendStatus {
        guard self.isOpen else { return .dropped(.closed) }
        do throws(SendError) {
            guard let frame = try self.connection.preparedFrame(of: message) else {
                return message.withPayload { self.send($0, as: message.kind) }
            }
            if let refusal = self.refusal(of: message.byteCount) { return .dropped(refusal) }
            if frame.count >= Self.directBytes, self.sendsDirectly {
                self.flushDirectly(frame.span.bytes)
            } else {
                self.cork(frame.count) { memory in
                    frame.withUnsafeBytes { memory.copyMemory(from: $0) }
                    return frame.count
                }
            }
        } catch {
            SocketMetrics.dropped(.refused(error))
            return .dropped(.refused(error))
        }
        return self.sent()
    }

    /// The commonest case in the fewest steps: a whole message during a burst, with nothing in its way. `nil` for all
    /// others, of which nothing was done.
    @inline(__always)
    private func corkWhole(_ payload: RawSpan, _ kind: MessageKind) -> SendStatus? {
        guard let burst, self.pressure == nil, !self.hasStreamEnded,
            self.waitingBytes < self.settings.outbox.highWaterBytes
        else { return nil }
        let count = self.connection.encodeWhole(payload, as: kind, into: burst.pointee.room)
        if count == 0 { return nil }
        burst.pointee.corked &+= count
        self.corkedBytes &+= count
        self.waitingBytes &+= count
        return self.waitingBytes < self.settings.outbox.highWaterBytes ? .written : self.sent()
    }

    /// Why so many bytes cannot be sent now, if they cannot.
    @inline(__always)
    private func refusal(of byteCount: Int) -> SendStatus.DropReason? {
        guard self.isOpen else { return .closed }
        guard self.pressure != nil || self.waitingBytes >= self.settings.outbox.highWaterBytes,
            !self.inPressure.gauge.admits(byteCount, waiting: self.waitingBytes, limits: self.settings.outbox)
        else { return nil }
        self.tasks?.remote.isFull.store(true, ordering: .relaxed)
        SocketMetrics.dropped(.outboxFull)
        return .outboxFull
    }

    /// Sends what was corked, and `bytes` from where they lie.
    private func flushDirectly(_ bytes: RawSpan) {
        self.passCork()
        self.corkedBytes = 0
        self.lifespan?.moved(at: self.loop.now)
        self.waitingBytes = bytes.withUnsafeBytes { self.flush(followedBy: $0) }
        self.noteBlocked()
    }

    @inline(__always)
    private func sent() -> SendStatus {
        self.wrote()
        let now = self.waitingBytes
        return now < self.settings.outbox.highWaterBytes ? .written : .queued(bytes: now)
    }

    // MARK: The way out

    /// From this size on a message is not copied before it is written.
    private static let directBytes = 16 << 10

    /// Adds `count` bytes at most, those that the closure writes: to the burst's cork if there is room, to the transport's
    /// otherwise.
    func cork(_ count: Int, _ body: (UnsafeMutableRawBufferPointer) -> Int) {
        let written: Int
        if let burst, burst.pointee.room.count >= count {
            written = body(burst.pointee.room)
            burst.pointee.corked &+= written
        } else {
            self.passCork()
            written = self.write(count, body)
        }
        self.corkedBytes &+= written
        self.waitingBytes &+= written
    }

    /// What was corked during this burst goes to the transport, before something else does.
    private func passCork() {
        guard let burst, burst.pointee.corked > 0 else { return }
        let bytes = burst.pointee.takeCorked()
        _ = self.write(bytes.count) { memory in
            memory.copyMemory(from: bytes)
            return bytes.count
        }
    }

    /// Hands everything to the system.
    func flush() {
        if let lifespan { lifespan.flushed(self.corkedBytes, at: self.loop.now) }
        self.corkedBytes = 0
        if let burst, burst.pointee.corked > 0 {
            self.waitingBytes = self.flush(followedBy: burst.pointee.takeCorked())
        } else {
            self.waitingBytes = self.flushTransport()
        }
    }

    func maskingKey() -> MaskingKey? {
        switch self.connection.role {
        case .client: MaskingKey(word: self.loop.random.next())
        case .server: nil
        }
    }

    /// Something was written: it leaves when the burst ends, or the turn, or at once if it is much.
    func wrote() {
        if self.corkedBytes >= self.settings.outbox.highWaterBytes {
            self.flush()
            self.noteBlocked()
        }
        // Also after a flush: the end of the turn tells other threads what waits, stops reading and arms the timer.
        if !self.isConsuming, !self.isFlushScheduled {
            self.isFlushScheduled = true
            self.loop.flushSoon(self)
        }
    }

    func noteBlocked() {
        guard !self.isOutputBlocked, !self.hasStreamEnded,
            self.waitingBytes >= self.settings.outbox.highWaterBytes
        else { return }
        self.isOutputBlocked = true
        self.awaitProgress(from: self.loop.now)
    }
}
