import Logging
import NIOCore
import NIOHTTP1
import WebSocketCore

/// Ordinary HTTP/1.1 on the port of the WebSocket server, parsed by NIO: gives whole requests to the application, one
/// after the other, and lets a connection become a WebSocket with any of its requests.
///
/// While a request is answered nothing more is read; a body has a limit; a connection that says nothing is closed.
final class HTTPRequestHandler: LoopMember, ChannelInboundHandler, RemovableChannelHandler, @unchecked Sendable {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private enum Stage {
        case idle
        case receiving(HTTPRequestHead, body: [UInt8])
        case answering
        /// The WebSocket takes over, or the connection ends.
        case done
    }

    private let state: ServerState
    private let channel: any Channel
    private let loop: LoopServices
    private var stage = Stage.idle
    private var context: ChannelHandlerContext?
    private var acceptance: UpgradeAcceptance?
    private var task: Task<Void, Never>?
    private var isDraining = false
    /// When a connection that has not brought a whole request by then is closed, or a WebSocket must be decided about.
    private var deadline = Timestamp.distantFuture
    /// What surrounds this handler in the pipeline, in the order of removal; the decoder gives up its bytes last.
    private var surroundings: [any RemovableChannelHandler] = []

    init(_ state: ServerState, channel: any Channel, loop: LoopServices) {
        self.state = state
        self.channel = channel
        self.loop = loop
    }

    /// Puts NIO's HTTP handlers and this one behind `handler`.
    func install(in pipeline: ChannelPipeline.SynchronousOperations, after handler: any ChannelHandler) throws {
        let limits = self.state.configuration.socket.limits.handshake
        var decoderLimits = NIOHTTPDecoderLimitConfiguration()
        decoderLimits.maxHeaderFieldSize = limits.maxFieldBytes
        decoderLimits.maxHeaderListSize = limits.maxHeadBytes
        decoderLimits.maxHeaderFieldCount = limits.maxFields
        let decoder = ByteToMessageHandler(
            HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes, limitConfiguration: decoderLimits))
        let encoder = HTTPResponseEncoder()
        let pipelining = HTTPServerPipelineHandler()
        let validator = NIOHTTPResponseHeadersValidator()
        let errors = HTTPServerProtocolErrorHandler()
        try pipeline.addHandlers([encoder, decoder, pipelining, validator, errors, self], position: .after(handler))
        self.surroundings = [pipelining, validator, errors, encoder, decoder]
    }

    // MARK: From the channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        self.loop.add(self)
        self.armRequest()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        self.loop.remove(self)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch (self.unwrapInboundIn(data), self.stage) {
        case (.head(let head), .idle):
            self.stage = .receiving(head, body: [])
            self.armRequest()
        case (.body(let buffer), .receiving(let head, var body)):
            let limit = self.state.configuration.maxRequestBodyBytes
            guard body.count + buffer.readableBytes <= limit else {
                SocketMetrics.refused(limit: "max_request_body_bytes")
                self.answerAndClose(HTTPResponse(status: 413, "the body is longer than \(limit) bytes\n"), head)
                return
            }
            self.stage = .idle  // So that the bytes are appended in place.
            buffer.withUnsafeReadableBytes { body.append(contentsOf: $0) }
            self.stage = .receiving(head, body: body)
        case (.end, .receiving(let head, let body)): self.received(head, body)
        case (.head, _), (.body, _), (.end, _): break  // Of a request that was refused.
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        if case .done = self.stage {} else { self.state.leave(self) }
        self.acceptance?.cancel()
        self.task?.cancel()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.state.logger.debug("HTTP connection failed", metadata: ["error": "\(error)"])
        context.close(promise: nil)
    }

    override func deadlinePassed(now: Timestamp) {
        if now < self.deadline {
            self.loop.arm(self, at: self.deadline)
            return
        }
        switch self.stage {
        case .idle, .receiving: self.context?.close(promise: nil)
        case .answering:
            self.acceptance?.cancel()
            self.decided(.refused(Rejection(.unavailable)))
        case .done: break
        }
    }

    override func drain() {
        self.isDraining = true
        if case .idle = self.stage { self.context?.close(promise: nil) }
    }

    override func abort() { self.context?.close(promise: nil) }

    private func armRequest() { self.arm(in: self.state.configuration.requestTimeout) }

    private func arm(in time: Duration) {
        self.deadline = self.loop.now + time
        self.loop.arm(self, at: self.deadline)
    }

    // MARK: Requests

    private func received(_ head: HTTPRequestHead, _ body: [UInt8]) {
        self.stage = .answering
        // The application may take its time.
        self.deadline = .distantFuture
        guard let request = Self.coreHead(head) else {
            self.answerAndClose(HTTPResponse(status: 400, "malformed request\n"), head)
            return
        }
        if ServerHandshake.isUpgrade(request) {
            let acceptance = UpgradeAcceptance(
                state: self.state, channel: self.channel, loop: self.loop
            ) { [unowned self] in self.decided($0) }
            self.acceptance = acceptance
            self.arm(in: self.state.configuration.socket.limits.handshake.timeout)
            acceptance.begin(request)
            return
        }
        if self.state.routes.route(for: request.path) != nil {
            let fault = HandshakeFault.missingToken(field: "Upgrade", token: "websocket")
            let rejection = Rejection(
                status: 426, body: "this is the address of a WebSocket: \(fault)\n")
            self.answerAndClose(
                HTTPResponse(status: 426, fields: rejection.head.fields, body: rejection.body), head)
            return
        }
        guard let respond = self.state.respond else {
            self.answer(HTTPResponse(status: 404, "nothing is here\n"), head)
            return
        }
        self.ask(
            respond,
            HTTPRequest(
                head: request, body: body,
                remoteAddress: self.channel.remoteAddress.map(UpgradeAcceptance.text) ?? "unknown"), head)
    }

    private func ask(
        _ respond: @escaping @Sendable (HTTPRequest) async throws -> HTTPResponse, _ request: HTTPRequest,
        _ head: HTTPRequestHead
    ) {
        let unsafeSelf = Unchecked(self)  // Comes back to the loop.
        let eventLoop = self.loop.eventLoop
        let logger = self.state.logger
        self.task = Task(executorPreference: self.loop.executor) {
            let response: HTTPResponse
            do {
                response = try await respond(request)
            } catch {
                logger.error("answering a request failed", metadata: ["error": "\(error)"])
                response = HTTPResponse(status: 500, "internal server error\n")
            }
            eventLoop.execute { unsafeSelf.value.answer(response, head) }
        }
    }

    private func answer(_ response: HTTPResponse, _ head: HTTPRequestHead) {
        guard let context = self.context, case .answering = self.stage else { return }
        let saysClose = response.fields.contains("Connection", token: "close")
        let isKeptAlive =
            head.isKeepAlive && !self.isDraining && !saysClose && !head.headers.contains(name: "Upgrade")
        var fields = HTTPHeaders(response.fields.map { ($0.name, $0.value) })
        fields.replaceOrAdd(name: "Content-Length", value: "\(response.body.count)")
        if !isKeptAlive, !saysClose { fields.replaceOrAdd(name: "Connection", value: "close") }
        let status = HTTPResponseStatus(statusCode: min(max(response.status, 200), 599))
        // RFC 9110 §6.4.1: a body would be taken for the next response.
        let mayHaveBody = head.method != .HEAD && status.mayHaveResponseBody
        context.write(
            self.wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: status, headers: fields))),
            promise: nil)
        if mayHaveBody, !response.body.isEmpty {
            context.write(self.wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: response.body)))), promise: nil)
        }
        self.stage = .idle
        self.task = nil
        if isKeptAlive {
            context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: nil)
            self.armRequest()
        } else {
            let written = context.eventLoop.makePromise(of: Void.self)
            let channel = self.channel
            written.futureResult.whenComplete { _ in channel.close(mode: .all, promise: nil) }
            context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: written)
        }
    }

    private func answerAndClose(_ response: HTTPResponse, _ head: HTTPRequestHead) {
        self.isDraining = true
        self.stage = .answering
        self.answer(response, head)
    }

    /// The same head in the words of the core, which has its own, stricter rules.
    private static func coreHead(_ head: HTTPRequestHead) -> RequestHead? {
        var fields = HeaderFields()
        for (name, value) in head.headers {
            do { try fields.append(name, value) } catch { return nil }
        }
        return RequestHead(
            method: head.method.rawValue, target: head.uri,
            version: ProtocolVersion(major: head.version.major, minor: head.version.minor), fields: fields)
    }

    // MARK: Becoming a WebSocket

    private func decided(_ outcome: UpgradeAcceptance.Outcome) {
        guard let context = self.context else { return }
        switch outcome {
        case .refused(let rejection):
            SocketMetrics.handshake(status: rejection.head.status)
            let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: "/")
            self.answerAndClose(
                HTTPResponse(status: rejection.head.status, fields: rejection.head.fields, body: rejection.body), head)
        case .accepted(let response, let makeEngine):
            self.stage = .done
            let engine = makeEngine()
            self.state.replace(self, with: engine, on: self.loop.eventLoop)
            let pipeline = context.pipeline.syncOperations
            do {
                try pipeline.addHandler(engine, position: .last)
            } catch {
                self.state.leave(engine)
                context.close(promise: nil)
                return
            }
            // The encoder goes before the response is written, which is complete as it is; the decoder goes last and
            // hands the bytes that came behind the request to the WebSocket.
            let decoder = self.surroundings.removeLast()
            for handler in self.surroundings { pipeline.removeHandler(handler, promise: nil) }
            self.surroundings = []
            pipeline.removeHandler(self, promise: nil)
            self.channel.writeAndFlush(ByteBuffer(bytes: response), promise: nil)
            engine.start()
            pipeline.removeHandler(decoder, promise: nil)
        }
    }
}
