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
        /// Nothing yet: TLS comes first. The opening is the one that it leaves behind.
        case tls(NIOSSLContext, ServerOpening)
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
    func adopt(_ descriptor: CInt, _ state: ServerState, _ arrival: Arrival, _ kind: Kind) {
        let adoption = Adoption(state, arrival, kind)
        var bootstrap = ClientBootstrap(group: self.group())
            // What has been read comes first; then the channel reads on.
            .channelOption(.autoRead, value: false)
            .channelOption(
                .writeBufferWaterMark,
                value: .init(
                    low: state.settings.outbox.highWaterBytes / 2, high: state.settings.outbox.highWaterBytes)
            )
            .channelOption(.maxMessagesPerRead, value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try adoption.begin(on: channel)
                }
            }
        if !arrival.entrance.isUnix { bootstrap = bootstrap.channelOption(.tcpOption(.tcp_nodelay), value: 1) }
        bootstrap.withConnectedSocket(descriptor).whenComplete { result in
            switch result {
            case .success(let channel):
                if let bytes = adoption.bytesRead {
                    channel.pipeline.fireChannelRead(ByteBuffer(bytes: bytes))
                    channel.pipeline.fireChannelReadComplete()
                }
                channel.setOption(.autoRead, value: true).whenFailure { _ in channel.close(promise: nil) }
            case .failure(let error):
                state.logger.debug("a connection has gone while it was handed over", metadata: ["error": "\(error)"])
                adoption.failed()
            }
        }
    }

    /// One connection that is handed over: first on the loop that it leaves, then on the new one only.
    private final class Adoption: @unchecked Sendable {
        private let state: ServerState
        private let arrival: Arrival
        private let kind: Kind
        /// Who counts the connection at its new loop, once somebody does.
        private var member: LoopMember?

        init(_ state: ServerState, _ arrival: Arrival, _ kind: Kind) {
            self.state = state
            self.arrival = arrival
            self.kind = kind
        }

        var bytesRead: [UInt8]? {
            if case .http(let bytes) = self.kind { bytes } else { nil }
        }

        func begin(on channel: any Channel) throws {
            let loop = self.state.loop(LoopServices.on(channel.eventLoop))
            switch self.kind {
            case .http:
                let http = HTTPRequestHandler(loop, self.arrival, channel: channel)
                self.member = http
                loop.adopt(http)
                try http.install(in: channel.pipeline.syncOperations, after: nil)
            case .tls(let context, let before):
                let opening = ChannelOpening(loop, self.arrival, channel: channel)
                opening.take(over: before)
                self.member = opening
                loop.adopt(opening)
                try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
                try channel.pipeline.syncOperations.addHandler(opening)
            }
        }

        /// A channel that has never been active does not become inactive.
        func failed() {
            if let member {
                member.home?.leave(member)
                return
            }
            switch self.kind {
            case .http: self.state.countOut(self.state.claim(of: self.arrival.remoteAddress))
            case .tls(_, let before): self.state.countOut(before.addressClaim(in: self.state))
            }
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
