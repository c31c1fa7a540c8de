#if os(Linux)
import LinuxTransport
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import WebSocketCore

/// What listens on the Linux transport: one socket for each loop, all at one port.
final class LinuxListeners: @unchecked Sendable {
    // `@unchecked`: each listener is touched on its loop only.
    let port: Int
    let loops: [EpollEventLoop]
    /// The loops that were made for it; `nil` if they are the user's, who ends them.
    private let ownGroup: EpollEventLoopGroup?
    private let channels: ChannelHandOff
    private var listeners: [(EpollEventLoop, Listener)] = []

    /// - Throws: the address cannot be resolved or listened at, or the process has no descriptor or thread left.
    init(_ server: WebSocketServer, _ state: ServerState, _ context: NIOSSLContext?) async throws {
        let configuration = server.configuration
        // Looking a name up may block.
        let address = try await NIOThreadPool.singleton.runIfActive {
            try SocketAddress.makeAddressResolvingHost(server.host, port: server.port)
        }
        let given = EpollEventLoopGroup.loops(of: server.eventLoopGroup)
        let threads = given?.count ?? max(1, configuration.threads)
        let options = Listener.Options(
            backlog: Int32(clamping: configuration.backlog),
            userTimeout: state.settings.userTimeout)
        let opened = try Listener.open(address, count: threads, options)
        self.port = opened.port
        do {
            self.ownGroup = given == nil ? try EpollEventLoopGroup(count: threads) : nil
            self.loops = given ?? self.ownGroup?.loops ?? []
        } catch {
            Listener.close(opened.sockets)
            throw error
        }
        self.channels = ChannelHandOff(threads: threads, group: given == nil ? server.eventLoopGroup : nil)
        for (index, loop) in self.loops.enumerated() {
            do {
                let listener = try await self.listen(opened.sockets[index], on: loop, state, context)
                self.listeners.append((loop, listener.value))
            } catch {
                // The one that failed has been closed with its listener.
                Listener.close(Array(opened.sockets[(index + 1)...]))
                await self.close()
                await self.shutDown()
                throw error
            }
        }
    }

    private func listen(
        _ socket: Int32, on loop: EpollEventLoop, _ state: ServerState, _ context: NIOSSLContext?
    ) async throws -> Unchecked<Listener> {
        let channels = self.channels
        return try await loop.submit {
            let counted = state.loop(LoopServices.on(loop))
            let listener = Listener(socket: socket, loop: loop) { descriptor, peer in
                Self.accept(descriptor, peer, on: loop, counted, channels, context)
            } failed: { error in
                state.cannotAccept("\(error)")
            }
            try listener.start()
            return Unchecked(listener)
        }.get()
    }

    private static func accept(
        _ descriptor: Int32, _ peer: PeerAddress, on loop: EpollEventLoop, _ counted: ServerLoop,
        _ channels: ChannelHandOff, _ context: NIOSSLContext?
    ) {
        let connection = SocketConnection(descriptor: descriptor, loop: loop)
        let opening = SocketOpening(counted, connection, from: peer, channels: channels)
        guard opening.enter() else {
            connection.close()
            return
        }
        if let context {
            opening.becomeTLS(context)
        } else {
            opening.start()
        }
    }

    /// Accepts no more.
    func close() async {
        for (loop, listener) in self.listeners {
            let listener = Unchecked(listener)
            try? await loop.submit { listener.value.close() }.get()
        }
    }

    /// Ends the loops that were made for it, on which nothing must be left.
    func shutDown() async {
        await self.channels.shutDown()
        try? await self.ownGroup?.shutdownGracefully()
    }
}
#endif
