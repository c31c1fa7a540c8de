import Foundation
import Synchronization
import WebSocketCore
import WebSockets

/// The one room of the demonstration chat: who is there, and what was said last.
///
/// An event is encoded once and sent to all without waiting; who does not read is disconnected, so that nobody slows
/// the others down.
final class ChatRoom: Sendable {
    /// Characters of a name and of a message, messages kept for newcomers, members at one time.
    static let nameLengths = 1...40
    static let textLengths = 1...2_000
    static let historyLength = 50
    static let maxMembers = 1_000

    private struct State {
        var members: [String: (member: ChatMember, socket: WebSocket)] = [:]
        var history: [ChatUtterance] = []
        var lastMember = 0
        var lastUtterance = 0
    }

    private let state = Mutex(State())

    /// The life of one connection.
    func run(_ socket: WebSocket) async throws {
        var member: ChatMember?
        var rate = MessageRate(perSecond: 10, burst: 20)
        defer { if let member { self.leave(member) } }
        while let message = try await socket.receive() {
            guard rate.admits() else {
                try await socket.send(ChatEvent.error("slow down: at most 10 messages a second").json)
                continue
            }
            guard case .text(let text) = message,
                let command = try? JSONDecoder().decode(ChatCommand.self, from: Data(text.utf8))
            else {
                try await socket.send(ChatEvent.error("that is no message of this chat").json)
                continue
            }
            switch command {
            case .ping(let id): try await socket.send(ChatEvent.pong(id: id).json)
            case .join(let name):
                if member != nil { continue }
                switch self.join(name, socket) {
                case .success(let joined): member = joined
                case .failure(let problem): try await socket.send(ChatEvent.error(problem.text).json)
                }
            case .say(let text):
                guard let member else {
                    try await socket.send(ChatEvent.error("join first").json)
                    continue
                }
                if let problem = self.say(text, member) {
                    try await socket.send(ChatEvent.error(problem.text).json)
                }
            }
        }
    }

    private struct Problem: Error { let text: String }

    private func join(_ name: String, _ socket: WebSocket) -> Result<ChatMember, Problem> {
        let name = name.trimmingCharacters(in: .whitespacesAndNewlines)
        guard Self.nameLengths ~= name.count, name.utf8.count <= 4 * Self.nameLengths.upperBound else {
            return .failure(Problem(text: "a name has 1 to \(Self.nameLengths.upperBound) characters"))
        }
        // Under the lock, so that nobody misses an event between the welcome and the first one.
        return self.state.withLock { state in
            guard state.members.count < Self.maxMembers else { return .failure(Problem(text: "the room is full")) }
            state.lastMember += 1
            let member = ChatMember(id: "c\(state.lastMember)", name: name)
            let members = state.members.values.map(\.member) + [member]
            socket.trySend(ChatEvent.welcome(member, members: members, history: state.history).json)
            Self.send(.joined(member), to: state)
            state.members[member.id] = (member, socket)
            return .success(member)
        }
    }

    private func say(_ text: String, _ member: ChatMember) -> Problem? {
        let text = text.trimmingCharacters(in: .whitespacesAndNewlines)
        guard Self.textLengths ~= text.count, text.utf8.count <= 4 * Self.textLengths.upperBound else {
            return Problem(text: "a message has 1 to \(Self.textLengths.upperBound) characters")
        }
        self.state.withLock { state in
            state.lastUtterance += 1
            let now = Int64(Date().timeIntervalSince1970 * 1_000)
            let utterance = ChatUtterance(id: "m\(state.lastUtterance)", member: member, text: text, at: now)
            state.history.append(utterance)
            if state.history.count > Self.historyLength { state.history.removeFirst() }
            Self.send(.said(utterance), to: state)
        }
        return nil
    }

    private func leave(_ member: ChatMember) {
        self.state.withLock { state in
            state.members[member.id] = nil
            Self.send(.left(member), to: state)
        }
    }

    private static func send(_ event: ChatEvent, to state: State) {
        let message = PreparedMessage(event.json)
        for (_, socket) in state.members.values {
            if case .dropped(.outboxFull) = socket.trySend(message) { socket.abort() }
        }
    }
}

/// Lets one connection send at a steady rate, with bursts.
struct MessageRate {
    private let clock = ContinuousClock()
    private let interval: Duration
    private let burst: Int
    private var due: ContinuousClock.Instant

    init(perSecond: Int, burst: Int) {
        self.interval = .seconds(1) / perSecond
        self.burst = burst
        self.due = self.clock.now
    }

    mutating func admits() -> Bool {
        let now = self.clock.now
        let next = max(self.due, now) + self.interval
        if next - now > self.interval * self.burst { return false }
        self.due = next
        return true
    }
}
