import DequeModule
import Logging
import NIOCore
import Synchronization
import WebSocketCore

/// Hands messages to a task.
///
/// A burst resumes the task if it waits, and lets it run right away on the loop's executor: it then pulls one message
/// after the other out of the receive buffer without being suspended. What is left when the task waits for something
/// else is copied to the inbox, up to a limit; beyond it nothing more is parsed and, in the end, nothing more is read.
final class AsyncConsumer: Consumer, @unchecked Sendable {
    // `@unchecked`: lives on the loop of its engine; `WebSocket` sees to that.

    typealias Owned = (kind: MessageKind, bytes: [UInt8])

    private enum Waiter {
        /// A task on the loop's executor: it pulls for itself.
        case here(UnsafeContinuation<Void, Never>)
        /// A task elsewhere: it is given a message of its own.
        case elsewhere(UnsafeContinuation<Found, Never>)
    }

    /// What a task elsewhere is told. After `nothing` it looks again.
    enum Found {
        case message(Owned)
        case closure(Closure)
        case anotherReceiver
        case nothing
    }

    /// What a server does with its connections.
    final class Handler: Sendable {
        let body: @Sendable (WebSocket) async throws -> Void
        let logger: Logger

        /// - Parameters:
        ///   - body: runs as a task on the connection's loop from the moment it is open. Its return closes with 1000, an
        ///     error with 1011.
        ///   - logger: is told of errors.
        init(logger: Logger, _ body: @escaping @Sendable (WebSocket) async throws -> Void) {
            self.body = body
            self.logger = logger
        }
    }

    /// `nil` where somebody else holds the ``WebSocket``.
    private let handler: Handler?
    private var task: Task<Void, Never>?
    /// The same, to be compared with, and for nothing else.
    private var handlerTask: UnsafeCurrentTask?
    /// What the handler is to serve, until it begins.
    private var opening: WebSocket?
    /// The connection has ended before the handler has.
    private var leaving: Leaving?

    private final class Leaving {
        /// Cancels the handler that does not return.
        var cancellation: Scheduled<Void>?
        var onDone: (() -> Void)?
    }

    /// What becomes of messages that nobody receives.
    private enum Unwanted {
        /// They wait, and so does the peer.
        case wait
        /// The connection is closing: what does not fit into the inbox is thrown away.
        case dropBeyondInbox
        /// Nobody will receive any more.
        case dropAll
    }

    @exclusivity(unchecked) private var waiter: Waiter?
    @exclusivity(unchecked) private var lent: SocketEngine.Pulled?
    @exclusivity(unchecked) private var inbox: Deque<Owned> = []
    @exclusivity(unchecked) private var inboxBytes = 0
    @exclusivity(unchecked) private var isBursting = false
    @exclusivity(unchecked) private var unwanted = Unwanted.wait
    @exclusivity(unchecked) private var maxUnreadBytes = Int.max
    /// A message waits to be received whole or in pieces; until somebody does, nothing behind it is read.
    @exclusivity(unchecked) final var isStalled = false
    /// Messages may be larger than what is collected.
    @exclusivity(unchecked) private var mayStream = false
    /// The last piece that came was not the last one of its message.
    @exclusivity(unchecked) private var isInMessage = false
    /// Who receives a message in pieces, until its last one has come.
    @exclusivity(unchecked) private(set) var pieces: PieceReceiver?

    init(_ handler: Handler? = nil) {
        self.handler = handler
        super.init()
    }

    override var isReady: Bool {
        if let pieces { return pieces.isReady || self.unwanted != .wait }
        return self.waiter != nil || self.unwanted != .wait || self.hasRoom && !self.isStalled
    }

    /// Messages that wait to be received.
    var inboxCount: Int { self.inbox.count }

    private var hasRoom: Bool { self.inboxBytes < self.maxUnreadBytes }

    override func opened(_ engine: SocketEngine) {
        self.maxUnreadBytes = engine.settings.maxUnreadBytes
        self.mayStream = engine.receivesInPieces
        guard self.handler != nil else { return }
        self.opening = WebSocket(engine)
        // All that a task that waits keeps besides what it waits in: each frame and each capture counts for each
        // connection. A closure that captures one reference is that reference.
        self.task = Task(executorPreference: engine.loop.executor) {
            guard let handler = self.handler, let socket = self.handlerBegins() else { return }
            do {
                try await handler.body(socket)
                self.handlerEnds(socket, with: nil)
            } catch {
                self.handlerEnds(socket, with: error)
            }
        }
    }

    override func consume(_ engine: SocketEngine) {
        let executor = engine.loop.executor
        self.isBursting = true
        executor.isBurst = true
        while self.isReady {
            if self.pieces != nil || self.mayStream && self.unwanted != .wait {
                guard let piece = engine.pullPiece() else { break }
                self.take(piece, engine)
                continue
            }
            if self.mayStream { engine.connection.delivery = self.waiter == nil ? .undecided : .collected }
            let pulled = engine.pull()
            if case .nothing = pulled { break }
            if self.unwanted == .dropAll { continue }
            switch self.waiter {
            case .here(let continuation):
                self.waiter = nil
                self.lent = pulled
                continuation.resume()
                executor.drain()
                // A task that was cancelled meanwhile has not taken it.
                if let lent = self.lent { self.keep(lent) }
                self.lent = nil
            case .elsewhere(let continuation):
                self.waiter = nil
                continuation.resume(returning: Self.owned(pulled).map { .message($0) } ?? .nothing)
            case nil: self.keep(pulled)
            }
        }
        executor.isBurst = false
        self.isBursting = false
        executor.drain()
    }

    /// A piece has come.
    private func take(_ piece: MessagePiece, _ engine: SocketEngine) {
        let isWhole = piece.isLast && !self.isInMessage
        self.isInMessage = !piece.isLast
        guard let pieces else {
            // The connection is closing, and nobody receives this one.
            if isWhole, self.unwanted == .dropBeyondInbox { self.keep(.owned(piece.kind, piece.bytes)) }
            return
        }
        let hasResumed = pieces.receive(piece)
        if pieces.isDone { self.forget(pieces, engine) }
        if hasResumed { engine.loop.executor.drain() }
    }

    override func closed(_ engine: SocketEngine, _ closure: Closure) {
        self.resumeWaiter(.closure(closure))
        self.pieces?.end(closure)
        guard self.task != nil else { return }
        let limit = TimeAmount(engine.settings.handlerTimeout)
        let leaving = Leaving()
        leaving.cancellation = engine.loop.eventLoop.scheduleTask(in: limit) { self.cancelHandler() }
        self.leaving = leaving
    }

    // MARK: The handler

    override func whenDone(_ body: @escaping () -> Void) {
        if let leaving, self.task != nil { leaving.onDone = body } else { body() }
    }

    /// The connection that the handler is to serve.
    private func handlerBegins() -> WebSocket? {
        withUnsafeCurrentTask { self.handlerTask = $0 }
        return self.opening.take()
    }

    /// Whether the current task is the handler's own, not one that it has made. On the loop.
    var isHandlerRunning: Bool {
        guard let handlerTask = self.handlerTask else { return false }
        return withUnsafeCurrentTask { $0 == handlerTask }
    }

    @inline(never)
    private func handlerEnds(_ socket: WebSocket, with error: (any Error)?) {
        let engine = socket.engine
        engine.loop.eventLoop.execute { self.handlerEnded(engine, with: error) }
    }

    private func handlerEnded(_ engine: SocketEngine, with error: (any Error)?) {
        self.task = nil
        self.handlerTask = nil
        let leaving = self.leaving.take()
        leaving?.cancellation?.cancel()
        if let error, !Self.isOrdinaryEnd(error) {
            self.handler?.logger.error("a WebSocket's handler failed", metadata: ["error": "\(error)"])
        }
        // Nobody is left who would receive; the closing handshake needs nobody.
        engine.close(Close(error == nil ? .normal : .internalError))
        self.abandon(engine)
        leaving?.onDone?()
    }

    /// A connection that ended is nothing that a handler did wrong.
    private static func isOrdinaryEnd(_ error: any Error) -> Bool {
        switch error {
        case is CancellationError: true
        case let error as WebSocketError:
            switch error {
            case .closed, .closing, .messageCutShort: true
            case .refused, .outboxFull, .alreadyReceiving, .handshakeRejected, .invalidHandshake, .invalidURL,
                .handshakeTimedOut, .connectionFailed, .proxyFailed, .tlsFailed, .redirectRefused, .tooManyConnecting,
                .invalidSetting:
                false
            }
        default: false
        }
    }

    /// It has had its time.
    func cancelHandler() {
        self.task?.cancel()
        self.cancelWait()
    }

    // MARK: Keeping messages

    private func resumeWaiter(_ found: Found) {
        let waiter = self.waiter.take()
        switch waiter {
        case .here(let continuation): continuation.resume()
        case .elsewhere(let continuation): continuation.resume(returning: found)
        case nil: break
        }
    }

    private func keep(_ pulled: SocketEngine.Pulled) {
        if self.unwanted == .dropBeyondInbox, !self.hasRoom { return }
        guard let owned = Self.owned(pulled) else { return }
        self.inbox.append(owned)
        // An empty message takes room too.
        self.inboxBytes += owned.bytes.count + 64
    }

    private static func owned(_ pulled: SocketEngine.Pulled) -> Owned? {
        switch pulled {
        case .view(let kind, let bytes): (kind, Array(bytes))
        case .owned(let kind, let bytes): (kind, bytes)
        case .nothing: nil
        }
    }

    // MARK: On the loop, for the receiving task

    /// The next message, if there is one now: a view is valid until the next call, and until the task is suspended.
    func take(_ engine: SocketEngine) -> SocketEngine.Pulled {
        if let lent = self.lent {
            self.lent = nil
            return lent
        }
        if let owned = self.takeOwned(engine) { return .owned(owned.kind, owned.bytes) }
        guard self.isBursting, self.pieces == nil else { return .nothing }
        if self.mayStream { engine.connection.delivery = .collected }
        return engine.pull()
    }

    /// The next message that was kept, reading on where the inbox had been full.
    func takeOwned(_ engine: SocketEngine) -> Owned? {
        if let owned = self.inbox.popFirst() {
            // Not for each message: what is read on fills the inbox again.
            let enough = self.maxUnreadBytes / 2
            let wasMuch = self.inboxBytes > enough
            self.inboxBytes -= owned.bytes.count + 64
            if wasMuch, self.inboxBytes <= enough, !self.isBursting { engine.readOn() }
            return owned
        }
        return nil
    }

    /// Another task receives.
    var isWaitedFor: Bool { self.waiter != nil || self.pieces?.isOpen ?? false }

    func waitHere(_ engine: SocketEngine, _ continuation: UnsafeContinuation<Void, Never>) {
        self.waiter = .here(continuation)
        self.readOnIfStalled(engine)
    }

    func waitElsewhere(_ engine: SocketEngine, _ continuation: UnsafeContinuation<Found, Never>) {
        self.waiter = .elsewhere(continuation)
        self.readOnIfStalled(engine)
    }

    /// Somebody has decided how to receive what waits.
    private func readOnIfStalled(_ engine: SocketEngine) {
        guard self.isStalled else { return }
        self.isStalled = false
        // Not from within: whoever waits has not been suspended yet.
        engine.loop.eventLoop.execute { engine.readOn() }
    }

    // MARK: In pieces

    /// The next message is received in pieces.
    ///
    /// - Returns: what receives it; `nil` if another task receives.
    func beginPieces(_ engine: SocketEngine) -> PieceReceiver? {
        guard !self.isWaitedFor else { return nil }
        // What is left of the message before must be thrown away first.
        let receiver = PieceReceiver(after: self.pieces)
        self.pieces = receiver
        return receiver
    }

    /// Tells the next piece to whoever waits for it, now or when it comes.
    func awaitPiece(
        _ engine: SocketEngine, _ receiver: PieceReceiver,
        _ continuation: UnsafeContinuation<PieceReceiver.Found, Never>
    ) {
        if receiver.isBeforeFirst, let owned = self.takeOwned(engine) {
            receiver.isDone = true
            self.forget(receiver, engine)
            continuation.resume(returning: .piece(MessagePiece(kind: owned.kind, bytes: owned.bytes, isLast: true)))
        } else if let closure = engine.closure {
            continuation.resume(returning: .closure(closure))
        } else {
            receiver.wait(continuation)
            self.isStalled = false
            // During a burst whoever delivers it looks again.
            if !self.isBursting { engine.loop.eventLoop.execute { engine.readOn() } }
        }
    }

    /// Nobody wants the rest of the message.
    func endPieces(_ engine: SocketEngine, _ receiver: PieceReceiver) {
        let isOver = receiver.isDone || receiver.isBeforeFirst
        receiver.skip()
        if isOver { self.forget(receiver, engine) }
        if !self.isBursting { engine.loop.eventLoop.execute { engine.readOn() } }
    }

    private func forget(_ receiver: PieceReceiver, _ engine: SocketEngine) {
        guard self.pieces === receiver else { return }
        self.pieces = receiver.unfinished
        if self.pieces == nil { engine.connection.delivery = .collected }
    }

    /// The receiving task was cancelled.
    func cancelWait() { self.resumeWaiter(.nothing) }

    /// The connection is closing: so that the closing handshake can be completed, nothing waits for a receiver.
    func closing(_ engine: SocketEngine) {
        if self.unwanted == .wait { self.unwanted = .dropBeyondInbox }
        engine.readOn()
    }

    /// Nobody will receive any more.
    func abandon(_ engine: SocketEngine) {
        self.unwanted = .dropAll
        self.inbox = []
        self.inboxBytes = 0
        engine.tasks?.remote.isAbandoned.store(true, ordering: .relaxed)
        engine.readOn()
    }
}
