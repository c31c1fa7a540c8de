import DequeModule
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

    private let onOpen: @Sendable (WebSocket) -> Void
    @exclusivity(unchecked) private var waiter: Waiter?
    @exclusivity(unchecked) private var lent: SocketEngine.Pulled?
    @exclusivity(unchecked) private var inbox: Deque<Owned> = []
    @exclusivity(unchecked) private var inboxBytes = 0
    @exclusivity(unchecked) private var isBursting = false
    @exclusivity(unchecked) private var isAbandoned = false
    @exclusivity(unchecked) private var maxUnreadBytes = Int.max

    /// - Parameter onOpen: called once, on the loop, when the opening handshake is over.
    init(onOpen: @escaping @Sendable (WebSocket) -> Void) {
        self.onOpen = onOpen
        super.init()
    }

    override var isReady: Bool { self.waiter != nil || self.inboxBytes < self.maxUnreadBytes || self.isAbandoned }

    override func opened(_ engine: SocketEngine) {
        self.maxUnreadBytes = engine.settings.maxUnreadBytes
        self.onOpen(WebSocket(engine))
    }

    override func consume(_ engine: SocketEngine) {
        let executor = engine.loop.executor
        self.isBursting = true
        executor.isBurst = true
        while self.isReady {
            let pulled = engine.pull()
            if case .nothing = pulled { break }
            if self.isAbandoned { continue }
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

    override func closed(_ engine: SocketEngine, _ closure: Closure) { self.resumeWaiter(.closure(closure)) }

    private func resumeWaiter(_ found: Found) {
        let waiter = self.waiter.take()
        switch waiter {
        case .here(let continuation): continuation.resume()
        case .elsewhere(let continuation): continuation.resume(returning: found)
        case nil: break
        }
    }

    private func keep(_ pulled: SocketEngine.Pulled) {
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

    /// Gives the next message to `body`, if there is one now.
    func take<Result>(
        _ engine: SocketEngine, _ body: (RawSpan, MessageKind) throws -> Result
    ) rethrows -> Result? {
        if let lent = self.lent {
            self.lent = nil
            return try Self.give(lent, body)
        }
        if let owned = self.takeOwned(engine) { return try body(owned.bytes.span.bytes, owned.kind) }
        guard self.isBursting else { return nil }
        return try Self.give(engine.pull(), body)
    }

    /// The next message that was kept, reading on where the inbox had been full.
    func takeOwned(_ engine: SocketEngine) -> Owned? {
        if let owned = self.inbox.popFirst() {
            let wasReady = self.isReady
            self.inboxBytes -= owned.bytes.count + 64
            if !wasReady, self.isReady, !self.isBursting { engine.readOn() }
            return owned
        }
        return nil
    }

    private static func give<Result>(
        _ pulled: SocketEngine.Pulled, _ body: (RawSpan, MessageKind) throws -> Result
    ) rethrows -> Result? {
        switch pulled {
        case .view(let kind, let bytes): try body(bytes.bytes, kind)
        case .owned(let kind, let bytes): try body(bytes.span.bytes, kind)
        case .nothing: nil
        }
    }

    var isWaitedFor: Bool { self.waiter != nil }

    func waitHere(_ continuation: UnsafeContinuation<Void, Never>) { self.waiter = .here(continuation) }

    func waitElsewhere(_ continuation: UnsafeContinuation<Found, Never>) { self.waiter = .elsewhere(continuation) }

    /// The receiving task was cancelled.
    func cancelWait() { self.resumeWaiter(.nothing) }

    /// Nobody will receive any more: what comes is thrown away, so that the closing handshake can be completed.
    func abandon(_ engine: SocketEngine) {
        self.isAbandoned = true
        self.inbox = []
        self.inboxBytes = 0
        engine.readOn()
    }
}
