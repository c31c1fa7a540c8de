import WebSocketCore

/// A task that receives one message in pieces. On the loop.
final class PieceReceiver: @unchecked Sendable {
    // `@unchecked`: lives on the loop of its engine; tasks only carry it.

    /// What the task is told.
    enum Found {
        case piece(MessagePiece)
        case closure(Closure)
        case cancelled
    }

    private enum Stage {
        case beforeFirst
        case receiving
        /// Nobody wants what comes.
        case skipping
        /// The connection is closing, and read on before the task had taken what came: only the end is left to be told.
        case cut
    }

    private var stage = Stage.beforeFirst
    private var waiter: UnsafeContinuation<Found, Never>?
    /// The last piece has come, or the message was taken as a whole.
    var isDone = false
    /// The message before, the rest of which comes first and is thrown away.
    private(set) var unfinished: PieceReceiver?

    /// - Parameter unfinished: who has not received the whole of the message before.
    init(after unfinished: PieceReceiver?) { self.unfinished = unfinished }

    var isBeforeFirst: Bool { self.stage == .beforeFirst }

    /// Whether a task still receives.
    var isOpen: Bool { self.stage != .skipping }

    /// Whether a piece may come.
    var isReady: Bool { self.waiter != nil || self.stage == .skipping || self.unfinished != nil }

    func wait(_ continuation: UnsafeContinuation<Found, Never>) { self.waiter = continuation }

    /// Takes a piece, and says whether a task was resumed.
    func receive(_ piece: MessagePiece) -> Bool {
        if let unfinished {
            _ = unfinished.receive(piece)
            if piece.isLast { self.unfinished = nil }
            return false
        }
        switch self.stage {
        case .beforeFirst, .receiving:
            guard self.waiter != nil else {
                self.stage = .cut
                return false
            }
            self.stage = .receiving
            self.isDone = piece.isLast
            return self.resume(.piece(piece))
        case .skipping:
            self.isDone = piece.isLast
            return false
        case .cut: return false
        }
    }

    func end(_ closure: Closure) { _ = self.resume(.closure(closure)) }

    func cancel() { _ = self.resume(.cancelled) }

    func skip() { self.stage = .skipping }

    private func resume(_ found: Found) -> Bool {
        guard let waiter = self.waiter.take() else { return false }
        waiter.resume(returning: found)
        return true
    }
}
