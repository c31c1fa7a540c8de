import NIOCore
import Synchronization
import WebSocketCore

/// What tasks wait for, and what other threads may know of a connection. It exists only where somebody has a
/// ``WebSocket``; callbacks do without.
final class SocketTasks: @unchecked Sendable {
    // `@unchecked`: apart from the atomics, and from what is written before one of them is, it lives on the loop.

    private enum Sender {
        case here(UnsafeContinuation<Void, Never>)
        case elsewhere(UnsafeContinuation<SendStatus?, Never>)
    }

    let info: SocketInfo
    let remote = RemoteView()
    private var senders: [Sender] = []
    private var closureWaiters: [UnsafeContinuation<Closure, Never>] = []
    private var closure: Closure?

    init(_ info: SocketInfo) { self.info = info }

    // MARK: On the loop

    func awaitRoomHere(_ continuation: UnsafeContinuation<Void, Never>) { self.senders.append(.here(continuation)) }

    func awaitRoomElsewhere(_ continuation: UnsafeContinuation<SendStatus?, Never>) {
        self.senders.append(.elsewhere(continuation))
    }

    /// All look for themselves whether there is room now.
    func resumeSenders() {
        if self.senders.isEmpty { return }
        let senders = self.senders
        self.senders = []
        for sender in senders {
            switch sender {
            case .here(let continuation): continuation.resume()
            case .elsewhere(let continuation): continuation.resume(returning: nil)
            }
        }
    }

    func awaitClosure(_ continuation: UnsafeContinuation<Closure, Never>) {
        if let closure = self.closure {
            continuation.resume(returning: closure)
        } else {
            self.closureWaiters.append(continuation)
        }
    }

    /// The connection is over.
    func finish(_ closure: Closure) {
        self.closure = closure
        self.remote.isClosed.store(true, ordering: .relaxed)
        self.remote.isOver.store(true, ordering: .releasing)
        self.resumeSenders()
        let waiters = self.closureWaiters
        self.closureWaiters = []
        for waiter in waiters { waiter.resume(returning: closure) }
    }

    /// - Parameter waitingBytes: how many bytes wait, if they are too many; `nil` if there is room.
    func note(waitingBytes: Int?) {
        self.remote.bytesWaiting.store(waitingBytes ?? 0, ordering: .relaxed)
        if waitingBytes == nil { self.remote.isFull.store(false, ordering: .relaxed) }
    }

    // MARK: On any thread

    /// How it ended, once it has.
    var closureSeenFromElsewhere: Closure? { self.remote.isOver.load(ordering: .acquiring) ? self.closure : nil }
}

/// What other threads may know of an engine without asking its loop.
struct RemoteView: ~Copyable {
    /// Bytes sent from elsewhere that the loop has not seen yet, and bytes that waited when it last looked.
    let bytesUnderWay = Atomic<Int>(0)
    let bytesWaiting = Atomic<Int>(0)
    /// The loop has refused a message for which the outbox had no room, and there has been none since.
    let isFull = Atomic<Bool>(false)
    /// Nothing can be sent any more.
    let isClosed = Atomic<Bool>(false)
    /// The engine's closure is known, and does not change any more.
    let isOver = Atomic<Bool>(false)
    /// Nobody will find a message any more.
    let isAbandoned = Atomic<Bool>(false)
}

extension SocketEngine {
    /// Made when it is first asked for, on the loop.
    var sharedTasks: SocketTasks {
        if let tasks = self.tasks { return tasks }
        let tasks = SocketTasks(self.info)
        self.tasks = tasks
        if let closure = self.closure {
            tasks.finish(closure)
        } else if self.isOutputBlocked {
            tasks.note(waitingBytes: self.waitingBytes)
        }
        return tasks
    }

    /// Sends from another thread: `send` travels to the loop with its `count` bytes, which count against the outbox's
    /// limit on the way.
    func sendFromElsewhere(
        _ count: Int, _ tasks: SocketTasks, _ send: @escaping @Sendable (SocketEngine) -> SendStatus
    ) -> SendStatus {
        if tasks.remote.isClosed.load(ordering: .relaxed) { return .dropped(.closed) }
        if tasks.remote.isFull.load(ordering: .relaxed) {
            SocketMetrics.dropped(.outboxFull)
            return .dropped(.outboxFull)
        }
        let underWay = tasks.remote.bytesUnderWay.add(count, ordering: .relaxed).newValue
        let waiting = underWay + tasks.remote.bytesWaiting.load(ordering: .relaxed)
        let outbox = self.settings.outbox
        if waiting - count >= outbox.highWaterBytes, waiting - outbox.highWaterBytes > outbox.maxBytesBeyond {
            tasks.remote.bytesUnderWay.subtract(count, ordering: .relaxed)
            SocketMetrics.dropped(.outboxFull)
            return .dropped(.outboxFull)
        }
        self.loop.eventLoop.execute {
            tasks.remote.bytesUnderWay.subtract(count, ordering: .relaxed)
            _ = send(self)
        }
        return .queued(bytes: waiting)
    }
}
