#if os(Linux)
import LinuxTransport
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import WebSocketCore

/// What listens on the Linux transport: for each TCP listener one socket for each loop, all at one port. A Unix socket is
/// one, since the system deals out those of one port only: the first loop accepts for all, and deals its connections out
/// in turn.
final class LinuxListeners: @unchecked Sendable {
    // `@unchecked`: each listener is touched on its loop only, and the list of them before anybody else has it.

    /// Where each listens, with the port that was found.
    let addresses: [WebSocketServer.Address]
    let loops: [EpollEventLoop]
    /// The loops that were made for it; `nil` if they are the user's, who ends them.
    private let ownGroup: EpollEventLoopGroup?
    private let channels: ChannelHandOff
    private let files: [UnixSocketFile]
    private var listeners: [(EpollEventLoop, LinuxTransport.Listener)] = []

    /// Sockets that listen, which no loop watches yet.
    private struct Open {
        let entrance: Entrance
        let address: WebSocketServer.Address
        let sockets: [Int32]
        let file: UnixSocketFile?

        func close() {
            LinuxTransport.Listener.close(self.sockets)
            self.file?.remove()
        }
    }

    /// - Throws: ``ListenError``, or the process has no descriptor or thread left. Then nothing is open.
    init(_ server: WebSocketServer, _ state: ServerState, _ entrances: [Entrance]) async throws {
        let configuration = server.configuration
        let given = EpollEventLoopGroup.loops(of: server.eventLoopGroup)
        let threads = given?.count ?? max(1, configuration.threads)
        // Looking a name up may block.
        let open = try await NIOThreadPool.singleton.runIfActive {
            try Self.open(entrances, count: threads, configuration.backlog, state.settings.userTimeout)
        }
        do {
            self.ownGroup = given == nil ? try EpollEventLoopGroup(count: threads) : nil
            self.loops = given ?? self.ownGroup?.loops ?? []
        } catch {
            for listener in open { listener.close() }
            throw error
        }
        self.addresses = open.map(\.address)
        self.files = open.compactMap(\.file)
        self.channels = ChannelHandOff(threads: threads, group: given == nil ? server.eventLoopGroup : nil)
        var waiting = open.flatMap { open in
            zip(open.sockets, self.loops).map { (open.entrance, $0, $1) }
        }[...]
        while let (entrance, socket, loop) = waiting.popFirst() {
            do {
                self.listeners.append((loop, try await self.listen(socket, on: loop, state, entrance).value))
            } catch {
                // The one that failed has been closed with its listener.
                LinuxTransport.Listener.close(waiting.map(\.1))
                await self.close()
                await self.shutDown()
                throw ListenError(entrance.address, "\(error)")
            }
        }
    }

    /// Opens all or none.
    private static func open(
        _ entrances: [Entrance], count: Int, _ backlog: Int, _ userTimeout: TimeAmount?
    ) throws -> [Open] {
        var open: [Open] = []
        let options = LinuxTransport.Listener.Options(backlog: Int32(clamping: backlog), userTimeout: userTimeout)
        for entrance in entrances {
            do {
                open.append(try Self.open(entrance, count, options))
            } catch {
                for listener in open { listener.close() }
                throw ListenError(entrance.address, "\(error)")
            }
        }
        return open
    }

    private static func open(
        _ entrance: Entrance, _ count: Int, _ options: LinuxTransport.Listener.Options
    ) throws -> Open {
        switch entrance.address {
        case .tcp(let host, let port):
            let address = try SocketAddress.makeAddressResolvingHost(host, port: port)
            let opened = try LinuxTransport.Listener.open(address, count: count, options)
            return Open(
                entrance: entrance, address: .tcp(host: host, port: opened.port), sockets: opened.sockets, file: nil)
        case .unix(let path):
            let opened = try UnixSocketFile.open(path: path, mode: entrance.mode, backlog: options.backlog)
            return Open(
                entrance: entrance, address: entrance.address, sockets: [opened.socket], file: opened.file)
        }
    }

    private func listen(
        _ socket: Int32, on loop: EpollEventLoop, _ state: ServerState, _ entrance: Entrance
    ) async throws -> Unchecked<LinuxTransport.Listener> {
        let channels = self.channels
        let loops = entrance.isUnix ? self.loops : [loop]
        return try await loop.submit {
            var turn = 0
            let listener = LinuxTransport.Listener(socket: socket, loop: loop) { descriptor, peer in
                let target = loops[turn]
                turn = (turn + 1) % loops.count
                if target === loop {
                    Self.accept(descriptor, peer, on: loop, state, entrance, channels)
                } else {
                    target.execute { Self.accept(descriptor, peer, on: target, state, entrance, channels) }
                }
            } failed: { error in
                state.cannotAccept("\(error)")
            }
            try listener.start()
            return Unchecked(listener)
        }.get()
    }

    private static func accept(
        _ descriptor: Int32, _ peer: PeerAddress, on loop: EpollEventLoop, _ state: ServerState, _ entrance: Entrance,
        _ channels: ChannelHandOff
    ) {
        let connection = SocketConnection(descriptor: descriptor, loop: loop)
        let counted = state.loop(LoopServices.on(loop))
        let arrival = entrance.arrival(from: peer.description)
        let opening = SocketOpening(counted, connection, arrival, channels: channels)
        guard opening.enter() else {
            connection.close()
            return
        }
        if let tls = entrance.tls {
            opening.becomeTLS(tls.context)
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
        for file in self.files { file.remove() }
    }

    /// Ends the loops that were made for it, on which nothing must be left.
    func shutDown() async {
        await self.channels.shutDown()
        try? await self.ownGroup?.shutdownGracefully()
    }
}
#endif
