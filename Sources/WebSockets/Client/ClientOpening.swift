import NIOCore
import NIOSSL
import WebSocketCore

/// A new connection on the client, until the server has answered: goes through the proxy and TLS where there are any, sends
/// the request, checks the answer, and opens the WebSocket or tells why not (RFC 6455 §4.1).
///
///     [tunnelling] ──▶ [securing] ──▶ readingHead ──▶ open, or readingBody of a refusal
///
/// A transport is a subclass: it implements the hooks at the end and calls the inputs.
class ClientOpening: LoopMember, @unchecked Sendable {
    private enum Stage {
        /// The proxy connects to the server.
        case tunnelling(Proxy, ProxyHandshake)
        /// The TLS handshake is under way.
        case securing(TLSPlan)
        case readingHead
        /// The server refused; its answer's body is collected.
        case readingBody(ResponseHead, RejectionBody)
        case done
    }

    final let plan: ClientPlan
    final let loop: LoopServices
    private let handshake: ClientHandshake
    private var stage: Stage
    private var parser: FinalResponseParser
    private var bytes: [UInt8] = []
    /// What the opening has come to.
    private var engine: SocketEngine?

    /// - Throws: ``WebSocketError/invalidHandshake(_:)`` if what was configured makes no request,
    ///   ``WebSocketError/invalidSetting(_:)`` if the proxy's credentials cannot be sent.
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
        if let proxy = plan.proxy {
            self.stage = .tunnelling(
                proxy,
                try ProxyHandshake(
                    proxy, to: plan.url.host, port: plan.url.port, limits: configuration.socket.limits.handshake))
        } else if let tls = plan.tls {
            self.stage = .securing(tls)
        } else {
            self.stage = .readingHead
        }
        self.plan = plan
        self.loop = loop
        self.parser = FinalResponseParser(limits: configuration.socket.limits.handshake)
    }

    // MARK: Input from the transport

    /// There is a connection: the time for all the handshakes begins.
    final func began() {
        self.loop.arm(self, at: self.loop.now + self.plan.configuration.socket.limits.handshake.timeout)
        switch self.stage {
        case .tunnelling(_, let handshake): self.write(handshake.greeting)
        case .securing(let tls): self.secure(tls)
        case .readingHead: self.write(self.handshake.request)
        case .readingBody, .done: break
        }
    }

    /// The TLS handshake is over, and the TLS library trusts the server. Nothing has been sent in it yet.
    final func secured(_ certificate: NIOSSLCertificate?) {
        guard case .securing(let tls) = self.stage else { return }
        do throws(WebSocketError) {
            try tls.check(certificate)
        } catch {
            self.fail(error)
            return
        }
        self.stage = .readingHead
        self.write(self.handshake.request)
    }

    final func received(_ bytes: UnsafeRawBufferPointer) {
        switch self.stage {
        case .tunnelling(let proxy, let handshake):
            self.bytes.append(contentsOf: bytes)
            self.tunnel(through: proxy, handshake)
        // What comes in TLS comes behind its handshake.
        case .securing: break
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
    final func transportEnded(_ failure: WebSocketError?) {
        switch self.stage {
        case .tunnelling(let proxy, _): self.fail(failure ?? .proxyFailed(proxy, .ended))
        case .securing, .readingHead:
            self.fail(
                failure ?? .connectionFailed("the server closed the connection during the opening handshake"))
        // The refusal is known; that its end is missing is of no interest.
        case .readingBody(let head, let body): self.fail(.handshakeRejected(head, body: body.bytes))
        case .done: break
        }
    }

    override final func deadlinePassed(now: Timestamp) {
        switch self.stage {
        case .tunnelling, .securing, .readingHead:
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

    // MARK: On the way to the server

    private func tunnel(through proxy: Proxy, _ before: ProxyHandshake) {
        var handshake = before
        while true {
            let step = handshake.received(&self.bytes)
            self.stage = .tunnelling(proxy, handshake)
            switch step {
            case .needMoreBytes: return
            case .write(let bytes): self.write(bytes)
            case .failed(let fault):
                self.fail(.proxyFailed(proxy, fault))
                return
            case .established:
                // A server says nothing before it is asked.
                guard self.bytes.isEmpty else {
                    self.fail(
                        .proxyFailed(proxy, .protocolError("something followed its answer that nobody asked for")))
                    return
                }
                if let tls = self.plan.tls {
                    self.stage = .securing(tls)
                    self.secure(tls)
                } else {
                    self.stage = .readingHead
                    self.write(self.handshake.request)
                }
                return
            }
        }
    }

    private func secure(_ tls: TLSPlan) {
        do throws(WebSocketError) {
            try self.startTLS(tls)
        } catch {
            self.fail(error)
        }
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
            isSecure: self.plan.url.isSecure, response: SocketInfo.Response(head, from: self.plan.url))
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

    /// Begins the TLS handshake, which ends with ``secured(_:)`` or ``transportEnded(_:)``. Only a transport that is given
    /// plans with TLS is asked to.
    func startTLS(_ tls: TLSPlan) throws(WebSocketError) {}

    /// Closes the connection, whose opening has failed.
    func closeTransport() {}

    /// The engine that takes this one's place, or `nil` if the connection is over.
    func makeEngine(_ info: SocketInfo, _ consumer: Consumer) -> SocketEngine? { nil }
}
