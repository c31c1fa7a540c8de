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

    init(_ handler: Handler? = nil) {
        self.handler = handler
        super.init()
    }

    override var isReady: Bool { self.waiter != nil || self.hasRoom || self.unwanted != .wait }

    /// Messages that wait to be received.
    var inboxCount: Int { self.inbox.count }

    private var hasRoom: Bool { self.inboxBytes < self.maxUnreadBytes }

    override func opened(_ engine: SocketEngine) {
        self.maxUnreadBytes = engine.settings.maxUnreadBytes
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

    override func closed(_ engine: SocketEngine, _ closure: Closure) {
        self.resumeWaiter(.closure(closure))
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
            case .closed, .closing: true
            case .refused, .outboxFull, .alreadyReceiving, .handshakeRejected, .invalidHandshake, .invalidURL,
                .handshakeTimedOut, .connectionFailed:
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
        return self.isBursting ? engine.pull() : .nothing
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

    var isWaitedFor: Bool { self.waiter != nil }

    func waitHere(_ continuation: UnsafeContinuation<Void, Never>) { self.waiter = .here(continuation) }

    func waitElsewhere(_ continuation: UnsafeContinuation<Found, Never>) { self.waiter = .elsewhere(continuation) }

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
