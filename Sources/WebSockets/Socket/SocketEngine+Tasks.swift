import NIOCore
import Synchronization
import WebSocketCore

/// What tasks wait for, and what other threads send: kept apart from the engine's own work.
final class SocketTasks {
    fileprivate enum Sender {
        case here(UnsafeContinuation<Void, Never>)
        case elsewhere(UnsafeContinuation<SendStatus?, Never>)
    }

    fileprivate var senders: [Sender] = []
    fileprivate var closureWaiters: [UnsafeContinuation<Closure, Never>] = []
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
    /// How it ended, for any thread.
    var closureSeenFromElsewhere: Closure? {
        self.remote.isOver.load(ordering: .acquiring) ? self.closure : nil
    }

    /// Sends from another thread: the bytes travel to the loop. What travels counts against the outbox's limit.
    func sendFromElsewhere(_ bytes: [UInt8], as kind: MessageKind) -> SendStatus {
        if self.remote.isClosed.load(ordering: .relaxed) { return .dropped(.closed) }
        if self.remote.isFull.load(ordering: .relaxed) {
            SocketMetrics.dropped(.outboxFull)
            return .dropped(.outboxFull)
        }
        let count = bytes.count
        let underWay = self.remote.bytesUnderWay.add(count, ordering: .relaxed).newValue
        let waiting = underWay + self.remote.bytesWaiting.load(ordering: .relaxed)
        let outbox = self.settings.outbox
        if waiting - count >= outbox.highWaterBytes, waiting - outbox.highWaterBytes > outbox.maxBytesBeyond {
            self.remote.bytesUnderWay.subtract(count, ordering: .relaxed)
            SocketMetrics.dropped(.outboxFull)
            return .dropped(.outboxFull)
        }
        self.loop.eventLoop.execute {
            self.remote.bytesUnderWay.subtract(count, ordering: .relaxed)
            _ = self.send(bytes.span.bytes, as: kind)
        }
        return .queued(bytes: waiting)
    }

    func awaitRoomHere(_ continuation: UnsafeContinuation<Void, Never>) {
        self.tasks.senders.append(.here(continuation))
    }

    func awaitRoomElsewhere(_ continuation: UnsafeContinuation<SendStatus?, Never>) {
        self.tasks.senders.append(.elsewhere(continuation))
    }

    /// All look for themselves whether there is room now.
    func resumeSenders() {
        if !self.hasTasks { return }
        let senders = self.tasks.senders
        self.tasks.senders = []
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
            self.tasks.closureWaiters.append(continuation)
        }
    }

    func resumeClosureWaiters(_ closure: Closure) {
        if !self.hasTasks { return }
        let waiters = self.tasks.closureWaiters
        self.tasks.closureWaiters = []
        for waiter in waiters { waiter.resume(returning: closure) }
    }
}
