#if os(Linux)
import CLinux
import Glibc
import NIOCore
import Testing

@testable import LinuxTransport

@Suite("Connecting to the first address that answers (RFC 8305)")
struct ConnectorTests {
    /// A port at which somebody listens.
    private struct Port: Sendable {
        let socket: Int32
        let number: Int
        /// What fills the backlog.
        var crowd: [Int32] = []

        init(backlog: Int32 = 16) throws {
            let options = Listener.Options(backlog: backlog, userTimeout: nil)
            let opened = try Listener.open(try SocketAddress(ipAddress: "127.0.0.1", port: 0), count: 1, options)
            self.socket = opened.sockets[0]
            self.number = opened.port
        }

        /// One that answers nobody any more: its backlog is full.
        static func silent() throws -> Port {
            var port = try Port(backlog: 0)
            var address = try port.address.raw
            port.crowd = (0..<8).map { _ in clinux_connect(&address, 0) }
            return port
        }

        var address: PeerAddress {
            get throws { try PeerAddress.resolve("127.0.0.1", port: self.number)[0] }
        }

        func close() {
            Glibc.close(self.socket)
            for socket in self.crowd { Glibc.close(socket) }
        }
    }

    /// An address where nobody listens.
    private static func refusing() throws -> PeerAddress {
        let port = try Port()
        defer { port.close() }
        return try port.address
    }

    /// What connecting comes to: the address that has answered, or why none has.
    private static func connect(
        to addresses: [PeerAddress], limit: TimeAmount = .minutes(10), cancelled: Bool = false, on loop: EpollEventLoop
    ) async throws -> String {
        let outcomes = Log<String>()
        try await loop.submit {
            let connector = Connector(addresses, loop: loop, userTimeout: .seconds(35)) { result in
                switch result {
                case .success(let (connection, peer)):
                    connection.close()
                    outcomes.add("\(peer)")
                case .failure(let failure): outcomes.add("\(failure)")
                }
            }
            connector.start(limit: limit)
            if cancelled { connector.cancel() }
        }.get()
        try await eventually { outcomes.all.count == 1 }
        // A late one would be too many.
        try await loop.submit {}.get()
        #expect(outcomes.all.count == 1)
        return outcomes.all[0]
    }

    @Test("the first, if it answers")
    func first() async throws {
        let port = try Port()
        defer { port.close() }
        try await withLoop { loop in
            let address = try port.address
            let addresses = [address, try Self.refusing()]
            #expect(try await Self.connect(to: addresses, on: loop) == "\(address)")
        }
    }

    @Test("the next at once, where one refuses")
    func next() async throws {
        let port = try Port()
        defer { port.close() }
        try await withLoop { loop in
            let address = try port.address
            let addresses = [try Self.refusing(), try Self.refusing(), address]
            #expect(try await Self.connect(to: addresses, on: loop) == "\(address)")
        }
    }

    @Test("the next beside one that says nothing")
    func beside() async throws {
        let (silent, port) = (try Port.silent(), try Port())
        defer {
            silent.close()
            port.close()
        }
        try await withLoop { loop in
            let address = try port.address
            let addresses = [try silent.address, address]
            #expect(try await Self.connect(to: addresses, on: loop) == "\(address)")
        }
    }

    @Test("none: the error is the last one's")
    func none() async throws {
        try await withLoop { loop in
            let last = try Self.refusing()
            let outcome = try await Self.connect(to: [try Self.refusing(), last], on: loop)
            #expect(outcome == "\(last): connect: Connection refused (111)")
        }
    }

    @Test("none in time")
    func timedOut() async throws {
        let silent = try Port.silent()
        defer { silent.close() }
        try await withLoop { loop in
            let addresses = [try silent.address, try Self.refusing()]
            let outcome = try await Self.connect(to: addresses, limit: .milliseconds(400), on: loop)
            #expect(outcome == "no answer after 400 ms")
        }
    }

    @Test("none, when it is cancelled")
    func cancelled() async throws {
        let silent = try Port.silent()
        defer { silent.close() }
        try await withLoop { loop in
            let addresses = [try silent.address]
            #expect(try await Self.connect(to: addresses, cancelled: true, on: loop) == "cancelled")
        }
    }

    @Test("no attempt is left behind")
    func noneLeft() async throws {
        let (silent, port) = (try Port.silent(), try Port())
        defer {
            silent.close()
            port.close()
        }
        try await withLoop { loop in
            let addresses = [try Self.refusing(), try silent.address, try port.address]
            for cancelled in [false, true] {
                _ = try await Self.connect(to: addresses, cancelled: cancelled, on: loop)
            }
            // What is given up is closed in the same breath.
            #expect(try await loop.submit { loop.watchedCount }.get() == 0)
        }
    }

    @Test("addresses in numbers are found as they are")
    func resolves() throws {
        #expect(try PeerAddress.resolve("127.0.0.1", port: 80).map(\.description) == ["127.0.0.1:80"])
        #expect(try PeerAddress.resolve("::1", port: 65_535).map(\.description) == ["[::1]:65535"])
        let tooLong = String(repeating: "a", count: 300)
        #expect(throws: HostNotFound.self) { try PeerAddress.resolve(tooLong, port: 80) }
    }

    @Test("IPv6 and IPv4 take turns, in the order of the first (RFC 8305 §4)")
    func interleaved() throws {
        func addresses(_ hosts: [String]) throws -> [PeerAddress] {
            try hosts.flatMap { try PeerAddress.resolve($0, port: 1) }
        }
        let six = ["::1", "::2", "::3"]
        let four = ["127.0.0.1", "127.0.0.2"]
        func hosts(_ addresses: [PeerAddress]) -> [String] {
            addresses.map { String($0.description.dropLast(2).filter { $0 != "[" && $0 != "]" }) }
        }
        let sixFirst = try PeerAddress.interleaved(addresses(six + four))
        #expect(hosts(sixFirst) == ["::1", "127.0.0.1", "::2", "127.0.0.2", "::3"])
        let fourFirst = try PeerAddress.interleaved(addresses(four + six))
        #expect(hosts(fourFirst) == ["127.0.0.1", "::1", "127.0.0.2", "::2", "::3"])
        #expect(PeerAddress.interleaved([]).isEmpty)
    }
}
#endif
