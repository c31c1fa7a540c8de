public import NIOCore
public import NIOHTTP1
import WebSockets

/// Opens a WebSocket for each request that asks for one, and passes everything else on, in both directions.
///
/// It stands behind NIO's HTTP handlers; ``WebSocketUpgrader`` makes it. A request that asks for a WebSocket may be the
/// first of a connection or a later one: it waits until the ones before it are answered.
public final class WebSocketUpgradeHandler: ChannelDuplexHandler, RemovableChannelHandler {
    public typealias InboundIn = HTTPServerRequestPart
    public typealias InboundOut = HTTPServerRequestPart
    public typealias OutboundIn = HTTPServerResponsePart
    public typealias OutboundOut = HTTPServerResponsePart

    private enum Stage {
        case passing
        /// A request for a WebSocket has come, up to its end or not.
        case requested(HTTPRequestHead, isWhole: Bool)
        /// Whatever still comes is not for anybody here.
        case done
    }

    private let upgrader: WebSocketUpgrader
    private let handlers: [any RemovableChannelHandler]
    private var stage = Stage.passing
    /// Requests that were passed on and have not been answered yet.
    private var unanswered = 0

    init(_ upgrader: WebSocketUpgrader, removing handlers: [any RemovableChannelHandler]) {
        self.upgrader = upgrader
        self.handlers = handlers
    }

    public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch (self.unwrapInboundIn(data), self.stage) {
        case (.head(let head), .passing) where ForeignChannels.isUpgrade(head):
            self.stage = .requested(head, isWhole: false)
        case (.head, .passing):
            self.unanswered += 1
            context.fireChannelRead(data)
        case (_, .passing): context.fireChannelRead(data)
        case (.end, .requested(let head, isWhole: false)):
            self.stage = .requested(head, isWhole: true)
            self.upgradeIfDue(context)
        case (_, .requested), (_, .done): break
        }
    }

    public func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let part = self.unwrapOutboundIn(data)
        context.write(data, promise: promise)
        if case .end = part {
            self.unanswered -= 1
            self.upgradeIfDue(context)
        }
    }

    private func upgradeIfDue(_ context: ChannelHandlerContext) {
        guard case .requested(let head, isWhole: true) = self.stage, self.unanswered == 0 else { return }
        self.stage = .done
        // In a turn of its own: the answer before it is still on its way through the pipeline.
        let handlers = NIOLoopBound(self.handlers + [self], eventLoop: context.eventLoop)
        let channel = context.channel
        let upgrader = self.upgrader
        context.eventLoop.execute { upgrader.upgrade(channel, for: head, removing: handlers.value) }
    }
}

@available(*, unavailable)
extension WebSocketUpgradeHandler: Sendable {}
