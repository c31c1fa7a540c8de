import WebSocketCore
import WebSockets

/// Everybody at `/fanout`. The server has one event loop, and this is used there only.
final class Subscribers: @unchecked Sendable {
    private var sockets: [LoopSocket?] = []
    private var free: [Int] = []

    /// A number for ``remove(_:)``.
    func add(_ socket: LoopSocket) -> Int {
        if let number = self.free.popLast() {
            self.sockets[number] = socket
            return number
        }
        self.sockets.append(socket)
        return self.sockets.count - 1
    }

    func remove(_ number: Int) {
        self.sockets[number] = nil
        self.free.append(number)
    }

    func publish(_ message: RawSpan, _ kind: MessageKind) {
        let prepared = PreparedMessage(message, as: kind)
        for socket in self.sockets { socket?.send(prepared) }
    }
}

/// Sends every message to all subscribers.
struct Fanout: MessageReceiver {
    private let subscribers: Subscribers
    private var number: Int?

    init(_ subscribers: Subscribers) { self.subscribers = subscribers }

    mutating func opened(_ socket: LoopSocket) { self.number = self.subscribers.add(socket) }

    mutating func received(_ message: RawSpan, _ kind: MessageKind, _ socket: LoopSocket) {
        self.subscribers.publish(message, kind)
    }

    mutating func closed(_ closure: Closure) {
        if let number { self.subscribers.remove(number) }
        self.number = nil
    }
}
