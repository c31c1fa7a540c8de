import NIOCore
import NIOWebSocket

/// Sends every frame of text or binary back, or to all subscribers where there are any, answers pings and the closing handshake.
final class EchoHandler: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    private let subscribers: Subscribers?
    private var isClosing = false

    init(_ subscribers: Subscribers?) { self.subscribers = subscribers }

    func handlerAdded(context: ChannelHandlerContext) { self.subscribers?.add(context.channel) }

    func channelInactive(context: ChannelHandlerContext) {
        self.subscribers?.remove(context.channel)
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = self.unwrapInboundIn(data)
        switch frame.opcode {
        case .text, .binary, .continuation:
            let reply = WebSocketFrame(fin: frame.fin, opcode: frame.opcode, data: frame.unmaskedData)
            if let subscribers { subscribers.publish(reply) } else { self.send(reply, context) }
        case .ping:
            self.send(WebSocketFrame(fin: true, opcode: .pong, data: frame.unmaskedData), context)
        case .connectionClose:
            if self.isClosing {
                context.close(promise: nil)
            } else {
                self.isClosing = true
                let answer = WebSocketFrame(fin: true, opcode: .connectionClose, data: frame.unmaskedData)
                let closed = context.eventLoop.makePromise(of: Void.self)
                closed.futureResult.assumeIsolated().whenComplete { _ in context.close(promise: nil) }
                context.writeAndFlush(self.wrapOutboundOut(answer), promise: closed)
            }
        default: break
        }
    }

    private func send(_ frame: WebSocketFrame, _ context: ChannelHandlerContext) {
        context.writeAndFlush(self.wrapOutboundOut(frame), promise: nil)
    }
}

/// The channels of all connections, as SwiftNIO's chat example keeps them. Used on its one event loop only.
final class Subscribers: @unchecked Sendable {
    private var channels: [ObjectIdentifier: any Channel] = [:]

    func add(_ channel: any Channel) { self.channels[ObjectIdentifier(channel)] = channel }

    func remove(_ channel: any Channel) { self.channels[ObjectIdentifier(channel)] = nil }

    func publish(_ frame: WebSocketFrame) {
        for channel in self.channels.values { channel.writeAndFlush(frame, promise: nil) }
    }
}
