import Logging
import WebSocketCore

/// A new connection on the server, until it is known what it is: reads the first request's head, and opens a WebSocket,
/// refuses it, or hands an ordinary HTTP request and all that follows to the HTTP pipeline.
///
/// A transport is a subclass: it implements the hooks at the end and calls the inputs. The deadline is absolute: TLS and
/// the head must be complete `Limits.Handshake.timeout` after the accept.
class ServerOpening: LoopMember, @unchecked Sendable {
    private enum Stage {
        case readingHead
        /// The application thinks about it.
        case deciding
        /// Refused: what still comes is thrown away, up to this many bytes.
        case refused(bytesLeft: Int)
        case done
    }

    final let state: ServerState
    final let loop: LoopServices
    private let counted: ServerLoop
    private var stage = Stage.readingHead
    private var parser: RequestHeadParser
    private var bytes: [UInt8] = []
    private var acceptance: UpgradeAcceptance?
    /// When the application must have decided.
    private var decisionDue = Timestamp.distantFuture
    /// Where it came in, and from where.
    final var arrival: Arrival
    private var claim = AddressClaim.none
    /// There are too many connections: refuse this one, as soon as there is TLS to say so.
    private var refusal: (limit: AdmissionLimit, retryAfter: Int)?
    /// Whether the peer can be told anything.
    private var isReady = false

    init(_ counted: ServerLoop, _ arrival: Arrival) {
        self.counted = counted
        self.arrival = arrival
        self.state = counted.server
        self.loop = counted.services
        self.parser = RequestHeadParser(limits: counted.server.configuration.socket.limits.handshake)
    }

    /// Counts the connection. Returns `false` if it is to be closed without a word.
    final func enter() -> Bool {
        switch self.counted.enter(self, from: self.arrival.remoteAddress) {
        case .welcome(let claim):
            self.claim = claim
            return true
        case .refused(let limit, let retryAfter, let claim):
            SocketMetrics.refused(limit: limit.rawValue)
            self.claim = claim
            self.refusal = (limit, retryAfter)
            return true
        case .ignored(let limit):
            SocketMetrics.refused(limit: limit.rawValue)
            return false
        }
    }

    /// It is the same connection as `other`, which was counted, and has left its loop.
    final func take(over other: ServerOpening) {
        self.claim = other.claim
        self.refusal = other.refusal
    }

    override final func addressClaim(in server: ServerState) -> AddressClaim { self.claim }

    // MARK: Input from the transport

    /// The time for the head begins.
    final func began() {
        self.loop.arm(self, at: self.loop.now + self.state.configuration.socket.limits.handshake.timeout)
    }

    /// The transport is ready to say something to the peer.
    final func ready() {
        self.isReady = true
        guard let refusal else { return }
        var fields = HeaderFields()
        try? fields.append("Retry-After", "\(refusal.retryAfter)")
        self.refuse(Rejection(status: 503, fields: fields, body: refusal.limit.text))
    }

    /// Somebody else has read the head of the first request, which asks for a WebSocket.
    final func begin(_ head: RequestHead) {
        guard self.isReadingHead else { return }
        self.decide(head)
    }

    final func received(_ bytes: UnsafeRawBufferPointer) {
        switch self.stage {
        case .readingHead:
            self.bytes.append(contentsOf: bytes)
            self.readHead()
        // The peer speaks too early, which is allowed; reading has stopped, so that it is not much.
        case .deciding: self.bytes.append(contentsOf: bytes)
        case .refused(let bytesLeft):
            let left = bytesLeft - bytes.count
            self.stage = .refused(bytesLeft: left)
            if left <= 0 { self.closeTransport() }
        case .done: break
        }
    }

    /// The transport has ended. Nothing more is to come of it.
    final func transportEnded() {
        self.stage = .done
        self.acceptance?.cancel()
        self.counted.leave(self)
    }

    override final func deadlinePassed(now: Timestamp) {
        switch self.stage {
        case .readingHead:
            SocketMetrics.refused(limit: "handshake_timeout")
            // Nothing can be said, and nothing is waited for, where TLS is not there yet.
            guard self.isReady else {
                self.closeTransport()
                return
            }
            self.refuse(Rejection(.timedOut(limit: self.state.configuration.socket.limits.handshake.timeout)))
        case .deciding where now < self.decisionDue: self.loop.arm(self, at: self.decisionDue)
        case .deciding:
            self.acceptance?.cancel()
            self.refuse(Rejection(.unavailable))
        case .refused: self.closeTransport()
        case .done: break
        }
    }

    override final func drain() { self.closeTransport() }

    override final func abort() { self.closeTransport() }

    /// Whether what comes is still for this one.
    final var isDone: Bool {
        if case .done = self.stage { true } else { false }
    }

    /// Whether nothing has been said yet.
    final var isReadingHead: Bool {
        if case .readingHead = self.stage { true } else { false }
    }

    // MARK: The head

    private func readHead() {
        switch self.parser.parse(self.bytes.span.bytes) {
        case .needMoreBytes: break
        case .invalid(let fault): self.refuse(Rejection(fault))
        case .complete(let head, let headBytes):
            guard ServerHandshake.isUpgrade(head) else {
                self.stage = .done
                let bytes = self.bytes
                self.bytes = []
                self.becomeHTTP(bytes)
                return
            }
            self.bytes.removeFirst(headBytes)
            self.decide(head)
        }
    }

    private func decide(_ head: RequestHead) {
        self.stage = .deciding
        let acceptance = UpgradeAcceptance(state: self.state, arrival: self.arrival, loop: self.loop) {
            [unowned self] in self.decided($0)
        }
        self.acceptance = acceptance
        self.decisionDue = self.loop.now + self.state.configuration.socket.limits.handshake.timeout
        acceptance.begin(head)
        // Whoever decides later must not be flooded meanwhile.
        if case .deciding = self.stage { self.setReading(false) }
    }

    private func decided(_ outcome: UpgradeAcceptance.Outcome) {
        guard case .deciding = self.stage else { return }
        switch outcome {
        case .refused(let rejection):
            self.refuse(rejection)
        case .accepted(let accepted):
            self.stage = .done
            let rest = self.bytes
            self.bytes = []
            guard let engine = self.makeEngine(accepted) else {
                self.closeTransport()
                return
            }
            self.counted.replace(self, with: engine)
            // From here on the engine hears how the connection fares, under this very write already.
            self.write(accepted.response)
            self.handOver(to: engine)
            // Before the engine is given anything: it may stop the reading again.
            self.setReading(true)
            engine.start()
            // The bytes that came behind the request are the first frames.
            if !rest.isEmpty { rest.withUnsafeBytes { engine.received($0) } }
            self.opened()
        }
    }

    /// RFC 6455 §4.2.1: an HTTP error instead. The rest of what the peer sends is read and thrown away, or the TCP reset
    /// for unread bytes would destroy the answer.
    final func refuse(_ rejection: Rejection) {
        SocketMetrics.handshake(status: rejection.head.status)
        self.state.logger.debug(
            "opening handshake refused", metadata: ["status": "\(rejection.head.status)"])
        let limits = self.state.configuration.socket.limits
        self.stage = .refused(bytesLeft: limits.maxDiscardedBytes)
        self.bytes = []
        self.write(rejection.encode())
        self.endOutput()
        self.setReading(true)
        self.loop.arm(self, at: self.loop.now + limits.discardTimeout)
    }

    // MARK: Hooks of the transport

    /// Sends bytes.
    func write(_ bytes: [UInt8]) {}

    /// Ends this side of the stream once everything is sent.
    func endOutput() {}

    /// Closes the connection; ``transportEnded()`` follows.
    func closeTransport() {}

    /// Stops or resumes reading.
    func setReading(_ isReading: Bool) {}

    /// The connection goes on as HTTP, beginning with `bytes`.
    func becomeHTTP(_ bytes: [UInt8]) {}

    /// The engine that the connection goes on with, or `nil` if it is over.
    func makeEngine(_ accepted: AcceptedUpgrade) -> SocketEngine? { nil }

    /// The engine takes this one's place.
    func handOver(to engine: SocketEngine) {}

    /// The engine has started.
    func opened() {}
}
