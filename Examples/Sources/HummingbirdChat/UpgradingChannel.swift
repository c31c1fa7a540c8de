import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import WebSocketsNIO

/// Hummingbird's HTTP/1.1 channel, on which requests for WebSockets are answered by somebody else.
struct UpgradingChannel: ServerChildChannel {
    let http: HTTP1Channel
    let upgrader: WebSocketUpgrader

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<HTTP1Channel.Value> {
        self.http.setup(channel: channel, logger: logger).flatMapThrowing { value in
            // Right behind NIO's decoder: before Hummingbird translates requests to its own types.
            let pipeline = channel.pipeline.syncOperations
            let decoder = try pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
            try pipeline.addHandler(self.upgrader.makeHandler(), position: .after(decoder))
            return value
        }
    }

    func handle(value: HTTP1Channel.Value, logger: Logger) async {
        await self.http.handle(value: value, logger: logger)
    }
}

extension HTTPServerBuilder {
    static func http1(openingWebSocketsWith upgrader: WebSocketUpgrader) -> HTTPServerBuilder {
        HTTPServerBuilder { responder in
            UpgradingChannel(http: HTTP1Channel(responder: responder), upgrader: upgrader)
        }
    }
}
