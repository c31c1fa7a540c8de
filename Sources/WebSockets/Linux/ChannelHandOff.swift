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
        let adoption = Adoption()
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
                channel.eventLoop.makeCompletedFuture {
                    try Self.initialize(channel, state, kind, isTurnedAway, adoption)
                }
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
                state.logger.debug("a connection has gone while it was handed over", metadata: ["error": "\(error)"])
                // A channel that has never been active does not become inactive.
                if let member = adoption.member { member.home?.leave(member) } else { state.countOut() }
            }
        }
    }

    private static func initialize(
        _ channel: any Channel, _ state: ServerState, _ kind: Kind, _ isTurnedAway: Bool, _ adoption: Adoption
    ) throws {
        let loop = state.loop(LoopServices.on(channel.eventLoop))
        switch kind {
        case .http:
            let http = HTTPRequestHandler(loop, channel: channel)
            adoption.member = http
            loop.adopt(http)
            try http.install(in: channel.pipeline.syncOperations, after: nil)
        case .tls(let context):
            let opening = ChannelOpening(loop, channel: channel)
            opening.isTurnedAway = isTurnedAway
            adoption.member = opening
            loop.adopt(opening)
            try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
            try channel.pipeline.syncOperations.addHandler(opening)
        }
    }

    /// Who counts the connection at its new loop, once somebody does. On that loop only.
    private final class Adoption: @unchecked Sendable {
        var member: LoopMember?
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
