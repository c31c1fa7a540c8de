import NIOCore
import NIOHTTP1
import NIOSSL
import WebSocketCore

/// The opening of a WebSocket on a channel whose first requests somebody else has read: it stands right behind the HTTP
/// decoder, and what is around it is removed when there is an answer.
final class ForeignOpening: ChannelOpening, @unchecked Sendable {
    /// What goes before the answer is written, in this order.
    private var surroundings: [any RemovableChannelHandler]
    /// Goes last: it gives up the bytes that came behind the request.
    private var decoder: (any RemovableChannelHandler)?
    /// From here on bytes come, and nothing else.
    private var isAlone = false

    /// - Parameter handlers: the user's, which are removed besides NIO's HTTP handlers.
    init(_ counted: ServerLoop, channel: any Channel, removing handlers: [any RemovableChannelHandler]) {
        let pipeline = channel.pipeline.syncOperations
        let isSecure = (try? pipeline.handler(type: NIOSSLServerHandler.self)) != nil
        self.decoder = try? pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
        self.surroundings = handlers
        self.surroundings += Self.handler(HTTPServerPipelineHandler.self, in: pipeline)
        self.surroundings += Self.handler(NIOHTTPResponseHeadersValidator.self, in: pipeline)
        self.surroundings += Self.handler(HTTPServerProtocolErrorHandler.self, in: pipeline)
        self.surroundings += Self.handler(HTTPResponseEncoder.self, in: pipeline)
        super.init(counted, Entrance(isSecure: isSecure).arrival(from: channel.peerText), channel: channel)
        self.arrival.clientCertificate = Self.clientCertificate(on: pipeline)
    }

    private static func handler<Handler: RemovableChannelHandler>(
        _ type: Handler.Type, in pipeline: ChannelPipeline.SynchronousOperations
    ) -> [any RemovableChannelHandler] {
        (try? pipeline.handler(type: type)).map { [$0] } ?? []
    }

    /// Takes over the channel, whose HTTP decoder has seen `head`.
    func begin(_ head: HTTPRequestHead) {
        // One that has ended already would never end again.
        guard self.channel.isActive, self.enter() else {
            self.channel.close(promise: nil)
            return
        }
        do {
            try self.takePlace()
        } catch {
            // The channel has gone.
            self.transportEnded()
            return
        }
        let limit = self.state.configuration.socket.limits.handshake.maxStartLineBytes
        self.ready()
        guard self.isReadingHead else { return }  // There are too many.
        if head.uri.utf8.count > limit {
            self.refuse(Rejection(status: 414, body: "the request line is longer than \(limit) bytes\n"))
        } else if let request = RequestHead(head) {
            self.begin(request)
        } else {
            self.refuse(Rejection(status: 400, body: "malformed request\n"))
        }
    }

    private func takePlace() throws {
        let outbox = self.state.settings.outbox
        let options = self.channel.syncOptions
        try options?.setOption(
            .writeBufferWaterMark, value: .init(low: outbox.highWaterBytes / 2, high: outbox.highWaterBytes))
        try options?.setOption(.maxMessagesPerRead, value: 1)
        let position = self.decoder.map { ChannelPipeline.SynchronousOperations.Position.after($0) } ?? .last
        try self.channel.pipeline.syncOperations.addHandler(self, position: position)
    }

    // MARK: From the channel

    override func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // Parts of requests that nobody answers any more.
        if self.isAlone { super.channelRead(context: context, data: data) }
    }

    // MARK: Hooks of the opening

    override func write(_ bytes: [UInt8]) {
        let pipeline = self.channel.pipeline.syncOperations
        for handler in self.surroundings { pipeline.removeHandler(handler, promise: nil) }
        self.surroundings = []
        super.write(bytes)
    }

    override func endOutput() {
        super.endOutput()
        self.removeDecoder()
    }

    override func opened() { self.removeDecoder() }

    private func removeDecoder() {
        self.isAlone = true
        guard let decoder = self.decoder.take() else { return }
        self.channel.pipeline.syncOperations.removeHandler(decoder, promise: nil)
    }
}
