import Logging
import NIOCore
import NIOHTTP1
import WebSocketCore

/// Ordinary HTTP/1.1 on the port of the WebSocket server, parsed by NIO: gives whole requests to the application, one
/// after the other, and lets a connection become a WebSocket with any of its requests.
///
/// While a request is answered nothing more is read; a body has a limit; a connection that says nothing, or takes
/// nothing of its answer, is closed.
final class HTTPRequestHandler: LoopMember, ChannelInboundHandler, RemovableChannelHandler, @unchecked Sendable {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private enum Stage {
        case idle
        case receiving(HTTPRequestHead, body: [UInt8])
        case answering
        /// The answer is written but for its end, which lets the next request come: the peer has to take some of it first.
        case blocked
        /// The last answer is written, or will be once the peer has taken what stands before it. Nothing of what comes
        /// is looked at any more.
        case closing
        /// The WebSocket takes over, or the connection ends.
        case done
    }

    private let state: ServerState
    private let counted: ServerLoop
    private let channel: any Channel
    private let loop: LoopServices
    private var stage = Stage.idle
    private var context: ChannelHandlerContext?
    private var acceptance: UpgradeAcceptance?
    private var task: Task<Void, Never>?
    private var isDraining = false
    /// When a connection that has not brought a whole request by then, or has not taken anything of its answer, is
    /// closed; when a WebSocket must be decided about.
    private var deadline = Timestamp.distantFuture
    /// What waited to be written when the deadline passed last.
    private var waitingAtDeadline = 0
    /// Comes true when the last answer has been written.
    private var written: EventLoopFuture<Void>?
    /// What surrounds this handler in the pipeline, in the order of removal; the decoder gives up its bytes last.
    private var surroundings: [any RemovableChannelHandler] = []
    private let arrival: Arrival

    init(_ counted: ServerLoop, _ arrival: Arrival, channel: any Channel) {
        self.arrival = arrival
        self.counted = counted
        self.state = counted.server
        self.channel = channel
        self.loop = counted.services
    }

    /// Puts NIO's HTTP handlers and this one behind `handler`, or to the end of the pipeline.
    func install(in pipeline: ChannelPipeline.SynchronousOperations, after handler: (any ChannelHandler)?) throws {
        let decoder = Self.makeDecoder(self.state.configuration.socket.limits.handshake)
        let encoder = HTTPResponseEncoder()
        let pipelining = HTTPServerPipelineHandler()
        let validator = NIOHTTPResponseHeadersValidator()
        let errors = HTTPServerProtocolErrorHandler()
        try pipeline.addHandlers(
            [encoder, decoder, pipelining, validator, errors, self], position: handler.map { .after($0) } ?? .last)
        self.surroundings = [pipelining, validator, errors, encoder, decoder]
    }

    /// NIO's decoder with the limits of the opening handshake. It forwards the bytes behind the request that becomes a
    /// WebSocket.
    static func makeDecoder(_ limits: Limits.Handshake) -> ByteToMessageHandler<HTTPRequestDecoder> {
        var decoderLimits = NIOHTTPDecoderLimitConfiguration()
        decoderLimits.maxHeaderFieldSize = limits.maxFieldBytes
        decoderLimits.maxHeaderListSize = limits.maxHeadBytes
        decoderLimits.maxHeaderFieldCount = limits.maxFields
        return ByteToMessageHandler(
            HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes, limitConfiguration: decoderLimits))
    }

    // MARK: From the channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        self.arm(in: self.state.configuration.requestTimeout)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        self.loop.disarm(self)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch (self.unwrapInboundIn(data), self.stage) {
        case (.head(let head), .idle):
            self.stage = .receiving(head, body: [])
            self.arm(in: self.state.configuration.requestTimeout)
            self.begin(head)
        case (.body(let buffer), .receiving(let head, var body)):
            guard body.count + buffer.readableBytes <= self.state.configuration.maxRequestBodyBytes else {
                self.refuseBody(of: head)
                return
            }
            self.stage = .idle  // So that the bytes are appended in place.
            buffer.withUnsafeReadableBytes { body.append(contentsOf: $0) }
            self.stage = .receiving(head, body: body)
        case (.end, .receiving(let head, let body)):
            self.stage = .answering
            // The application may take its time.
            self.deadline = .distantFuture
            // In a turn of its own: writing an answer delivers the next request, and a thousand of them in one segment
            // would be answered one inside the other.
            self.loop.eventLoop.execute { self.received(head, body) }
        case (.head, _), (.body, _), (.end, _): break  // Of a request that was refused.
        }
    }

    /// The head has come, before its body.
    private func begin(_ head: HTTPRequestHead) {
        let expectations = head.headers[canonicalForm: "Expect"]
        let length = head.headers.first(name: "Content-Length").flatMap { Int($0) } ?? 0
        if length > self.state.configuration.maxRequestBodyBytes {
            self.refuseBody(of: head)
        } else if expectations.isEmpty || head.version == .http1_0 {
            return
        } else if expectations.allSatisfy({ $0.lowercased() == "100-continue" }) {
            // RFC 9110 §10.1.1
            let go = HTTPResponseHead(version: .http1_1, status: .continue)
            self.context?.writeAndFlush(self.wrapOutboundOut(.head(go)), promise: nil)
        } else {
            self.answerAndClose(HTTPResponse(status: 417, "the only expectation there is, is 100-continue\n"), head)
        }
    }

    private func refuseBody(of head: HTTPRequestHead) {
        SocketMetrics.refused(limit: "max_request_body_bytes")
        let limit = self.state.configuration.maxRequestBodyBytes
        self.answerAndClose(HTTPResponse(status: 413, "the body is longer than \(limit) bytes\n"), head)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.counted.leave(self)
        // Its context lives on for a while; nothing more is to come of it.
        self.stage = .done
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
        case .idle, .receiving, .blocked, .closing:
            // A peer that takes its answer slowly, but takes it, is no worse than others.
            let waiting = self.waitingBytes
            if waiting > 0, waiting != self.waitingAtDeadline {
                self.waitingAtDeadline = waiting
                self.arm(in: self.state.configuration.requestTimeout)
            } else {
                self.context?.close(promise: nil)
            }
        case .answering:
            self.acceptance?.cancel()
            self.decided(.refused(Rejection(.unavailable)))
        case .done: break
        }
    }

    /// Bytes that the system has not taken yet.
    private var waitingBytes: Int { (try? self.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0 }

    override func drain() {
        self.isDraining = true
        guard case .idle = self.stage else { return }
        guard let written else {
            self.context?.close(promise: nil)
            return
        }
        let channel = self.channel
        written.whenComplete { _ in
            if case .idle = self.stage { channel.close(promise: nil) }
        }
    }

    override func abort() { self.context?.close(promise: nil) }

    private func arm(in time: Duration) {
        self.deadline = self.loop.now + time
        self.loop.arm(self, at: self.deadline)
    }

    override func addressClaim(in server: ServerState) -> AddressClaim {
        server.claim(of: self.arrival.remoteAddress)
    }

    // MARK: Requests

    private func received(_ head: HTTPRequestHead, _ body: [UInt8]) {
        guard self.context != nil, case .answering = self.stage else { return }
        let limit = self.state.configuration.socket.limits.handshake.maxStartLineBytes
        guard head.uri.utf8.count <= limit else {
            self.answerAndClose(HTTPResponse(status: 414, "the request line is longer than \(limit) bytes\n"), head)
            return
        }
        guard let request = RequestHead(head) else {
            self.answerAndClose(HTTPResponse(status: 400, "malformed request\n"), head)
            return
        }
        if ServerHandshake.isUpgrade(request) {
            let acceptance = UpgradeAcceptance(state: self.state, arrival: self.arrival, loop: self.loop) {
                [unowned self] in self.decided($0)
            }
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
                remoteAddress: self.arrival.remoteAddress, isSecure: self.arrival.isSecure,
                clientCertificate: self.arrival.clientCertificate, isServerReady: self.state.isReady), head)
    }

    private func ask(
        _ respond: @escaping @Sendable (HTTPRequest) async throws -> HTTPResponse, _ request: HTTPRequest,
        _ head: HTTPRequestHead
    ) {
        let unsafeSelf = Unchecked(self)  // Comes back to the loop.
        let eventLoop = self.loop.eventLoop
        let state = self.state
        self.task = Task(executorPreference: self.loop.executor) {
            await state.calling {
                let response: HTTPResponse
                do {
                    response = try await respond(request)
                } catch {
                    state.logger.error("answering a request failed", metadata: ["error": "\(error)"])
                    response = HTTPResponse(status: 500, "internal server error\n")
                }
                eventLoop.execute { unsafeSelf.value.answer(response, head) }
            }
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
        self.task = nil
        self.waitingAtDeadline = 0
        self.arm(in: self.state.configuration.requestTimeout)
        if !isKeptAlive {
            try? self.channel.syncOptions?.setOption(.autoRead, value: false)
            self.endAnswer(.closing, context)
            return
        }
        context.flush()
        // Small requests ask for large answers: who does not take them gets no more of them.
        if self.channel.isWritable { self.endAnswer(.idle, context) } else { self.stage = .blocked }
    }

    private func endAnswer(_ next: Stage, _ context: ChannelHandlerContext) {
        // First: writing the end delivers the next request, if it has come.
        self.stage = next
        let written = context.eventLoop.makePromise(of: Void.self)
        self.written = written.futureResult
        written.futureResult.whenSuccess { self.answered() }
        context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: written)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if case .blocked = self.stage, self.channel.isWritable {
            self.endAnswer(.idle, context)
            if self.isDraining { self.drain() }
        }
        context.fireChannelWritabilityChanged()
    }

    /// The last answer has gone. What the peer still sends is read and thrown away for a while, or the TCP reset for
    /// unread bytes would destroy the answer.
    private func answered() {
        guard case .closing = self.stage, let context = self.context else { return }
        context.close(mode: .output, promise: nil)
        try? self.channel.syncOptions?.setOption(.autoRead, value: true)
        self.deadline = self.loop.now + self.state.configuration.socket.limits.discardTimeout
        self.loop.arm(self, at: self.deadline)
    }

    private func answerAndClose(_ response: HTTPResponse, _ head: HTTPRequestHead) {
        self.isDraining = true
        self.stage = .answering
        self.answer(response, head)
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
        case .accepted(let accepted):
            self.stage = .done
            let engine = WebSocketHandler(channel: self.channel, accepted, self.state, self.loop)
            self.counted.replace(self, with: engine)
            let pipeline = context.pipeline.syncOperations
            do {
                try pipeline.addHandler(engine, position: .last)
            } catch {
                self.counted.leave(engine)
                context.close(promise: nil)
                return
            }
            // The encoder goes before the response is written, which is complete as it is; the decoder goes last and
            // hands the bytes that came behind the request to the WebSocket.
            let decoder = self.surroundings.removeLast()
            for handler in self.surroundings { pipeline.removeHandler(handler, promise: nil) }
            self.surroundings = []
            pipeline.removeHandler(self, promise: nil)
            self.channel.writeAndFlush(ByteBuffer(bytes: accepted.response), promise: nil)
            engine.start()
            pipeline.removeHandler(decoder, promise: nil)
        }
    }
}

extension RequestHead {
    /// The same head in the words of the core, which has its own, stricter rules; `nil` if it breaks one of them, or if
    /// it does not name one host (RFC 9112 §3.2).
    init?(_ head: HTTPRequestHead) {
        let hosts = head.headers["Host"].count
        guard hosts == 1 || (hosts == 0 && head.version == .http1_0) else { return nil }
        var fields = HeaderFields()
        for (name, value) in head.headers {
            do { try fields.append(name, value) } catch { return nil }
        }
        self.init(
            method: head.method.rawValue, target: head.uri,
            version: ProtocolVersion(major: head.version.major, minor: head.version.minor), fields: fields)
    }
}
