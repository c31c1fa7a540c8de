import Foundation

/// What the page says to the chat.
enum ChatCommand: Decodable {
    case join(name: String)
    case say(text: String)
    case ping(id: Int)

    private enum Keys: String, CodingKey {
        case type, name, text, id
    }

    init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Keys.self)
        switch try values.decode(String.self, forKey: .type) {
        case "join": self = .join(name: try values.decode(String.self, forKey: .name))
        case "say": self = .say(text: try values.decode(String.self, forKey: .text))
        case "ping": self = .ping(id: try values.decode(Int.self, forKey: .id))
        case let type:
            throw DecodingError.dataCorruptedError(forKey: .type, in: values, debugDescription: "no such type: \(type)")
        }
    }
}

struct ChatMember: Codable, Hashable, Sendable {
    let id: String
    let name: String
}

/// Something a member has said; `at` is in milliseconds since 1970.
struct ChatUtterance: Codable, Hashable, Sendable {
    let id: String
    let member: ChatMember
    let text: String
    let at: Int64
}

/// What the chat says to the page.
enum ChatEvent: Encodable {
    case welcome(ChatMember, members: [ChatMember], history: [ChatUtterance])
    case joined(ChatMember)
    case left(ChatMember)
    case said(ChatUtterance)
    case pong(id: Int)
    case error(String)

    private enum Keys: String, CodingKey {
        case type, id, name, members, history, member, text, at, message
    }

    func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: Keys.self)
        switch self {
        case .welcome(let member, let members, let history):
            try values.encode("welcome", forKey: .type)
            try values.encode(member.id, forKey: .id)
            try values.encode(member.name, forKey: .name)
            try values.encode(members, forKey: .members)
            try values.encode(history, forKey: .history)
        case .joined(let member):
            try values.encode("joined", forKey: .type)
            try values.encode(member, forKey: .member)
        case .left(let member):
            try values.encode("left", forKey: .type)
            try values.encode(member, forKey: .member)
        case .said(let utterance):
            try values.encode("said", forKey: .type)
            try values.encode(utterance.id, forKey: .id)
            try values.encode(utterance.member, forKey: .member)
            try values.encode(utterance.text, forKey: .text)
            try values.encode(utterance.at, forKey: .at)
        case .pong(let id):
            try values.encode("pong", forKey: .type)
            try values.encode(id, forKey: .id)
        case .error(let message):
            try values.encode("error", forKey: .type)
            try values.encode(message, forKey: .message)
        }
    }

    var json: String {
        // An enum of strings and numbers always encodes.
        (try? JSONEncoder().encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }
}
