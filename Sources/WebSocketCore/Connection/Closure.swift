/// How a connection ended.
public struct Closure: Sendable, Hashable, CustomStringConvertible {
    public enum Ending: Sendable, Hashable {
        /// Both Close frames were exchanged (RFC 6455 §7.1.4).
        case clean
        /// This end failed the connection because of what the peer sent (RFC 6455 §7.1.7).
        case failed(ProtocolViolation)
        /// The transport ended before the closing handshake was complete; other APIs call it 1006 (RFC 6455 §7.1.5).
        case abnormal(TransportFailure)
        /// Something did not happen in time.
        case timedOut(Wait)
    }

    /// How the transport ended.
    public enum TransportFailure: Sendable, Hashable {
        /// The peer ended its side of the stream.
        case endOfStream
        /// The connection was reset or broke; the text is the system's.
        case broken(String)
        /// This end dropped it without a closing handshake.
        case aborted
    }

    /// What was waited for in vain.
    public enum Wait: Sendable, Hashable {
        /// A sign of life after a ping.
        case keepAlive
        /// The peer's Close frame.
        case close
        /// Room to write: the peer did not read.
        case write
    }

    public enum Initiator: Sendable, Hashable {
        /// This end.
        case local
        /// The other end.
        case peer
    }

    public var ending: Ending

    /// Who ended it first.
    public var initiator: Initiator

    /// The Close frame this end sent.
    public var sent: Close?

    /// The Close frame that came. Without a code in it, other APIs call it 1005.
    public var received: Close?

    public init(ending: Ending, initiator: Initiator, sent: Close? = nil, received: Close? = nil) {
        self.ending = ending
        self.initiator = initiator
        self.sent = sent
        self.received = received
    }

    /// Whether both Close frames were exchanged.
    public var isClean: Bool { self.ending == .clean }

    /// The peer's code, or where the peer sent none, ours.
    public var code: CloseCode? { self.received?.code ?? self.sent?.code }

    /// The peer's reason, or where the peer sent no Close frame, ours.
    public var reason: String { self.received?.reason ?? self.sent?.reason ?? "" }

    public var description: String {
        let who = self.initiator == .local ? "by this end" : "by the peer"
        let code = self.code.map { " \($0)" } ?? ""
        let reason = self.reason.isEmpty ? "" : " (\(self.reason.inOneLine))"
        switch self.ending {
        case .clean: return "closed \(who)\(code)\(reason)"
        case .failed(let violation): return "failed \(violation.closeCode): \(violation)"
        case .abnormal(.endOfStream): return "ended \(who) without a closing handshake"
        case .abnormal(.broken(let text)): return "connection broke: \(text)"
        case .abnormal(.aborted): return "aborted by this end"
        case .timedOut(.keepAlive): return "timed out: no sign of life"
        case .timedOut(.close): return "timed out: no Close frame from the peer"
        case .timedOut(.write): return "timed out: the peer does not read"
        }
    }
}
