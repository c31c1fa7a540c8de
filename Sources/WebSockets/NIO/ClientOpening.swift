import NIOCore
import NIOSSL
import NIOTLS
import WebSocketCore

/// A new connection on the client, until the server has answered: sends the request, checks the answer, and opens the
/// WebSocket or tells why not (RFC 6455 §4.1).
final class ClientOpening: LoopMember, ChannelInboundHandler, RemovableChannelHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum Stage {
        case readingHead
        /// The server refused; its answer's body is collected.
        case readingBody(ResponseHead, RejectionBody)
        case done
    }

    private let handshake: ClientHandshake
    private let configuration: WebSocketClient.Configuration
    private let settings: SharedSettings
    private let channel: any Channel
    private let loop: LoopServices
    private let isSecure: Bool
    private let makeConsumer: () -> Consumer
    private let outcome: EventLoopPromise<WebSocket>
    private var stage = Stage.readingHead
    private var parser: FinalResponseParser
    private var bytes: [UInt8] = []
    private var context: ChannelHandlerContext?

    init(
        url: WebSocketURL, configuration: WebSocketClient.Configuration, settings: SharedSettings,
        channel: any Channel, makeConsumer: @escaping () -> Consumer,
        outcome: EventLoopPromise<WebSocket>
    ) throws {
        let loop = LoopServices.on(channel.eventLoop)
        let key = InlineArray<16, UInt8> { _ in loop.random.next() }
        do {
            self.handshake = try ClientHandshake(
                url: url, subprotocols: configuration.subprotocols, origin: configuration.origin,
                extraFields: configuration.fields, deflate: configuration.socket.deflate, keyBytes: key)
        } catch {
            outcome.fail(WebSocketError.invalidHandshake(error))
            throw WebSocketError.invalidHandshake(error)
        }
        self.configuration = configuration
        self.settings = settings
        self.channel = channel
        self.loop = loop
        self.isSecure = url.isSecure
        self.makeConsumer = makeConsumer
        self.outcome = outcome
        self.parser = FinalResponseParser(limits: configuration.socket.limits.handshake)
    }

    // MARK: From the channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        self.loop.disarm(self)
    }

    func channelActive(context: ChannelHandlerContext) {
        self.loop.arm(self, at: self.loop.now + self.configuration.socket.limits.handshake.timeout)
        // Over TLS it is kept back until the TLS handshake is over.
        context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(bytes: self.handshake.request)), promise: nil)
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = self.unwrapInboundIn(data)
        switch self.stage {
        case .readingHead:
            buffer.withUnsafeReadableBytes { self.bytes.append(contentsOf: $0) }
            self.readHead()
        case .readingBody(let head, var body):
            buffer.withUnsafeReadableBytes { body.append($0) }
            self.readBody(head, body)
        case .done: context.fireChannelRead(data)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        switch self.stage {
        case .readingHead: self.fail(.connectionFailed("the server closed the connection during the opening handshake"))
        case .readingBody(let head, let body): self.fail(.handshakeRejected(head, body: body.bytes))
        case .done: break
        }
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch self.stage {
        case .readingHead, .done: self.fail(.connectionFailed("\(error)"))
        // The refusal is known; that its end is missing is of no interest.
        case .readingBody(let head, let body): self.fail(.handshakeRejected(head, body: body.bytes))
        }
    }

    override func deadlinePassed(now: Timestamp) {
        switch self.stage {
        case .readingHead: self.fail(.handshakeTimedOut(after: self.configuration.socket.limits.handshake.timeout))
        case .readingBody(let head, let body): self.fail(.handshakeRejected(head, body: body.bytes))
        case .done: break
        }
    }

    override func drain() { self.fail(.connectionFailed("aborted")) }

    override func abort() { self.fail(.connectionFailed("aborted")) }

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
                self.loop.arm(self, at: self.loop.now + self.configuration.socket.limits.discardTimeout)
                self.readBody(head, body)
            }
        }
    }

    private func readBody(_ head: ResponseHead, _ body: RejectionBody) {
        self.stage = .readingBody(head, body)
        if body.isComplete { self.fail(.handshakeRejected(head, body: body.bytes)) }
    }

    private func open(_ accepted: ClientHandshake.Accepted, _ head: ResponseHead) {
        guard let context = self.context else { return }
        self.stage = .done
        let info = SocketInfo(
            remoteAddress: self.channel.remoteAddress.map { $0.peerText } ?? "unknown",
            subprotocol: accepted.subprotocol, deflate: accepted.deflate, isSecure: self.isSecure, request: nil,
            response: head)
        let engine = WebSocketHandler(
            channel: self.channel, role: .client, loop: self.loop, settings: self.settings,
            info: info, consumer: self.makeConsumer())
        let pipeline = context.pipeline.syncOperations
        do {
            try pipeline.addHandler(engine, position: .after(self))
        } catch {
            self.outcome.fail(WebSocketError.connectionFailed("\(error)"))
            context.close(promise: nil)
            return
        }
        let rest = self.bytes
        self.bytes = []
        pipeline.removeHandler(self, promise: nil)
        self.outcome.succeed(WebSocket(engine))
        engine.start()
        if !rest.isEmpty { rest.withUnsafeBytes { engine.received($0) } }
    }

    private func fail(_ error: WebSocketError) {
        if case .done = self.stage { return }
        self.stage = .done
        self.outcome.fail(error)
        self.channel.close(mode: .all, promise: nil)
    }
}
