import Testing
import WebSocketCore
import WebSocketTesting

@testable import WebSockets

@Suite("Idle connections, and those that have lived long")
struct LifespanTests {
    private static func server(_ configure: (inout SocketSettings) -> Void) -> EmbeddedServer {
        var server = WebSocketServer.echoing { configure(&$0.socket) }
        server.on("/quiet") { _ in Quiet() }
        return EmbeddedServer(server)
    }

    /// Answers nothing.
    private struct Quiet: MessageReceiver {
        mutating func received(_ message: RawSpan, _ kind: MessageKind, _ socket: LoopSocket) {}
    }

    private static func expectClosed(_ peer: EmbeddedPeer, reason: String) throws {
        let frames = peer.takeFrames().filter { $0.opcode == 8 }
        #expect(frames.map(\.closeCode) == [1001])
        #expect(frames.first.map { String(decoding: $0.payload.dropFirst(2), as: UTF8.self) } == reason)
        try peer.send(.close(1001))
        #expect(peer.isClosed)
    }

    @Test("A connection without messages is closed with 1001, however many pings there are")
    func idle() throws {
        let embedded = Self.server {
            $0.idleTimeout = .seconds(60)
            $0.keepAlive = KeepAlive.Configuration(interval: .seconds(10), pongTimeout: .seconds(5), jitterPercent: 0)
        }
        let peer = try embedded.open("/echo")
        for _ in 0..<5 {
            embedded.advance(by: .seconds(10))
            let pings = peer.takeFrames()
            #expect(pings.map(\.opcode) == [9])
            for ping in pings { try peer.send(.pong(ping.payload)) }
            try peer.send(.ping([1]))
            #expect(peer.takeFrames() == [.pong([1])])
        }
        embedded.advance(by: .seconds(9))
        #expect(!peer.takeFrames().contains { $0.opcode == 8 })
        embedded.advance(by: .seconds(1))
        try Self.expectClosed(peer, reason: "idle")
        #expect(embedded.state.connectionCount == 0)
    }

    @Test("Messages that come keep it open, whole or in parts", arguments: ["/echo", "/quiet"])
    func received(path: String) throws {
        let embedded = Self.server {
            $0.idleTimeout = .seconds(10)
            $0.keepAlive = nil
            $0.limits.assemblyTimeout = .seconds(600)
        }
        let peer = try embedded.open(path)
        for _ in 0..<5 {
            embedded.advance(by: .seconds(9))
            try peer.send(.text("x"))
        }
        // A large message that comes slowly.
        let bytes = FrameBytes.binary([UInt8](repeating: 1, count: 1_000)).from(.client).bytes
        for start in stride(from: 0, to: 1_000, by: 100) {
            embedded.advance(by: .seconds(9))
            try peer.send(Array(bytes[start..<min(start + 100, bytes.count)]))
        }
        try peer.send(Array(bytes[1_000...]))
        _ = peer.takeFrames()
        embedded.advance(by: .seconds(9))
        #expect(peer.takeFrames() == [])
        embedded.advance(by: .seconds(1))
        try Self.expectClosed(peer, reason: "idle")
    }

    @Test("Messages that are sent keep it open, short ones and long ones", arguments: [3, 200, 20_000])
    func sent(count: Int) throws {
        let sockets = Log<WebSocket>()
        var server = WebSocketServer.echoing {
            $0.socket.idleTimeout = .seconds(10)
            $0.socket.keepAlive = KeepAlive.Configuration(
                interval: .seconds(4), pongTimeout: .seconds(600), jitterPercent: 0)
        }
        server.on("/push") { _ in Remembering(sockets: sockets) }
        let embedded = EmbeddedServer(server)
        let peer = try embedded.open("/push")
        let socket = try #require(sockets.all.first)
        for _ in 0..<5 {
            embedded.advance(by: .seconds(9))
            _ = socket.trySend(.binary([UInt8](repeating: 7, count: count)))
            #expect(peer.takeFrames().contains { $0.opcode == 2 })
        }
        embedded.advance(by: .seconds(9))
        #expect(!peer.takeFrames().contains { $0.opcode == 8 })
        embedded.advance(by: .seconds(1))
        try Self.expectClosed(peer, reason: "idle")
    }

    private struct Remembering: MessageReceiver {
        let sockets: Log<WebSocket>
        mutating func opened(_ socket: LoopSocket) { self.sockets.add(socket.webSocket) }
        mutating func received(_ message: RawSpan, _ kind: MessageKind, _ socket: LoopSocket) {}
    }

    @Test("The end of a lifetime comes to a busy connection too, and not to all at once")
    func lifetime() throws {
        let embedded = Self.server {
            $0.maximumLifetime = .seconds(1_000)
            $0.keepAlive = nil
            // The peer answers when the test looks.
            $0.limits.closeTimeout = .seconds(600)
        }
        let peers = try (0..<20).map { _ in try embedded.open("/echo") }
        var closedAt: [Int] = []
        for second in stride(from: 10, through: 1_000, by: 10) {
            embedded.advance(by: .seconds(10))
            for peer in peers where !peer.isClosed {
                try peer.send(.text("x"))
                let frames = peer.takeFrames()
                guard let close = frames.first(where: { $0.opcode == 8 }) else { continue }
                #expect(close.closeCode == 1001)
                #expect(String(decoding: close.payload.dropFirst(2), as: UTF8.self) == "end of lifetime")
                closedAt.append(second)
                try peer.send(.close(1001))
                #expect(peer.isClosed)
            }
        }
        #expect(closedAt.count == 20)
        #expect(closedAt.allSatisfy { 900...1_000 ~= $0 })
        // Eleven times they may fall on: that all fall on two would be a miracle.
        #expect(Set(closedAt).count > 2)
        #expect(embedded.state.connectionCount == 0)
    }

    @Test("Neither is there by default")
    func none() throws {
        let embedded = Self.server { $0.keepAlive = nil }
        let peer = try embedded.open("/echo")
        embedded.advance(by: .seconds(1_000_000))
        #expect(peer.takeFrames() == [])
        #expect(!peer.isClosed)
    }

    @Test("As long as a duration can be")
    func longest() throws {
        let embedded = Self.server {
            $0.idleTimeout = .seconds(Int64.max)
            $0.maximumLifetime = .seconds(Int64.max)
            $0.keepAlive = nil
        }
        let peer = try embedded.open("/echo")
        embedded.advance(by: .seconds(1_000))
        try peer.send(.text("x"))
        #expect(peer.takeFrames() == [.text("x")])
    }
}
