import Synchronization
import WebSocketCore
import WebSockets

/// Who is connected, on whichever event loop.
final class Room: Sendable {
    private let members = Mutex<[ObjectIdentifier: WebSocket]>([:])

    func join(_ socket: WebSocket) { self.members.withLock { $0[socket.id] = socket } }

    func leave(_ socket: WebSocket) { self.members.withLock { $0[socket.id] = nil } }

    /// Sends to all without waiting. Who does not read is disconnected.
    func say(_ message: Message) {
        let message = PreparedMessage(message)
        for member in self.members.withLock({ Array($0.values) }) {
            if case .dropped(.outboxFull) = member.trySend(message) { member.abort() }
        }
    }
}
