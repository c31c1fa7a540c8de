import Synchronization
public import WebSocketCore

/// One open connection on its event loop: the protocol machine between a transport below and a consumer above.
///
///     bytes ──▶ received ──▶ machine ──▶ pull() ──▶ consumer
///     transport ◀── turnEnded ◀── write ◀── machine ◀── send, close
///
/// A transport is a subclass: it implements the hooks at the end and calls the inputs. All of it happens on the loop.
/// Everything sent while one burst of bytes is consumed leaves in one write when the burst ends.
@usableFromInline
class SocketEngine: LoopMember, @unchecked Sendable {
    // `@unchecked`: references travel between threads, everything else stays on the loop. `WebSocket` sees to that.

    let loop: LoopServices
    let settings: SharedSettings
    let remoteAddress: String
    let subprotocol: String?
    /// Unchecked, as everything is that a message touches: the loop sees to it that nobody else is here, and no call
    /// that leads to a consumer or to the transport is made while one of these is being changed.
    @exclusivity(unchecked) final var connection: WebSocketConnection
    @exclusivity(unchecked) private(set) var consumer: Consumer?
    /// The consumer, if it is one for tasks; also after the end: what it has kept may still be received.
    let asyncConsumer: AsyncConsumer?

    /// What tasks and other threads need; made with the first ``WebSocket`` of the connection.
    @exclusivity(unchecked) final var tasks: SocketTasks?

    /// The burst that is being consumed, which lives on the stack of ``consume(_:)``; `nil` between bursts.
    @exclusivity(unchecked) final var burst: UnsafeMutablePointer<Burst>?
    /// Bytes the machine has not consumed, from `unreadStart` on: the beginning of a frame, or what an application is
    /// too slow for.
    @exclusivity(unchecked) private var unread: [UInt8] = []
    @exclusivity(unchecked) private var unreadStart = 0
    /// Bytes that wait to be written, and those of them that have not been handed to the transport.
    @exclusivity(unchecked) final var waitingBytes = 0
    @exclusivity(unchecked) final var corkedBytes = 0
    /// Exists only while the outbox is full, or the peer has ended the stream.
    @exclusivity(unchecked) final var pressure: Pressure?
    @exclusivity(unchecked) private var isReading = true
    /// More than the high-water mark waits, until less than the low-water mark does.
    @exclusivity(unchecked) final var isOutputBlocked = false
    @exclusivity(unchecked) final var isFlushScheduled = false
    /// Frames that bursts have brought; whoever looks sets it back.
    @exclusivity(unchecked) final var framesReceived: Int32 = 0
    /// The peer has ended the stream behind bytes that the consumer has not been ready for. It has so long to take some.
    @exclusivity(unchecked) private var streamEnd = StreamEnd.none

    private enum StreamEnd {
        case none
        /// Behind bytes that the transport has not read.
        case unread
        /// Everything is here.
        case here
    }

    final var hasStreamEnded: Bool { self.streamEnd != .none }

    final var isConsuming: Bool { self.burst != nil }

    /// The consumer is being called. What happens meanwhile, by what it does or because the transport breaks under a
    /// write, is told to it when it has returned: calls never nest.
    @exclusivity(unchecked) private var isTelling = false
    @exclusivity(unchecked) private var isEndDue = false
    @exclusivity(unchecked) private var hasStarted = false
    /// It is over: nothing happens any more.
    @exclusivity(unchecked) private(set) final var isFinished = false
    @exclusivity(unchecked) private var isConsumerDone = false
    @exclusivity(unchecked) private var isTransportClosed = false
    let isSecure: Bool

    /// How it ended, once it has.
    final var closure: Closure? { self.isFinished ? self.connection.closure : nil }

    init(
        role: Role, loop: LoopServices, settings: SharedSettings, info: SocketInfo, consumer: Consumer
    ) {
        self.loop = loop
        self.settings = settings
        self.remoteAddress = info.remoteAddress
        self.subprotocol = info.subprotocol
        self.isSecure = info.isSecure
        self.consumer = consumer
        self.asyncConsumer = consumer as? AsyncConsumer
        self.tasks = self.asyncConsumer == nil ? nil : SocketTasks(info)
        let deflate = info.deflate.flatMap { agreement in
            settings.deflate.map { DeflateSettings(agreement: agreement, configuration: $0) }
        }
        self.connection = WebSocketConnection(
            role: role, configuration: settings.connection, deflate: deflate, memory: loop.workingMemory,
            now: loop.now)
        super.init()
    }

    // MARK: Input from the transport

    /// The transport was given bytes before this engine was: they leave with the first ones.
    final func beginsBehind(_ count: Int) {
        self.corkedBytes = count
        self.waitingBytes = count
    }

    /// The transport is ready. Call it once. If it has ended before, the consumer never hears of the connection.
    final func start() {
        guard !self.isFinished else { return }
        self.hasStarted = true
        if self.settings.limitsLife {
            let lifespan = Lifespan(self.settings, now: self.loop.now, random: &self.loop.random)
            self.loop.lifespans[ObjectIdentifier(self)] = lifespan
        }
        SocketMetrics.opened()
        self.tell { $0.opened(self) }
        self.readOn()
    }

    /// Bytes came. They are copied before this returns.
    final func received(_ bytes: UnsafeRawBufferPointer) {
        guard !self.isFinished else { return }
        if self.canConsume, self.unread.isEmpty {
            let consumed = self.loop.receiveBuffer.lend(bytes.count, filledBy: { $0.copyMemory(from: bytes) }) {
                self.consume($0)
            }
            // What came meanwhile, if anything did, stands behind the rest.
            if consumed < bytes.count, !self.isFinished {
                self.unread.insert(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[consumed...]), at: 0)
            }
        } else {
            self.unread.append(contentsOf: bytes)
            self.consumeUnread()
        }
        self.turnEnded()
    }

    /// Bytes came into memory that may be changed: messages are delivered from where they lie.
    ///
    /// - Parameters:
    ///   - memory: the bytes, lent until this returns.
    ///   - headroom: how many bytes before them may be overwritten.
    final func received(in memory: UnsafeMutableRawBufferPointer, headroom: Int) {
        guard !self.isFinished, let start = memory.baseAddress else { return }
        let held = self.unread.count - self.unreadStart
        guard self.canConsume, held <= headroom else {
            self.unread.append(contentsOf: memory)
            self.consumeUnread()
            self.turnEnded()
            return
        }
        // The beginning of a frame that came earlier is put before the rest of it.
        let bytes = UnsafeMutableRawBufferPointer(start: start - held, count: held + memory.count)
        if held > 0 {
            self.unread.withUnsafeBytes { bytes.copyMemory(from: .init(rebasing: $0[self.unreadStart...])) }
            self.unread = []
            self.unreadStart = 0
        }
        let consumed = self.consume(bytes)
        // What came meanwhile, if anything did, stands behind the rest.
        if consumed < bytes.count, !self.isFinished {
            self.unread.insert(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[consumed...]), at: 0)
        }
        self.turnEnded()
    }

    /// The transport ended or broke.
    ///
    /// What came before an orderly end is still delivered, as the consumer becomes ready for it: messages, and perhaps
    /// the Close frame that makes the end a clean one.
    final func transportEnded(_ failure: Closure.TransportFailure) {
        if failure == .endOfStream, !self.isConsuming, !self.unread.isEmpty, !self.isFinished {
            self.streamEnds(.here)
            return
        }
        self.connection.transportEnded(failure)
        self.settle()
    }

    /// The peer has ended the stream behind bytes that the transport has not read, because it was told to stop.
    final func transportEnding() {
        if !self.isFinished, !self.hasStreamEnded { self.streamEnds(.unread) }
    }

    private func streamEnds(_ end: StreamEnd) {
        self.streamEnd = end
        self.inPressure.streamEndDeadline = self.loop.now + self.settings.connection.limits.closeTimeout
        self.tasks?.remote.isClosed.store(true, ordering: .relaxed)
        // Nothing can be written any more, so there is nothing to wait for.
        self.isOutputBlocked = false
        self.tasks?.resumeSenders()
        self.readOn()
    }

    /// The transport has taken some of what waited; so many bytes are left with it.
    final func outputDrained(to left: Int) {
        self.waitingBytes = self.corkedBytes + left
        self.turnEnded()
    }

    /// The consumer can take messages again.
    final func readOn() {
        self.consumeUnread()
        self.turnEnded()
    }

    private var canConsume: Bool { !self.isConsuming && !self.isTelling && !self.isHeld }

    /// Bytes stay unparsed for now: the peer does not read what we write, or the consumer takes nothing.
    private var isHeld: Bool { self.isOutputBlocked || !(self.consumer?.isReady ?? true) }

    /// Calls the consumer, then tells it what has happened meanwhile.
    private func tell(_ call: (Consumer) -> Void) {
        guard let consumer = self.consumer else { return }
        self.isTelling = true
        call(consumer)
        self.isTelling = false
        if self.isEndDue { self.tellEnd() }
    }

    /// Consumes what was left, no more at a time than the receive buffer holds, until the consumer has had enough.
    private func consumeUnread() {
        while self.canConsume, !self.isFinished, self.unreadStart < self.unread.count {
            let start = self.unreadStart
            let count = min(self.unread.count - start, ReceiveBuffer.byteCount)
            let consumed = self.loop.receiveBuffer.lend(
                count,
                filledBy: { target in
                    self.unread.withUnsafeBytes {
                        target.copyMemory(from: .init(rebasing: $0[start..<(start + count)]))
                    }
                },
                { self.consume($0) })
            if self.isFinished || consumed == 0 { break }
            self.unreadStart += consumed
        }
        if self.unreadStart == self.unread.count {
            self.unread = []
            self.unreadStart = 0
        } else if self.unreadStart > self.unread.count / 2 {
            self.unread.removeFirst(self.unreadStart)
            self.unreadStart = 0
        }
    }

    /// Lets the consumer pull messages out of `buffer`, and says how many bytes were consumed.
    private func consume(_ buffer: UnsafeMutableRawBufferPointer) -> Int {
        var burst = Burst(bytes: buffer, time: self.loop.now)
        if self.sendsDirectly { burst.cork = self.loop.corkMemory.take() }
        withUnsafeMutablePointer(to: &burst) { pointer in
            self.burst = pointer
            self.tell { $0.consume(self) }
            if self.consumer == nil { _ = self.pull() }
            if pointer.pointee.corked > 0 {
                self.flush()
                self.noteBlocked()
            }
            self.burst = nil
        }
        self.loop.corkMemory.give(burst.cork)
        self.framesReceived &+= Int32(truncatingIfNeeded: burst.frames)
        if let lifespan, burst.frames > burst.controlFrames { lifespan.moved(at: burst.time) }
        if burst.offset > 0, self.hasStreamEnded {
            self.pressure?.streamEndDeadline = burst.time + self.settings.connection.limits.closeTimeout
        }
        return burst.offset
    }

    // MARK: Pulled by the consumer

    /// What a pull brings.
    @usableFromInline
    enum Pulled {
        /// A message that lies in the receive buffer: valid until the next pull, and no longer than the burst.
        case view(MessageKind, UnsafeRawBufferPointer)
        /// A message that was collected.
        case owned(MessageKind, [UInt8])
        case nothing
    }

    /// The next message of the burst that is being consumed. Control frames are dealt with on the way.
    @usableFromInline
    final func pull() -> Pulled {
        guard let burst, !self.isOutputBlocked, !self.isFinished else {
            if self.isOutputBlocked || self.isFinished { self.takeDueSteps() }
            return .nothing
        }
        burst.pointee.frames &+= 1
        let step = self.connection.next(
            in: burst.pointee.bytes, from: &burst.pointee.offset, now: burst.pointee.time)
        guard case .message(let kind, let range) = step else { return self.pullOn(step) }
        return .view(kind, Self.view(range, of: burst.pointee.bytes))
    }

    /// The next message for the task that receives, if there is one now. On the loop.
    @usableFromInline
    final func take() -> Pulled { self.asyncConsumer?.take(self) ?? .nothing }

    /// A message that was pulled is not needed any more.
    @usableFromInline
    final func recycle(_ message: consuming [UInt8]) { self.loop.workingMemory.give(message) }

    /// There is something else than a message that lies in the receive buffer.
    @inline(never)
    private func pullOn(_ step: Step) -> Pulled {
        var step = step
        while true {
            guard let burst else { return .nothing }
            switch step {
            case .message(let kind, let range): return .view(kind, Self.view(range, of: burst.pointee.bytes))
            case .assembledMessage(let kind): return .owned(kind, self.connection.takeMessage())
            case .needMoreBytes:
                // The beginning of a control frame, or of anything, is no message; a part of a message is.
                if !self.connection.isReceivingMessage { burst.pointee.controlFrames &+= 1 }
                return .nothing
            case .awaitsDelivery:
                burst.pointee.controlFrames &+= 1
                self.asyncConsumer?.isStalled = true
                return .nothing
            // Only ``pullPiece()`` asks for them, and until the last one has come nobody else asks.
            case .piece, .assembledPiece: break
            case .pong, .write, .shutdownOutput, .closeTransport:
                burst.pointee.controlFrames &+= 1
                self.obey(step)
            }
            if self.isOutputBlocked || self.isFinished {
                self.takeDueSteps()
                return .nothing
            }
            burst.pointee.frames &+= 1
            step = self.connection.next(
                in: burst.pointee.bytes, from: &burst.pointee.offset, now: burst.pointee.time)
        }
    }

    @inline(__always)
    private static func view(_ range: Range<Int>, of bytes: UnsafeMutableRawBufferPointer) -> UnsafeRawBufferPointer {
        // The machine's ranges lie within the bytes it was given, which are not empty where there is a message.
        UnsafeRawBufferPointer(
            start: bytes.baseAddress.unsafelyUnwrapped + range.lowerBound, count: range.upperBound &- range.lowerBound)
    }

    /// Begins the closing handshake; only the first call counts.
    @usableFromInline
    final func close(_ close: Close) {
        self.connection.close(close, now: self.loop.now)
        // Nobody is there to answer.
        if self.hasStreamEnded { self.connection.transportEnded(.endOfStream) }
        self.settle()
    }

    /// Ends the connection without a closing handshake.
    override final func abort() {
        self.connection.transportEnded(.aborted)
        self.settle()
        // One that has ended may still have something to send.
        if self.isFinished { self.closeTransport(isBroken: true) }
        self.asyncConsumer?.cancelHandler()
    }

    override final func drain() {
        self.close(self.home?.server.configuration.drainClose ?? Close(.goingAway))
    }

    override final func addressClaim(in server: ServerState) -> AddressClaim { server.claim(of: self.remoteAddress) }

    // MARK: Time

    override final func deadlinePassed(now: Timestamp) {
        self.connection.timedOut(now: now, random: &self.loop.random)
        if let lifespan { self.endLife(lifespan, now) }
        if let pressure {
            if pressure.writeDeadline <= now, self.isOutputBlocked {
                if self.writtenBytes == pressure.writtenAtDeadline {
                    self.connection.giveUp(.write)
                } else {
                    self.awaitProgress(from: now)
                }
            }
            if pressure.streamEndDeadline <= now, self.hasStreamEnded {
                self.connection.transportEnded(.endOfStream)
            }
        }
        self.settle()
    }

    /// Where the settings limit the connection's life.
    final var lifespan: Lifespan? {
        @inline(__always) get { self.settings.limitsLife ? self.loop.lifespans[ObjectIdentifier(self)] : nil }
    }

    private func endLife(_ lifespan: Lifespan, _ now: Timestamp) {
        // While one of both ends does not read, messages wait: that is not idle.
        if self.isHeld { lifespan.moved(at: now) }
        guard self.connection.isOpen, let end = lifespan.due(now: now) else { return }
        SocketMetrics.refused(limit: end.limit)
        self.connection.close(end.close, now: now)
    }

    final func awaitProgress(from now: Timestamp) {
        self.inPressure.writtenAtDeadline = self.writtenBytes
        self.inPressure.writeDeadline = now + self.settings.outbox.writeTimeout
    }

    /// Made when it is needed.
    final var inPressure: Pressure {
        if let pressure { return pressure }
        let pressure = Pressure()
        self.pressure = pressure
        return pressure
    }

    // MARK: Obeying the machine

    /// Does what is due without reading anything.
    private func settle() {
        self.takeDueSteps()
        self.turnEnded()
    }

    /// Does what the machine has to do whatever comes in.
    func takeDueSteps() {
        let nothing = UnsafeMutableRawBufferPointer(start: nil, count: 0)
        while true {
            var offset = 0
            let step = self.connection.next(in: nothing, from: &offset, now: self.loop.now)
            if case .needMoreBytes = step { return }
            self.obey(step)
        }
    }

    func obey(_ step: Step) {
        switch step {
        case .write: self.flushControlFrames()
        case .shutdownOutput:
            self.flush()
            self.shutDownOutput()
        case .closeTransport: self.finish()
        case .pong, .message, .assembledMessage, .piece, .assembledPiece, .awaitsDelivery, .needMoreBytes: break
        }
    }

    private func flushControlFrames() {
        let isClient = self.connection.role == .client
        self.connection.writeControlFrames(maskingKey: isClient ? { MaskingKey(word: self.loop.random.next()) } : nil) {
            let before = self.corkedBytes
            self.cork($0, $1)
            self.lifespan?.corkedControl(self.corkedBytes - before)
        }
        self.wrote()
    }

    private func finish() {
        guard !self.isFinished, let closure = self.connection.closure else { return }
        self.isFinished = true
        self.unread = []
        self.unreadStart = 0
        self.loop.disarm(self)
        if self.settings.limitsLife { self.loop.lifespans[ObjectIdentifier(self)] = nil }
        if self.hasStarted { SocketMetrics.closed(closure) }
        self.flush()
        self.closeTransport(isBroken: Self.isBroken(closure))
        self.tasks?.finish(closure)
        self.isEndDue = true
        if !self.isTelling { self.tellEnd() }
    }

    private func tellEnd() {
        self.isEndDue = false
        let consumer = self.consumer
        self.consumer = nil
        guard self.hasStarted, let consumer, let closure = self.closure else {
            self.isConsumerDone = true
            self.leaveIfGone()
            return
        }
        consumer.closed(self, closure)
        consumer.whenDone {
            self.isConsumerDone = true
            self.leaveIfGone()
        }
    }

    /// The transport has let go of the connection: of its descriptor, and of everything that was still to be sent.
    final func transportClosed() {
        self.isTransportClosed = true
        self.leaveIfGone()
    }

    /// It is counted until nothing of it is left, with the transport or with the application.
    private func leaveIfGone() {
        if self.isConsumerDone, self.isTransportClosed { self.home?.leave(self) }
    }

    private static func isBroken(_ closure: Closure) -> Bool {
        switch closure.ending {
        case .clean, .failed: false
        case .abnormal, .timedOut: true
        }
    }

    /// The burst or the loop's turn ends: write what was corked, read or not, arm the timer.
    final func turnEnded() {
        self.isFlushScheduled = false
        if self.isConsuming || self.isTelling || self.isFinished { return }
        if self.corkedBytes > 0 {
            self.flush()
            self.noteBlocked()
        }
        if self.isOutputBlocked, self.waitingBytes <= self.settings.outbox.highWaterBytes / 2 { self.roomFound() }
        if self.streamEnd == .here, self.unread.isEmpty || !self.isHeld {
            self.connection.transportEnded(.endOfStream)
            self.takeDueSteps()
        }
        if self.isFinished { return }
        let isReading = !self.isHeld
        if isReading != self.isReading {
            self.isReading = isReading
            self.connection.setReading(isReading, now: self.loop.now)
            self.setReading(isReading)
        }
        self.tasks?.note(waitingBytes: self.isOutputBlocked ? self.waitingBytes : nil)
        var deadline = self.connection.deadline
        if let pressure {
            if self.isOutputBlocked { deadline = min(deadline ?? .distantFuture, pressure.writeDeadline) }
            if self.hasStreamEnded { deadline = min(deadline ?? .distantFuture, pressure.streamEndDeadline) }
        }
        if let lifespan, self.connection.isOpen { deadline = min(deadline ?? .distantFuture, lifespan.deadline) }
        self.loop.arm(self, at: deadline)
    }

    /// The peer has read: senders, the consumer and the bytes that were held go on.
    private func roomFound() {
        self.isOutputBlocked = false
        if !self.hasStreamEnded { self.pressure = nil }
        self.tasks?.resumeSenders()
        self.tell { $0.writable(self) }
        self.consumeUnread()
        // In a turn of its own, so that one that writes without end leaves room for the others.
        if !self.isFinished, self.corkedBytes > 0, !self.isFlushScheduled {
            self.isFlushScheduled = true
            self.loop.flushSoon(self)
        }
    }

    // MARK: Hooks of the transport

    /// Adds `count` bytes at most, those that the closure writes, to the cork buffer. How many it has written.
    func write(_ count: Int, _ body: (UnsafeMutableRawBufferPointer) -> Int) -> Int { 0 }

    /// Hands the cork buffer to the system. How many bytes still wait further down.
    func flushTransport() -> Int { 0 }

    /// Whether ``flush(followedBy:)`` spares a copy.
    var sendsDirectly: Bool { false }

    /// Hands the cork buffer and then `bytes` to the system. How many bytes still wait further down.
    func flush(followedBy bytes: UnsafeRawBufferPointer) -> Int { 0 }

    /// Bytes that the system has taken since the beginning.
    var writtenBytes: Int { 0 }

    /// Ends this side of the stream once everything is written.
    func shutDownOutput() {}

    /// Closes the transport: once everything is written, or at once if it is broken.
    func closeTransport(isBroken: Bool) {}

    /// Stops or resumes reading.
    func setReading(_ isReading: Bool) {}
}

/// What a connection needs only while its outbox is full, or when the peer has ended the stream behind unread bytes.
final class Pressure {
    var gauge = OutboxGauge()
    /// When the peer must have taken something at the latest, and what had been written when that was set.
    var writeDeadline = Timestamp.distantFuture
    var writtenAtDeadline = 0
    var streamEndDeadline = Timestamp.distantFuture
}
