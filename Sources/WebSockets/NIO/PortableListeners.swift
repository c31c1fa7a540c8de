import Logging
import NIOCore
import NIOPosix
import NIOSSL
import WebSocketCore

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Android)
import Android
#endif

/// What listens on the portable transport: one channel for each listener, whose connections SwiftNIO deals out to the
/// loops.
final class PortableListeners: Sendable {
    /// Where each listens, with the port that was found.
    let addresses: [WebSocketServer.Address]
    private let open: [Open]
    /// The loops that were made for it; `nil` if they are the user's, who ends them.
    private let ownGroup: MultiThreadedEventLoopGroup?

    private struct Open: Sendable {
        let channel: any Channel
        let file: UnixSocketFile?
    }

    /// - Throws: ``ListenError``, and then nothing is open.
    init(_ server: WebSocketServer, _ state: ServerState, _ entrances: [Entrance]) async throws {
        let ownGroup: MultiThreadedEventLoopGroup?
        let group: any EventLoopGroup
        if let given = server.eventLoopGroup {
            ownGroup = nil
            group = given
        } else {
            let own = MultiThreadedEventLoopGroup(numberOfThreads: max(1, server.configuration.threads))
            ownGroup = own
            group = own
        }
        var open: [Open] = []
        var addresses: [WebSocketServer.Address] = []
        for entrance in entrances {
            do {
                let opened = try await Self.listen(at: entrance, group, state)
                open.append(opened)
                addresses.append(Self.address(of: opened, entrance))
            } catch {
                await Self.close(open)
                try? await ownGroup?.shutdownGracefully()
                throw ListenError(entrance.address, "\(error)")
            }
        }
        self.open = open
        self.addresses = addresses
        self.ownGroup = ownGroup
    }

    private static func address(of open: Open, _ entrance: Entrance) -> WebSocketServer.Address {
        switch entrance.address {
        case .tcp(let host, let port): .tcp(host: host, port: open.channel.localAddress?.port ?? port)
        case .unix: entrance.address
        }
    }

    private static func listen(
        at entrance: Entrance, _ group: any EventLoopGroup, _ state: ServerState
    ) async throws -> Open {
        let backlog = Int32(clamping: state.configuration.backlog)
        let bootstrap = Self.bootstrap(entrance, group, state, backlog)
        switch entrance.address {
        case .tcp(let host, let port):
            return Open(channel: try await bootstrap.bind(host: host, port: port).get(), file: nil)
        case .unix(let path):
            let (socket, file) = try UnixSocketFile.open(path: path, mode: entrance.mode, backlog: backlog)
            do {
                let channel = try await bootstrap.withBoundSocket(socket).get()
                // It has listened once more, with a backlog of its own.
                systemListen(socket, backlog)
                return Open(channel: channel, file: file)
            } catch {
                file.remove()
                throw error
            }
        }
    }

    private static func bootstrap(
        _ entrance: Entrance, _ group: any EventLoopGroup, _ state: ServerState, _ backlog: Int32
    ) -> ServerBootstrap {
        var bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: backlog)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(AcceptPause(state))
                }
            }
            .childChannelOption(
                .writeBufferWaterMark,
                value: .init(
                    low: state.settings.outbox.highWaterBytes / 2, high: state.settings.outbox.highWaterBytes)
            )
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try Self.accept(channel, state, entrance) }
            }
        if !entrance.isUnix {
            bootstrap =
                bootstrap
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            #if os(Linux)
            // Its connections inherit it.
            bootstrap = bootstrap.serverChannelOption(UnsentBytes.option, value: UnsentBytes.limit)
            #endif
        }
        return bootstrap
    }

    private static func accept(_ channel: any Channel, _ state: ServerState, _ entrance: Entrance) throws {
        let loop = state.loop(LoopServices.on(channel.eventLoop))
        let opening = ChannelOpening(loop, entrance.arrival(from: channel.peerText), channel: channel)
        guard opening.enter() else { throw TurnedAway() }
        if let tls = entrance.tls {
            try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls.context))
        }
        try channel.pipeline.syncOperations.addHandler(opening)
    }

    private struct TurnedAway: Error {}

    /// Accepts no more.
    func close() async { await Self.close(self.open) }

    private static func close(_ open: [Open]) async {
        for listener in open {
            try? await listener.channel.close().get()
            listener.file?.remove()
        }
    }

    /// Ends the loops that were made for it, on which nothing must be left.
    func shutDown() async { try? await self.ownGroup?.shutdownGracefully() }
}

/// `listen(2)`, which the method of the same name hides.
private func systemListen(_ socket: Int32, _ backlog: Int32) { _ = listen(socket, backlog) }
