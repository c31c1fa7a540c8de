import Logging
import NIOCore
import NIOTLS
import WebSocketCore

/// A new connection on the server, until it is known what it is: reads the first request's head, and opens a WebSocket,
/// refuses it, or hands an ordinary HTTP request and all that follows to the HTTP pipeline.
///
/// The deadline is absolute: TLS and the head must be complete `Limits.Handshake.timeout` after the accept.
final class ServerOpening: LoopMember, ChannelInboundHandler, RemovableChannelHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum Stage {
        case readingHead
        /// The application thinks about it.
        case deciding
        /// Refused: what still comes is thrown away, up to this many bytes.
        case refused(bytesLeft: Int)
        case done
    }

    private let state: ServerState
    private let channel: any Channel
    private let loop: LoopServices
    private var stage = Stage.readingHead
    private var parser: RequestHeadParser
    private var bytes: [UInt8] = []
    private var context: ChannelHandlerContext?
    private var acceptance: UpgradeAcceptance?
    /// When the application must have decided.
    private var decisionDue = Timestamp.distantFuture
    /// There are too many connections: refuse this one, as soon as there is TLS to say so.
    var isTurnedAway = false

    init(_ state: ServerState, channel: any Channel, loop: LoopServices) {
        self.state = state
        self.channel = channel
        self.loop = loop
        self.parser = RequestHeadParser(limits: state.configuration.socket.limits.handshake)
    }

    // MARK: From the channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        self.loop.add(self)
        self.loop.arm(self, at: self.loop.now + self.state.configuration.socket.limits.handshake.timeout)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        self.loop.remove(self)
    }

    func channelActive(context: ChannelHandlerContext) {
        if !self.state.isSecure { self.turnAway() }
        context.fireChannelActive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted = event as? TLSUserEvent { self.turnAway() }
        context.fireUserInboundEventTriggered(event)
    }

    private func turnAway() {
        guard self.isTurnedAway else { return }
        self.refuse(Rejection(status: 503, fields: ["Retry-After": "5"], body: "too many connections\n"))
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = self.unwrapInboundIn(data)
        switch self.stage {
        case .readingHead:
            buffer.withUnsafeReadableBytes { self.bytes.append(contentsOf: $0) }
            self.readHead()
        case .deciding:
            // The peer speaks too early, which is allowed; reading has stopped, so that it is not much.
            buffer.withUnsafeReadableBytes { self.bytes.append(contentsOf: $0) }
        case .refused(let bytesLeft):
            let left = bytesLeft - buffer.readableBytes
            self.stage = .refused(bytesLeft: left)
            if left <= 0 { context.close(promise: nil) }
        case .done: context.fireChannelRead(data)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        if case .done = self.stage {} else { self.state.leave(self) }
        // Its context lives on for a while; nothing more is to come of it.
        self.stage = .done
        self.acceptance?.cancel()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.state.logger.debug("connection broke before its opening handshake", metadata: ["error": "\(error)"])
        context.close(promise: nil)
    }

    override func deadlinePassed(now: Timestamp) {
        switch self.stage {
        case .readingHead:
            SocketMetrics.refused(limit: "handshake_timeout")
            self.refuse(Rejection(.timedOut(limit: self.state.configuration.socket.limits.handshake.timeout)))
        case .deciding where now < self.decisionDue: self.loop.arm(self, at: self.decisionDue)
        case .deciding:
            self.acceptance?.cancel()
            self.refuse(Rejection(.unavailable))
        case .refused: self.context?.close(promise: nil)
        case .done: break
        }
    }

    override func drain() { self.context?.close(promise: nil) }

    override func abort() { self.context?.close(promise: nil) }

    // MARK: The head

    private func readHead() {
        switch self.parser.parse(self.bytes.span.bytes) {
        case .needMoreBytes: break
        case .invalid(let fault): self.refuse(Rejection(fault))
        case .complete(let head, let headBytes):
            guard ServerHandshake.isUpgrade(head) else {
                self.becomeHTTP()
                return
            }
            self.bytes.removeFirst(headBytes)
            self.stage = .deciding
            let acceptance = UpgradeAcceptance(
                state: self.state, channel: self.channel, loop: self.loop
            ) { [unowned self] in self.decided($0) }
            self.acceptance = acceptance
            self.decisionDue = self.loop.now + self.state.configuration.socket.limits.handshake.timeout
            acceptance.begin(head)
            // Whoever decides later must not be flooded meanwhile.
            if case .deciding = self.stage { try? self.channel.syncOptions?.setOption(.autoRead, value: false) }
        }
    }

    private func decided(_ outcome: UpgradeAcceptance.Outcome) {
        guard case .deciding = self.stage, let context = self.context else { return }
        switch outcome {
        case .refused(let rejection):
            try? self.channel.syncOptions?.setOption(.autoRead, value: true)
            self.refuse(rejection)
        case .accepted(let response, let makeEngine):
            self.stage = .done
            let engine = makeEngine()
            self.state.replace(self, with: engine, on: self.loop.eventLoop)
            let pipeline = context.pipeline.syncOperations
            do {
                try pipeline.addHandler(engine, position: .after(self))
            } catch {
                self.state.leave(engine)
                context.close(promise: nil)
                return
            }
            // From here on the engine hears how the connection fares, under this very write already.
            context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(bytes: response)), promise: nil)
            // The bytes that came behind the request are the first frames.
            let rest = self.bytes
            self.bytes = []
            pipeline.removeHandler(self, promise: nil)
            // Before the engine is given anything: it may stop the reading again.
            try? self.channel.syncOptions?.setOption(.autoRead, value: true)
            engine.start()
            if !rest.isEmpty { rest.withUnsafeBytes { engine.received($0) } }
        }
    }

    /// RFC 6455 §4.2.1: an HTTP error instead. The rest of what the peer sends is read and thrown away, or the TCP reset
    /// for unread bytes would destroy the answer.
    private func refuse(_ rejection: Rejection) {
        guard let context = self.context else { return }
        SocketMetrics.handshake(status: rejection.head.status)
        self.state.logger.debug(
            "opening handshake refused", metadata: ["status": "\(rejection.head.status)"])
        let limits = self.state.configuration.socket.limits
        self.stage = .refused(bytesLeft: limits.maxDiscardedBytes)
        self.bytes = []
        context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(bytes: rejection.encode())), promise: nil)
        context.close(mode: .output, promise: nil)
        self.loop.arm(self, at: self.loop.now + limits.discardTimeout)
    }

    private func becomeHTTP() {
        guard let context = self.context else { return }
        self.stage = .done
        let bytes = ByteBuffer(bytes: self.bytes)
        self.bytes = []
        let http = HTTPRequestHandler(self.state, channel: self.channel, loop: self.loop)
        do {
            try http.install(in: context.pipeline.syncOperations, after: self)
        } catch {
            context.close(promise: nil)
            return
        }
        self.state.replace(self, with: http, on: self.loop.eventLoop)
        context.fireChannelRead(NIOAny(bytes))
        context.fireChannelReadComplete()
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }
}
