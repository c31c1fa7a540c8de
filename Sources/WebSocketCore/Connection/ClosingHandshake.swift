/// The end of a connection: who said Close, what was answered, and when the transport may go (RFC 6455 §7).
///
///     open ──close()──▶ waitingForClose ──Close──▶ ended (server) | waitingForEndOfStream (client)
///      │ ──Close──▶ ended (server) | waitingForEndOfStream (client)
///      │ ──violation──▶ discarding ──end of stream, bytes or time used up──▶ ended
///      └──end of stream, transport broken──▶ ended
///
/// A server ends the TCP connection as soon as both Close frames are exchanged, a client waits for it to do so
/// (RFC 6455 §7.1.1). After a violation nothing is parsed any more: bytes are thrown away for a while, because a
/// socket closed with unread bytes resets the connection and the Close frame would be lost with it.
struct ClosingHandshake {
    enum Phase: Hashable {
        case open
        case waitingForClose(until: Timestamp)
        case discarding(bytesLeft: Int, until: Timestamp)
        case waitingForEndOfStream(until: Timestamp)
        case ended
    }

    /// What exists only once the end has begun.
    private final class Record {
        var closure: Closure
        init(_ closure: Closure) { self.closure = closure }
    }

    private(set) var phase = Phase.open
    private var record: Record?

    /// How the connection ended, once it has.
    var closure: Closure? {
        switch self.phase {
        case .ended: self.record?.closure
        case .open, .waitingForClose, .discarding, .waitingForEndOfStream: nil
        }
    }

    /// Whether messages may be sent.
    var isOpen: Bool {
        if case .open = self.phase { true } else { false }
    }

    /// Whether the transport may go.
    var hasEnded: Bool {
        if case .ended = self.phase { true } else { false }
    }

    /// Whether frames are still parsed.
    var readsFrames: Bool {
        switch self.phase {
        case .open, .waitingForClose: true
        case .discarding, .waitingForEndOfStream, .ended: false
        }
    }

    var deadline: Timestamp? {
        switch self.phase {
        case .open, .ended: nil
        case .waitingForClose(let until), .discarding(_, let until), .waitingForEndOfStream(let until): until
        }
    }

    /// This end wants to close. Returns whether its Close frame is to be sent: only the first counts.
    mutating func close(_ close: Close, now: Timestamp, limits: Limits) -> Bool {
        guard self.isOpen else { return false }
        self.record = Record(Closure(ending: .abnormal(.endOfStream), initiator: .local, sent: close.sendable))
        self.phase = .waitingForClose(until: now + limits.closeTimeout)
        return true
    }

    /// The peer's Close frame came. Returns the Close frame to answer with, if one is due.
    mutating func received(_ close: Close, role: Role, now: Timestamp, limits: Limits) -> Close? {
        // Code and reason come back, so that whoever began sees in its own API that they arrived (RFC 6455 §5.5.1).
        let answer = self.isOpen ? close : nil
        let record = self.record ?? Record(Closure(ending: .clean, initiator: .peer, sent: answer))
        record.closure.ending = .clean
        record.closure.received = close
        self.record = record
        switch role {
        case .server: self.phase = .ended
        case .client: self.phase = .waitingForEndOfStream(until: now + limits.closeTimeout)
        }
        return answer
    }

    /// The connection is failed (RFC 6455 §7.1.7). Returns the Close frame to send, if none was sent before.
    mutating func fail(_ violation: ProtocolViolation, now: Timestamp, limits: Limits) -> Close? {
        let close = self.isOpen ? Close(violation.closeCode, reason: violation.description) : nil
        let record = self.record ?? Record(Closure(ending: .clean, initiator: .local, sent: close))
        record.closure.ending = .failed(violation)
        self.record = record
        self.phase = .discarding(bytesLeft: limits.maxDiscardedBytes, until: now + limits.discardTimeout)
        return close
    }

    /// The keep-alive or the writer gave up. Returns the Close frame to send, if none was sent before.
    mutating func giveUp(_ wait: Closure.Wait, _ close: Close) -> Close? {
        switch self.phase {
        case .open, .waitingForClose:
            let sent = self.isOpen ? close : nil
            self.end(.timedOut(wait), .local, sent: sent)
            return sent
        case .discarding, .waitingForEndOfStream:
            // How it ended is certain already.
            self.phase = .ended
            return nil
        case .ended: return nil
        }
    }

    /// Bytes came that nobody reads.
    mutating func discarded(_ count: Int) {
        guard case .discarding(let bytesLeft, let until) = self.phase else { return }
        if count >= bytesLeft {
            self.phase = .ended
        } else {
            self.phase = .discarding(bytesLeft: bytesLeft - count, until: until)
        }
    }

    /// The transport ended or broke.
    mutating func transportEnded(_ failure: Closure.TransportFailure) {
        switch self.phase {
        case .open: self.end(.abnormal(failure), failure == .aborted ? .local : .peer)
        case .waitingForClose: self.end(.abnormal(failure), .local)
        case .discarding, .waitingForEndOfStream: self.phase = .ended
        case .ended: break
        }
    }

    mutating func timedOut(now: Timestamp) {
        guard let deadline = self.deadline, deadline <= now else { return }
        switch self.phase {
        case .open, .ended: break
        case .waitingForClose: self.end(.timedOut(.close), .local)
        case .discarding, .waitingForEndOfStream: self.phase = .ended
        }
    }

    private mutating func end(_ ending: Closure.Ending, _ initiator: Closure.Initiator, sent: Close? = nil) {
        let record = self.record ?? Record(Closure(ending: ending, initiator: initiator, sent: sent))
        record.closure.ending = ending
        self.record = record
        self.phase = .ended
    }
}
