import NIOCore
import NIOHTTP1
import NIOPosix
import WebSocketsNIO

/// Somebody's server on SwiftNIO, that answers ordinary requests with their path.
final class NIOServer: Sendable {
    /// How its pipelines are made.
    enum Kind: Sendable, CaseIterable {
        /// By ``WebSocketUpgrader``, with its own handler behind.
        case installed
        /// By NIO's `configureHTTPServerPipeline`, with the upgrade handler put in.
        case ownPipeline
        /// By itself, and its own handler asks for the upgrade.
        case ownHandler
    }

    let port: Int
    let group: MultiThreadedEventLoopGroup
    private let listener: any Channel

    private init(port: Int, group: MultiThreadedEventLoopGroup, listener: any Channel) {
        self.port = port
        self.group = group
        self.listener = listener
    }

    static func start(_ upgrader: WebSocketUpgrader, _ kind: Kind, isHalfClosing: Bool = false) async throws
        -> NIOServer
    {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let listener = try await ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: isHalfClosing)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    switch kind {
                    case .installed:
                        let pages = Pages()
                        try upgrader.install(in: pipeline, removing: [pages])
                        try pipeline.addHandler(pages)
                    case .ownPipeline:
                        try pipeline.configureHTTPServerPipeline(withPipeliningAssistance: false)
                        // What is not removed must do no harm.
                        try pipeline.addHandlers([upgrader.makeHandler(), Pages()])
                    case .ownHandler:
                        let decoder = ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes))
                        try pipeline.addHandlers([HTTPResponseEncoder(), decoder, Pages(upgrader)])
                    }
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return NIOServer(port: listener.localAddress?.port ?? 0, group: group, listener: listener)
    }

    func stop() async throws {
        try await self.listener.close().get()
        try await self.group.shutdownGracefully()
    }
}

/// Answers each request with its path; upgrades by itself if it can.
final class Pages: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let upgrader: WebSocketUpgrader?
    private var head: HTTPRequestHead?

    init(_ upgrader: WebSocketUpgrader? = nil) { self.upgrader = upgrader }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.unwrapInboundIn(data) {
        case .head(let head): self.head = head
        case .body: break
        case .end:
            guard let head = self.head else { return }
            if let upgrader, head.headers.contains(name: "Upgrade") {
                upgrader.upgrade(context.channel, for: head, removing: [self])
                return
            }
            let body = ByteBuffer(string: head.uri)
            let fields: HTTPHeaders = ["Content-Length": "\(body.readableBytes)"]
            // Late, so that what is pipelined comes meanwhile.
            let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
            context.eventLoop.scheduleTask(in: .milliseconds(1)) {
                let (handler, context) = bound.value
                let answer = HTTPResponseHead(version: .http1_1, status: .ok, headers: fields)
                context.write(handler.wrapOutboundOut(.head(answer)), promise: nil)
                context.write(handler.wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
                context.writeAndFlush(handler.wrapOutboundOut(.end(nil)), promise: nil)
            }
        }
    }
}
