import Testing
import WebSocketCore
import WebSocketTesting

@testable import WebSockets

@Suite("Keep-alive of a connection (RFC 6455 §5.5.2)")
struct KeepAliveTests {
    private static let settings = KeepAlive.Configuration(
        interval: .seconds(25), pongTimeout: .seconds(10), jitterPercent: 0)

    private static func open(
        _ keepAlive: KeepAlive.Configuration? = Self.settings, _ closures: Log<Closure> = Log()
    ) throws -> (EmbeddedServer, EmbeddedPeer) {
        var server = WebSocketServer.forTests { $0.socket.keepAlive = keepAlive }
        server.on("/echo") { _ in ClosureRecorder(closures) }
        let embedded = EmbeddedServer(server)
        return (embedded, try embedded.open("/echo"))
    }

    @Test("A ping goes out after the interval, not before")
    func pings() throws {
        let (server, peer) = try Self.open()
        server.advance(by: .milliseconds(24_999))
        #expect(peer.takeBytes().isEmpty)
        server.advance(by: .milliseconds(1))
        let frames = peer.takeFrames()
        #expect(frames.map(\.opcode) == [9])
        #expect(frames.first?.payload.count == 8)
    }

    @Test("A pong keeps the connection, and the next ping comes an interval later")
    func pong() throws {
        let (server, peer) = try Self.open()
        for _ in 0..<3 {
            server.advance(by: .seconds(25))
            let ping = try #require(peer.takeFrames().first)
            try peer.send(.pong(ping.payload))
            server.advance(by: .milliseconds(24_999))
            #expect(peer.takeBytes().isEmpty)
            server.advance(by: .milliseconds(1))
            #expect(peer.takeFrames().map(\.opcode) == [9])
            try peer.send(.pong())
        }
        #expect(!peer.isClosed)
    }

    @Test("Any other byte is a sign of life too")
    func anyByte() throws {
        let (server, peer) = try Self.open()
        server.advance(by: .seconds(20))
        try peer.send([0x81])
        server.advance(by: .seconds(24))
        #expect(peer.takeBytes().isEmpty)
        server.advance(by: .seconds(1))
        #expect(peer.takeFrames().map(\.opcode) == [9])
        try peer.send([0x80])
        server.advance(by: .seconds(10))
        #expect(!peer.isClosed)
    }

    @Test("Silence after a ping ends the connection, after the time for the pong and not before")
    func fails() throws {
        let closures = Log<Closure>()
        let (server, peer) = try Self.open(Self.settings, closures)
        server.advance(by: .seconds(25))
        #expect(peer.takeFrames().map(\.opcode) == [9])
        server.advance(by: .milliseconds(9_999))
        #expect(!peer.isClosed)
        server.advance(by: .milliseconds(1))
        #expect(peer.isClosed)
        #expect(closures.all.map(\.ending) == [.timedOut(.keepAlive)])
        #expect(closures.all.first?.initiator == .local)
        #expect(server.state.connectionCount == 0)
    }

    @Test("Without keep-alive nothing is ever sent")
    func none() throws {
        let (server, peer) = try Self.open(nil)
        server.advance(by: .seconds(36_000))
        #expect(peer.takeBytes().isEmpty)
        #expect(!peer.isClosed)
    }

    @Test("A peer is not blamed for silence while this end does not read")
    func slowApplication() throws {
        var server = WebSocketServer.forTests {
            $0.socket.keepAlive = Self.settings
            $0.socket.maxUnreadBytes = 100
        }
        server.on("/deaf") { socket in _ = await socket.closed() }
        let embedded = EmbeddedServer(server)
        let peer = try embedded.open("/deaf")
        try peer.send(.binary([UInt8](repeating: 1, count: 200)))
        #expect(peer.isReading == false)
        for _ in 0..<10 { embedded.advance(by: .seconds(25)) }
        #expect(!peer.isClosed)
    }

    @Test("The time for a whole message is limited, however it trickles in")
    func slowMessage() throws {
        let closures = Log<Closure>()
        var server = WebSocketServer.forTests { $0.socket.limits.assemblyTimeout = .seconds(30) }
        server.on("/echo") { _ in ClosureRecorder(closures) }
        let embedded = EmbeddedServer(server)
        let peer = try embedded.open("/echo")
        try peer.send(FrameBytes.binary([UInt8](repeating: 1, count: 100)).from(.client).bytes.dropLast(90).map { $0 })
        for _ in 0..<29 {
            embedded.advance(by: .seconds(1))
            try peer.send([0])
            #expect(!peer.isClosed)
        }
        embedded.advance(by: .seconds(1))
        #expect(peer.takeFrames().last?.closeCode == 1008)
    }
}

/// Echoes, and notes how the connection ended.
struct ClosureRecorder: MessageReceiver {
    private let closures: Log<Closure>

    init(_ closures: Log<Closure>) { self.closures = closures }

    mutating func received(_ message: RawSpan, _ kind: MessageKind, _ socket: LoopSocket) {
        socket.send(message, as: kind)
    }

    mutating func closed(_ closure: Closure) { self.closures.add(closure) }
}
