#if os(Linux)
import Glibc
import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import NIOSSL

/// Connections that are no plain WebSocket: ordinary HTTP requests and TLS go on as NIO channels, on loops that are
/// started when the first one comes.
final class ChannelHandOff: Sendable {
    /// What is known of a connection.
    enum Kind {
        /// An ordinary request, whose first bytes have been read.
        case http([UInt8])
        /// Nothing yet: TLS comes first.
        case tls(NIOSSLContext)
    }

    private let threads: Int
    private let givenGroup: (any EventLoopGroup)?
    private let ownGroup = NIOLockedValueBox<MultiThreadedEventLoopGroup?>(nil)

    /// - Parameter group: the user's; without one, it makes its own with so many threads.
    init(threads: Int, group: (any EventLoopGroup)?) {
        self.threads = threads
        self.givenGroup = group
    }

    /// Makes a channel of a connection that is counted already.
    ///
    /// - Parameter isTurnedAway: it is to be refused with 503.
    func adopt(_ descriptor: CInt, _ state: ServerState, _ kind: Kind, isTurnedAway: Bool) {
        let bootstrap = ClientBootstrap(group: self.group())
            // What has been read comes first; then the channel reads on.
            .channelOption(.autoRead, value: false)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(
                .writeBufferWaterMark,
                value: .init(
                    low: state.settings.outbox.highWaterBytes / 2, high: state.settings.outbox.highWaterBytes)
            )
            .channelOption(.maxMessagesPerRead, value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try Self.initialize(channel, state, kind, isTurnedAway) }
            }
        bootstrap.withConnectedSocket(descriptor).whenComplete { result in
            switch result {
            case .success(let channel):
                if case .http(let bytes) = kind {
                    channel.pipeline.fireChannelRead(ByteBuffer(bytes: bytes))
                    channel.pipeline.fireChannelReadComplete()
                }
                channel.setOption(.autoRead, value: true).whenFailure { _ in channel.close(promise: nil) }
            case .failure(let error):
                // Who was counted at its new loop has left when the channel was closed.
                state.logger.debug("a connection has gone while it was handed over", metadata: ["error": "\(error)"])
            }
        }
    }

    private static func initialize(
        _ channel: any Channel, _ state: ServerState, _ kind: Kind, _ isTurnedAway: Bool
    ) throws {
        let loop = state.loop(LoopServices.on(channel.eventLoop))
        switch kind {
        case .http:
            let http = HTTPRequestHandler(loop, channel: channel)
            loop.adopt(http)
            try http.install(in: channel.pipeline.syncOperations, after: nil)
        case .tls(let context):
            let opening = ChannelOpening(loop, channel: channel)
            opening.isTurnedAway = isTurnedAway
            loop.adopt(opening)
            try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
            try channel.pipeline.syncOperations.addHandler(opening)
        }
    }

    private func group() -> any EventLoopGroup {
        if let givenGroup { return givenGroup }
        return self.ownGroup.withLockedValue { group in
            if let group { return group }
            let made = MultiThreadedEventLoopGroup(numberOfThreads: self.threads)
            group = made
            return made
        }
    }

    func shutDown() async {
        let group = self.ownGroup.withLockedValue { $0.take() }
        try? await group?.shutdownGracefully()
    }
}
#endif
