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

    /// What the engine does not keep of what the opening handshake has settled.
    let deflate: PerMessageDeflate.Agreement?
    let request: RequestHead?
    let response: SocketInfo.Response?
    let remote = RemoteView()
    private var senders: [Sender] = []
    private var closureWaiters: [UnsafeContinuation<Closure, Never>] = []
    /// Apart: while a connection is idle there is none.
    private var ended: Ended?

    private final class Ended: Sendable {
        let closure: Closure
        init(_ closure: Closure) { self.closure = closure }
    }

    init(_ info: SocketInfo) {
        self.deflate = info.deflate
        self.request = info.request
        self.response = info.boxedResponse
    }

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
        if let ended {
            continuation.resume(returning: ended.closure)
        } else {
            self.closureWaiters.append(continuation)
        }
    }

    /// The connection is over.
    func finish(_ closure: Closure) {
        self.ended = Ended(closure)
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
    var closureSeenFromElsewhere: Closure? { self.remote.isOver.load(ordering: .acquiring) ? self.ended?.closure : nil }
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
    /// What the opening handshake has settled. The heads of request and response are kept only where tasks may ask for
    /// them. On the loop; on any thread once there are ``SocketTasks``.
    var info: SocketInfo {
        guard let tasks = self.tasks else {
            return SocketInfo(
                remoteAddress: self.remoteAddress, subprotocol: self.subprotocol,
                deflate: self.connection.deflateAgreement, isSecure: self.isSecure)
        }
        return SocketInfo(
            remoteAddress: self.remoteAddress, subprotocol: self.subprotocol, deflate: tasks.deflate,
            isSecure: self.isSecure, request: tasks.request, response: tasks.response)
    }

    /// Makes what tasks need, if it is not there yet. On the loop.
    func makeTasks() {
        if self.tasks != nil { return }
        let tasks = SocketTasks(self.info)
        self.tasks = tasks
        if let closure = self.closure {
            tasks.finish(closure)
        } else if self.isOutputBlocked {
            tasks.note(waitingBytes: self.waitingBytes)
        }
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
