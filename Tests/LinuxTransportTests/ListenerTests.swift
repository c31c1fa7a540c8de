#if os(Linux)
import CLinux
import Glibc
import NIOCore
import Testing

@testable import LinuxTransport

@Suite("Listening on several loops at one port")
struct ListenerTests {
    private static let options = Listener.Options(backlog: 16, userTimeout: .seconds(35))

    @Test("every loop has a socket at the same port")
    func port() throws {
        let address = try SocketAddress(ipAddress: "127.0.0.1", port: 0)
        let opened = try Listener.open(address, count: 4, Self.options)
        defer { Listener.close(opened.sockets) }
        #expect(opened.sockets.count == 4)
        #expect(opened.port > 0)
    }

    @Test(
        "a port that somebody else listens at is refused, although ports are shared", arguments: ["127.0.0.1", "::1"])
    func inUse(host: String) throws {
        let free = try SocketAddress(ipAddress: host, port: 0)
        guard let first = try? Listener.open(free, count: 2, Self.options) else { return }  // A host without IPv6.
        defer { Listener.close(first.sockets) }
        let taken = try SocketAddress(ipAddress: host, port: first.port)
        #expect(throws: SystemError.self) { try Listener.open(taken, count: 2, Self.options) }
    }

    @Test("however long the user time-out is")
    func userTimeout() throws {
        let address = try SocketAddress(ipAddress: "127.0.0.1", port: 0)
        for timeout in [TimeAmount.nanoseconds(.max), .hours(24 * 365), .nanoseconds(1), .seconds(-5)] {
            let opened = try Listener.open(address, count: 1, Listener.Options(backlog: 16, userTimeout: timeout))
            Listener.close(opened.sockets)
        }
    }

    @Test("an address of another machine is an error that names the call")
    func elsewhere() throws {
        let address = try SocketAddress(ipAddress: "192.0.2.1", port: 0)
        #expect(throws: SystemError("bind", code: EADDRNOTAVAIL)) { try Listener.open(address, count: 1, Self.options) }
        #expect(SystemError("bind", code: EADDRINUSE).description == "bind: Address already in use (98)")
    }

    @Test("every connection is accepted once, by one of the loops")
    func accepts() async throws {
        let address = try SocketAddress(ipAddress: "127.0.0.1", port: 0)
        let opened = try Listener.open(address, count: 2, Self.options)
        let group = try EpollEventLoopGroup(count: 2)
        let accepted = Log<String>()
        let unsentBytes = Log<Int32>()
        let listeners = Log<Unsafely<Listener>>()
        for (loop, socket) in zip(group.loops, opened.sockets) {
            try await loop.submit {
                let listener = Listener(socket: socket, loop: loop) { descriptor, peer in
                    unsentBytes.add(Self.unsentBytes(descriptor))
                    accepted.add(peer.description)
                    close(descriptor)
                } failed: { _ in
                }
                try listener.start()
                listeners.add(Unsafely(listener))
            }.get()
        }
        let names = try (0..<50).map { _ in try Self.connect(opened.port) }
        try await eventually { accepted.all.count == 50 }
        #expect(Set(accepted.all) == Set(names.map { "127.0.0.1:\($0.port)" }))
        for name in names { close(name.socket) }
        // The system keeps this much of what a peer does not take, and not the megabytes that it would.
        #expect(unsentBytes.all == [Int32](repeating: 256 << 10, count: 50))
        for (loop, listener) in zip(group.loops, listeners.all) {
            try await loop.submit { listener.value.close() }.get()
        }
        try await group.shutdownGracefully()
        #expect(throws: SystemError.self) { try Self.connect(opened.port) }
    }

    private static func unsentBytes(_ descriptor: Int32) -> Int32 {
        var value: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NOTSENT_LOWAT, &value, &size) == 0 ? value : -1
    }

    private struct Unsafely<Value>: @unchecked Sendable {
        let value: Value
        init(_ value: Value) { self.value = value }
    }

    /// A connection, and the port it comes from.
    private static func connect(_ port: Int) throws -> (socket: Int32, port: Int) {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        let address = try SocketAddress(ipAddress: "127.0.0.1", port: port)
        guard address.withSockAddr({ Glibc.connect(socket, $0, socklen_t($1)) }) == 0 else {
            close(socket)
            throw SystemError("connect")
        }
        return (socket, Int(clinux_local_port(socket)))
    }
}
#endif
