import DequeModule
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

    /// What a server does with the connection; `nil` where somebody else holds its ``WebSocket``.
    private let handler: (@Sendable (WebSocket) async -> Void)?
    private var task: Task<Void, Never>?
    private var cancellation: Scheduled<Void>?
    private var onDone: (() -> Void)?

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

    /// - Parameter handler: runs as a task on the connection's loop from the moment it is open.
    init(handler: (@Sendable (WebSocket) async -> Void)? = nil) {
        self.handler = handler
        super.init()
    }

    override var isReady: Bool { self.waiter != nil || self.hasRoom || self.unwanted != .wait }

    /// Messages that wait to be received.
    var inboxCount: Int { self.inbox.count }

    private var hasRoom: Bool { self.inboxBytes < self.maxUnreadBytes }

    override func opened(_ engine: SocketEngine) {
        self.maxUnreadBytes = engine.settings.maxUnreadBytes
        guard let handler else { return }
        let socket = WebSocket(engine)
        self.task = Task(executorPreference: engine.loop.executor) {
            await handler(socket)
            socket.engine.loop.eventLoop.execute { self.handlerReturned() }
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
        self.cancellation = engine.loop.eventLoop.scheduleTask(in: limit) { self.cancelHandler() }
    }

    // MARK: The handler

    override func whenDone(_ body: @escaping () -> Void) {
        if self.task == nil { body() } else { self.onDone = body }
    }

    private func handlerReturned() {
        self.task = nil
        self.cancellation?.cancel()
        self.cancellation = nil
        self.onDone.take()?()
    }

    /// It has had its time.
    func cancelHandler() { self.task?.cancel() }

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
