import WebSocketCore
import WebSockets

/// Sends every message back.
struct EchoReceiver: MessageReceiver {
    mutating func received(_ message: RawSpan, _ kind: MessageKind, _ socket: LoopSocket) {
        socket.send(message, as: kind)
    }
}

enum WrongAnswer: Sendable { case longer, otherKind, otherContent, swapped, twice }

/// Sends something else back.
struct WrongReceiver: MessageReceiver {
    let wrong: WrongAnswer
    private var held: [UInt8]?

    init(wrong: WrongAnswer) { self.wrong = wrong }

    mutating func received(_ message: RawSpan, _ kind: MessageKind, _ socket: LoopSocket) {
        var bytes = message.withUnsafeBytes { Array($0) }
        switch self.wrong {
        case .longer: bytes.append(0x20)
        case .otherKind:
            socket.send(bytes.span.bytes, as: kind == .text ? .binary : .text)
            return
        case .otherContent: bytes[bytes.count - 1] ^= 1
        case .swapped:
            // Each pair in reverse order.
            guard let held else {
                self.held = bytes
                return
            }
            socket.send(bytes.span.bytes, as: kind)
            bytes = held
            self.held = nil
        case .twice: socket.send(bytes.span.bytes, as: kind)
        }
        socket.send(bytes.span.bytes, as: kind)
    }
}

/// Closes at the fifth message, or at the first that asks for it.
struct ClosingReceiver: MessageReceiver {
    private var count = 0

    init() {}

    mutating func received(_ message: RawSpan, _ kind: MessageKind, _ socket: LoopSocket) {
        self.count += 1
        if self.count == 5 || message.byteCount == "close me".utf8.count {
            socket.close(CloseCode(rawValue: 4000), reason: "enough")
        }
    }
}

/// Sends every message back, and counts them.
struct CountingReceiver: MessageReceiver {
    private let counted: @Sendable (Int) -> Void
    private var count = 0

    /// - Parameter counted: called with how many have come.
    init(counted: @escaping @Sendable (Int) -> Void) { self.counted = counted }

    mutating func received(_ message: RawSpan, _ kind: MessageKind, _ socket: LoopSocket) {
        self.count += 1
        self.counted(self.count)
        socket.send(message, as: kind)
    }
}

/// Everybody gets what anybody sends, in an envelope. For a server of one event loop.
final class Room: @unchecked Sendable {
    // `@unchecked`: all its connections are on one loop.
    fileprivate var members: [ObjectIdentifier: WebSocket] = [:]
    private let isLossy: Bool
    private var count = 0

    init(isLossy: Bool = false) { self.isLossy = isLossy }

    fileprivate func publish(_ message: RawSpan, _ kind: MessageKind) {
        self.count += 1
        let copies = self.isLossy ? [1, 0, 2, 1][self.count % 4] : 1
        let bytes = Array("envelope: ".utf8) + message.withUnsafeBytes { Array($0) }
        for member in self.members.values {
            for _ in 0..<copies { member.trySend(bytes.span.bytes, as: kind) }
        }
    }
}

struct RoomReceiver: MessageReceiver {
    let room: Room
    private var me: ObjectIdentifier?

    init(room: Room) { self.room = room }

    mutating func opened(_ socket: LoopSocket) {
        let webSocket = socket.webSocket
        self.me = webSocket.id
        self.room.members[webSocket.id] = webSocket
        socket.send("welcome")
    }

    mutating func received(_ message: RawSpan, _ kind: MessageKind, _ socket: LoopSocket) {
        self.room.publish(message, kind)
    }

    mutating func closed(_ closure: Closure) {
        if let me { self.room.members[me] = nil }
    }
}
