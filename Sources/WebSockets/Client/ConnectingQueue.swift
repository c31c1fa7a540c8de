import DequeModule
import NIOConcurrencyHelpers

/// Lets one connection of the process be in the state CONNECTING for each host and port at a time; the others wait for it to
/// be open, or to have failed, in the order in which they came (RFC 6455 §4.1).
///
/// Who has the turn needs nothing of those who wait, and each attempt has its time limits: so everybody's turn comes.
final class ConnectingQueue: Sendable {
    /// Hosts are told apart by what they are called: a name, or an address in numbers.
    struct Key: Hashable, Sendable {
        let host: String
        let port: Int
    }

    /// One attempt. Its state is guarded by the lock of the queue.
    private final class Ticket: @unchecked Sendable {
        enum State {
            case new
            case waiting(UnsafeContinuation<Bool, Never>)
            case over
        }

        var state = State.new
    }

    private enum Entry {
        case turn
        case full
        case cancelled
        case waiting
    }

    static let ofProcess = ConnectingQueue()

    /// Who waits for each host that somebody connects to.
    private let waiting = NIOLockedValueBox<[Key: Deque<Ticket>]>([:])

    /// Waits for the turn and holds it for the time of `body`.
    ///
    /// - Throws: ``WebSocketError/tooManyConnecting(limit:)`` if `limit` others wait already, `CancellationError`, and what
    ///   `body` throws.
    func inTurn<Result: Sendable>(
        _ key: Key, limit: Int, _ body: () async throws -> Result
    ) async throws -> Result {
        let ticket = Ticket()
        let entry = await withTaskCancellationHandler {
            await self.enter(key, ticket, limit)
        } onCancel: {
            self.cancel(key, ticket)
        }
        switch entry {
        case .turn, .waiting: break
        case .full: throw WebSocketError.tooManyConnecting(limit: limit)
        case .cancelled: throw CancellationError()
        }
        defer { self.leave(key) }
        return try await body()
    }

    /// How many wait.
    func waitingCount(_ key: Key) -> Int { self.waiting.withLockedValue { $0[key]?.count ?? 0 } }

    private func enter(_ key: Key, _ ticket: Ticket, _ limit: Int) async -> Entry {
        var entry = Entry.waiting
        let hasTurn = await withUnsafeContinuation { (continuation: UnsafeContinuation<Bool, Never>) in
            entry = self.waiting.withLockedValue { waiting in
                if case .over = ticket.state { return .cancelled }
                guard let queue = waiting[key] else {
                    waiting[key] = []
                    ticket.state = .over
                    return .turn
                }
                if queue.count >= limit { return .full }
                waiting[key, default: []].append(ticket)
                ticket.state = .waiting(continuation)
                return .waiting
            }
            switch entry {
            case .turn: continuation.resume(returning: true)
            case .full, .cancelled: continuation.resume(returning: false)
            case .waiting: break
            }
        }
        if case .waiting = entry, !hasTurn { return .cancelled }
        return entry
    }

    /// Nobody waits for this turn any more. Harmless for one who has had it.
    private func cancel(_ key: Key, _ ticket: Ticket) {
        let continuation = self.waiting.withLockedValue { waiting -> UnsafeContinuation<Bool, Never>? in
            let state = ticket.state
            ticket.state = .over
            guard case .waiting(let continuation) = state else { return nil }
            waiting[key]?.removeAll { $0 === ticket }
            return continuation
        }
        continuation?.resume(returning: false)
    }

    /// The turn goes to the next one.
    private func leave(_ key: Key) {
        let continuation = self.waiting.withLockedValue { waiting -> UnsafeContinuation<Bool, Never>? in
            guard let next = waiting[key]?.popFirst() else {
                waiting[key] = nil
                return nil
            }
            guard case .waiting(let continuation) = next.state else {
                preconditionFailure("one who does not wait is in the queue")
            }
            next.state = .over
            return continuation
        }
        continuation?.resume(returning: true)
    }
}
