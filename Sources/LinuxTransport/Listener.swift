#if os(Linux)
import CLinux
import Glibc
package import NIOCore

/// Accepts the connections of one port for one loop. Every loop has its own: the system deals connections out
/// (`SO_REUSEPORT`).
package final class Listener: Watched {
    package struct Options {
        /// Connections that the system keeps until they are accepted.
        package var backlog: Int32
        /// How long what was sent may go without an acknowledgement; `nil` for the system's own idea (RFC 5482).
        package var userTimeout: TimeAmount?

        package init(backlog: Int32, userTimeout: TimeAmount?) {
            self.backlog = backlog
            self.userTimeout = userTimeout
        }
    }

    /// How long nothing is accepted when the process has no descriptor left.
    package static let pause = TimeAmount.milliseconds(100)

    /// Connections accepted before others have their turn.
    private static let batch = 64

    private let loop: EpollEventLoop
    private let accepted: (Int32, PeerAddress) -> Void
    private let failed: (SystemError) -> Void
    private var isPaused = false

    /// - Parameters:
    ///   - socket: from ``bind(to:reusesPort:_:)``.
    ///   - accepted: called on the loop with each connection, whose descriptor it owns.
    ///   - failed: called on the loop when accepting pauses.
    package init(
        socket: Int32, loop: EpollEventLoop, accepted: @escaping (Int32, PeerAddress) -> Void,
        failed: @escaping (SystemError) -> Void
    ) {
        self.loop = loop
        self.accepted = accepted
        self.failed = failed
        super.init(descriptor: socket)
    }

    deinit {
        if self.descriptor >= 0 { Glibc.close(self.descriptor) }
    }

    /// Begins to accept. On the loop.
    package func start() throws(SystemError) { try self.loop.watch(self, for: .readable) }

    /// Accepts no more. On the loop.
    package func close() {
        self.loop.unwatch(self)
        let descriptor = self.takeDescriptor()
        if descriptor >= 0 { Glibc.close(descriptor) }
    }

    override func ready(_ readiness: Readiness) {
        for _ in 0..<Self.batch {
            var address = clinux_address()
            let descriptor = clinux_accept(self.descriptor, &address)
            if descriptor >= 0 {
                self.accepted(descriptor, PeerAddress(address))
                continue
            }
            switch errno {
            case EAGAIN: return
            case EMFILE, ENFILE, ENOBUFS, ENOMEM:
                self.rest(SystemError("accept"))
                return
            // The connection has gone before it was accepted, or the network had something to say of it (accept(2)).
            default: continue
            }
        }
    }

    /// Watching on would make the loop spin: there is a connection, and no descriptor for it.
    private func rest(_ error: SystemError) {
        self.isPaused = true
        self.loop.change(self, to: [])
        self.failed(error)
        self.loop.assumeIsolatedUnsafeUnchecked().scheduleTask(in: Self.pause) {
            self.isPaused = false
            self.loop.change(self, to: .readable)
        }
    }

    // MARK: Opening

    /// Opens a listening socket for each of `count` loops at one address.
    ///
    /// - Throws: ``SystemError``: the address is in use, is not one of this machine, or may not be used.
    package static func open(
        _ address: SocketAddress, count: Int, _ options: Options
    ) throws(SystemError) -> (sockets: [Int32], port: Int) {
        // Sockets that share a port would also share it with another process of the same user, and nobody would be
        // told. One that does not share says whether it is free.
        Glibc.close(try Self.bind(address, sharesPort: false))
        var sockets: [Int32] = []
        var address = address
        do throws(SystemError) {
            for _ in 0..<max(1, count) {
                let socket = try Self.bind(address, sharesPort: true)
                sockets.append(socket)
                let timeout = UInt32(Int32(clamping: max(0, (options.userTimeout?.nanoseconds ?? 0) / 1_000_000)))
                guard clinux_listen(socket, options.backlog, timeout) == 0 else { throw SystemError("listen") }
                // Port 0: the first one has been given a number, which is everybody's.
                address.port = Int(clinux_local_port(socket))
            }
        } catch {
            for socket in sockets { Glibc.close(socket) }
            throw error
        }
        return (sockets, address.port ?? 0)
    }

    /// Closes listening sockets that nobody has begun to use.
    package static func close(_ sockets: [Int32]) {
        for socket in sockets { Glibc.close(socket) }
    }

    private static func bind(_ address: SocketAddress, sharesPort: Bool) throws(SystemError) -> Int32 {
        let socket = address.withSockAddr { clinux_bind($0, socklen_t($1), sharesPort) }
        guard socket >= 0 else { throw SystemError("bind") }
        return socket
    }
}
#endif
