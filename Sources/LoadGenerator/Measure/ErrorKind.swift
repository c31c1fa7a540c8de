package import WebSocketCore
import WebSockets

/// What can go wrong, as it is counted.
package enum ErrorKind: Sendable, Hashable {
    /// TCP or TLS.
    case connectFailed
    /// The server answered with this status instead of 101.
    case handshakeRejected(status: Int)
    case handshakeTimedOut
    /// The answer breaks RFC 6455 §4.1.
    case invalidHandshake
    /// The server closed the connection while it was used.
    case closed(code: UInt16?)
    /// The transport ended without a closing handshake.
    case endOfStream
    case broken
    /// No sign of life.
    case keepAliveTimedOut
    /// The server did not read.
    case writeTimedOut
    /// No Close frame came back.
    case closeTimedOut
    /// What the server sent breaks the protocol; this end closed with the code.
    case protocolViolation(code: UInt16)
    /// Not what was sent: another length, kind, or content.
    case mismatch
    /// Nothing was waited for.
    case unexpectedMessage
    /// Messages whose answer had not come at the end, or when the connection was lost.
    case noReply
    /// The outbox was full.
    case notSent
    /// Broadcast messages that a subscriber has not got.
    case missing
    case duplicate
    case outOfOrder

    package init(_ error: any Error) {
        guard let error = error as? WebSocketError else {
            self = .connectFailed
            return
        }
        switch error {
        case .handshakeRejected(let head, _): self = .handshakeRejected(status: Int(head.status))
        case .invalidHandshake: self = .invalidHandshake
        case .handshakeTimedOut: self = .handshakeTimedOut
        case .closed(let closure), .messageCutShort(let closure): self = ErrorKind(closure)
        case .closing, .refused, .outboxFull, .alreadyReceiving, .invalidURL, .connectionFailed, .proxyFailed,
            .tlsFailed, .redirectRefused, .tooManyConnecting, .invalidSetting:
            self = .connectFailed
        }
    }

    package init(_ closure: Closure) {
        switch closure.ending {
        case .clean: self = .closed(code: closure.code?.rawValue)
        case .failed(let violation): self = .protocolViolation(code: violation.closeCode.rawValue)
        case .abnormal(.endOfStream): self = .endOfStream
        case .abnormal(.broken), .abnormal(.aborted): self = .broken
        case .timedOut(.keepAlive): self = .keepAliveTimedOut
        case .timedOut(.write): self = .writeTimedOut
        case .timedOut(.close): self = .closeTimedOut
        }
    }

    /// What it is called in JSON. These names stay.
    package var key: String {
        switch self {
        case .connectFailed: "connectFailed"
        case .handshakeRejected(let status): "handshakeRejected\(status)"
        case .handshakeTimedOut: "handshakeTimedOut"
        case .invalidHandshake: "invalidHandshake"
        case .closed(let code): "closed\(code.map { "\($0)" } ?? "WithoutCode")"
        case .endOfStream: "endOfStream"
        case .broken: "broken"
        case .keepAliveTimedOut: "keepAliveTimedOut"
        case .writeTimedOut: "writeTimedOut"
        case .closeTimedOut: "closeTimedOut"
        case .protocolViolation(let code): "protocolViolation\(code)"
        case .mismatch: "mismatch"
        case .unexpectedMessage: "unexpectedMessage"
        case .noReply: "noReply"
        case .notSent: "notSent"
        case .missing: "missing"
        case .duplicate: "duplicate"
        case .outOfOrder: "outOfOrder"
        }
    }

    package var title: String {
        switch self {
        case .connectFailed: "could not connect"
        case .handshakeRejected(let status): "handshake refused with status \(status)"
        case .handshakeTimedOut: "no answer to the handshake in time"
        case .invalidHandshake: "the answer to the handshake is wrong"
        case .closed(let code?): "closed by the server with \(code)"
        case .closed(nil): "closed by the server without a code"
        case .endOfStream: "ended by the server without a Close frame"
        case .broken: "connection broke"
        case .keepAliveTimedOut: "no sign of life"
        case .writeTimedOut: "the server did not read"
        case .closeTimedOut: "no answer to the Close frame"
        case .protocolViolation(let code): "the server broke the protocol (\(code))"
        case .mismatch: "answer is not what was sent"
        case .unexpectedMessage: "message that nobody had asked for"
        case .noReply: "no answer"
        case .notSent: "not sent: the server does not read"
        case .missing: "not delivered"
        case .duplicate: "delivered twice"
        case .outOfOrder: "delivered out of order"
        }
    }
}

/// How often what went wrong, with the first explanation of each.
package struct ErrorCounts: Sendable, Equatable {
    package struct Entry: Sendable, Equatable {
        package var count: Int
        package var example: String?
    }

    package private(set) var entries: [ErrorKind: Entry] = [:]

    package init() {}

    package var total: Int { self.entries.values.reduce(0) { $0 + $1.count } }
    package var isEmpty: Bool { self.entries.isEmpty }

    /// The most frequent first.
    package var sorted: [(kind: ErrorKind, entry: Entry)] {
        self.entries.map { ($0.key, $0.value) }.sorted {
            $0.entry.count == $1.entry.count ? $0.kind.key < $1.kind.key : $0.entry.count > $1.entry.count
        }
    }

    package subscript(kind: ErrorKind) -> Int { self.entries[kind]?.count ?? 0 }

    package mutating func count(_ kind: ErrorKind, _ count: Int = 1, example: @autoclosure () -> String? = nil) {
        guard count > 0 else { return }
        if self.entries[kind] != nil {
            self.entries[kind]?.count += count
        } else {
            self.entries[kind] = Entry(count: count, example: example().map { String($0.prefix(160)) })
        }
    }

    package mutating func add(_ other: ErrorCounts) {
        for (kind, entry) in other.entries { self.count(kind, entry.count, example: entry.example) }
    }
}
