import NIOCore
import WebSocketCore

/// What the attempts of a client to open a connection have in common.
struct ClientPlan: Sendable {
    let url: WebSocketURL
    let configuration: WebSocketClient.Configuration
    let settings: SharedSettings
    let makeConsumer: @Sendable () -> Consumer
    let outcome: EventLoopPromise<WebSocket>
}

/// A new connection on the client, until the server has answered: sends the request, checks the answer, and opens the
/// WebSocket or tells why not (RFC 6455 §4.1).
///
/// A transport is a subclass: it implements the hooks at the end and calls the inputs.
class ClientOpening: LoopMember, @unchecked Sendable {
    private enum Stage {
        case readingHead
        /// The server refused; its answer's body is collected.
        case readingBody(ResponseHead, RejectionBody)
        case done
    }

    final let plan: ClientPlan
    final let loop: LoopServices
    private let handshake: ClientHandshake
    private var stage = Stage.readingHead
    private var parser: FinalResponseParser
    private var bytes: [UInt8] = []
    /// What the opening has come to.
    private var engine: SocketEngine?

    /// - Throws: ``WebSocketError/invalidHandshake(_:)`` if what was configured makes no request.
    init(_ plan: ClientPlan, _ loop: LoopServices) throws(WebSocketError) {
        let key = InlineArray<16, UInt8> { _ in loop.random.next() }
        let configuration = plan.configuration
        do throws(HandshakeFault) {
            self.handshake = try ClientHandshake(
                url: plan.url, subprotocols: configuration.subprotocols, origin: configuration.origin,
                extraFields: configuration.fields, deflate: configuration.socket.deflate, keyBytes: key)
        } catch {
            throw .invalidHandshake(error)
        }
        self.plan = plan
        self.loop = loop
        self.parser = FinalResponseParser(limits: configuration.socket.limits.handshake)
    }

    // MARK: Input from the transport

    /// There is a connection: the time for the handshake begins.
    final func began() {
        self.loop.arm(self, at: self.loop.now + self.plan.configuration.socket.limits.handshake.timeout)
        self.write(self.handshake.request)
    }

    final func received(_ bytes: UnsafeRawBufferPointer) {
        switch self.stage {
        case .readingHead:
            self.bytes.append(contentsOf: bytes)
            self.readHead()
        case .readingBody(let head, var body):
            body.append(bytes)
            self.readBody(head, body)
        case .done: break
        }
    }

    /// Nothing more comes.
    /// - Parameter failure: what broke the connection; `nil` for an orderly end.
    final func transportEnded(_ failure: String?) {
        switch self.stage {
        case .readingHead:
            self.fail(
                .connectionFailed(failure ?? "the server closed the connection during the opening handshake"))
        // The refusal is known; that its end is missing is of no interest.
        case .readingBody(let head, let body): self.fail(.handshakeRejected(head, body: body.bytes))
        case .done: break
        }
    }

    override final func deadlinePassed(now: Timestamp) {
        switch self.stage {
        case .readingHead:
            self.fail(.handshakeTimedOut(after: self.plan.configuration.socket.limits.handshake.timeout))
        case .readingBody(let head, let body): self.fail(.handshakeRejected(head, body: body.bytes))
        case .done: break
        }
    }

    override final func drain() { self.abort() }

    override final func abort() { self.fail(.connectionFailed("aborted")) }

    /// Nobody waits for it any more. If it is open already, nobody may know of it.
    final func cancel() {
        if let engine { engine.abort() } else { self.abort() }
    }

    /// Whether what comes is still for this one.
    final var isDone: Bool {
        if case .done = self.stage { true } else { false }
    }

    // MARK: The answer

    private func readHead() {
        switch self.parser.parse(self.bytes.span.bytes) {
        case .needMoreBytes: return
        case .invalid(let fault): self.fail(.invalidHandshake(fault))
        case .complete(let head, let headBytes):
            self.bytes.removeFirst(headBytes)
            do throws(HandshakeFault) {
                self.open(try self.handshake.validate(head), head)
            } catch {
                guard case .rejected = error else {
                    self.fail(.invalidHandshake(error))
                    return
                }
                var body = RejectionBody(of: head)
                self.bytes.withUnsafeBytes { body.append($0) }
                self.bytes = []
                self.loop.arm(self, at: self.loop.now + self.plan.configuration.socket.limits.discardTimeout)
                self.readBody(head, body)
            }
        }
    }

    private func readBody(_ head: ResponseHead, _ body: RejectionBody) {
        self.stage = .readingBody(head, body)
        if body.isComplete { self.fail(.handshakeRejected(head, body: body.bytes)) }
    }

    private func open(_ accepted: ClientHandshake.Accepted, _ head: ResponseHead) {
        self.stage = .done
        let info = SocketInfo(
            remoteAddress: self.remoteAddress, subprotocol: accepted.subprotocol, deflate: accepted.deflate,
            isSecure: self.plan.url.isSecure, response: SocketInfo.Response(head))
        guard let engine = self.makeEngine(info, self.plan.makeConsumer()) else {
            self.plan.outcome.fail(WebSocketError.connectionFailed("the connection has gone"))
            self.closeTransport()
            return
        }
        let rest = self.bytes
        self.bytes = []
        self.loop.disarm(self)
        self.engine = engine
        self.plan.outcome.succeed(WebSocket(engine))
        engine.start()
        if !rest.isEmpty { rest.withUnsafeBytes { engine.received($0) } }
    }

    final func fail(_ error: WebSocketError) {
        if self.isDone { return }
        self.stage = .done
        self.loop.disarm(self)
        self.plan.outcome.fail(error)
        self.closeTransport()
    }

    // MARK: Hooks of the transport

    /// Address and port of the server.
    var remoteAddress: String { "" }

    /// Sends bytes.
    func write(_ bytes: [UInt8]) {}

    /// Closes the connection, whose opening has failed.
    func closeTransport() {}

    /// The engine that takes this one's place, or `nil` if the connection is over.
    func makeEngine(_ info: SocketInfo, _ consumer: Consumer) -> SocketEngine? { nil }
}
