import Testing
import WebSocketCore
import WebSocketTesting

@testable import WebSockets

@Suite("Messages through a connection of the server")
struct WebSocketHandlerTests {
    private static func server(
        _ configure: (inout WebSocketServer.Configuration) -> Void = { _ in }
    ) -> EmbeddedServer {
        var server = WebSocketServer.echoing(configure)
        server.on("/async") { socket in
            for try await message in socket { try await socket.send(message) }
        }
        server.on("/borrowed") { socket in
            while try await socket.receive({ socket.trySend($0, as: $1) }) != nil {}
        }
        return EmbeddedServer(server)
    }

    static let paths = ["/echo", "/async", "/borrowed"]

    @Test(
        "The replies to all messages of one segment leave in one write", arguments: WebSocketHandlerTests.paths,
        [1, 2, 100])
    func batches(path: String, count: Int) throws {
        let peer = try Self.server().open(path)
        let frames = (0..<count).map { FrameBytes.text("message \($0)") }
        try peer.send(frames.flatMap { $0.from(.client).bytes })
        let writes = peer.takeWrites()
        #expect(writes.count == 1)
        #expect(FrameBytes.frames(in: writes.flatMap { $0 }) == frames)
        // And again, with buffers that have been used before.
        try peer.send(frames.flatMap { $0.from(.client).bytes })
        let again = peer.takeWrites()
        #expect(again.count == 1)
        #expect(FrameBytes.frames(in: again.flatMap { $0 }) == frames)
    }

    @Test("A frame in pieces is delivered when it is whole", arguments: WebSocketHandlerTests.paths)
    func pieces(path: String) throws {
        let peer = try Self.server().open(path)
        let bytes = [FrameBytes.text("Hello"), .binary([1, 2, 3])].flatMap { $0.from(.client).bytes }
        for byte in bytes { try peer.send([byte]) }
        let writes = peer.takeWrites()
        #expect(writes.count == 2)
        #expect(FrameBytes.frames(in: writes.flatMap { $0 }) == [.text("Hello"), .binary([1, 2, 3])])
    }

    @Test("Segments that end anywhere change nothing", arguments: WebSocketHandlerTests.paths, UInt64(1)...4)
    func randomPieces(path: String, seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let peer = try Self.server().open(path)
        let frames = (0..<40).map { _ in FrameBytes.binary(random.bytes(Int.random(in: 0...300, using: &random))) }
        var rest = frames.flatMap { $0.from(.client).bytes }[...]
        while !rest.isEmpty {
            let piece = rest.prefix(Int.random(in: 1...500, using: &random))
            rest = rest.dropFirst(piece.count)
            try peer.send(Array(piece))
        }
        #expect(peer.takeFrames() == frames, "seed \(seed)")
    }

    @Test(
        "Messages of every size come back", arguments: WebSocketHandlerTests.paths,
        [0, 125, 126, 65_535, 65_536, 1 << 20])
    func sizes(path: String, bytes: Int) throws {
        let peer = try Self.server().open(path)
        var random = SeededGenerator(seed: UInt64(bytes))
        let pattern = random.bytes(1_021)
        let frame = FrameBytes.binary(
            Array(repeatElement(pattern, count: bytes / 1_021 + 1).joined().prefix(bytes)))
        let wire = FrameBytes.large(frame.payload)
        for start in stride(from: 0, to: wire.count, by: 60_000) {
            try peer.send(Array(wire[start..<min(start + 60_000, wire.count)]))
        }
        #expect(peer.takeFrames() == [frame])
    }

    @Test("A message one byte over the limit is refused with 1009", arguments: WebSocketHandlerTests.paths)
    func tooLarge(path: String) throws {
        let peer = try Self.server({ $0.socket.limits = Limits(maxMessageBytes: 1_000) }).open(path)
        try peer.send(.binary([UInt8](repeating: 1, count: 1_000)))
        #expect(peer.takeFrames().map(\.opcode) == [2])
        try peer.send(.binary([UInt8](repeating: 1, count: 1_001)))
        let close = try #require(peer.takeFrames().first)
        #expect(close.opcode == 8)
        #expect(close.closeCode == 1009)
    }

    @Test(
        "A fragmented message comes whole, and control frames between its fragments are answered",
        arguments: WebSocketHandlerTests.paths)
    func fragments(path: String) throws {
        let peer = try Self.server().open(path)
        try peer.send(.text("Hel", isFinal: false), .ping([9]), .continuation(Array("lo".utf8), isFinal: false))
        #expect(peer.takeFrames() == [.pong([9])])
        try peer.send(.pong([1]), .continuation([]), .text("next"))
        #expect(peer.takeFrames() == [.text("Hello"), .text("next")])
    }

    @Test("Replies and pongs keep their order and leave together", arguments: WebSocketHandlerTests.paths)
    func controlFramesBetween(path: String) throws {
        let peer = try Self.server().open(path)
        try peer.send(.ping([1]), .text("a"), .ping([2]), .text("b"), .ping([]))
        let writes = peer.takeWrites()
        #expect(writes.count == 1)
        let frames = FrameBytes.frames(in: writes.flatMap { $0 })
        #expect(frames.filter { $0.opcode == 1 } == [.text("a"), .text("b")])
        #expect(frames.filter { $0.opcode == 10 } == [.pong([1]), .pong([2]), .pong([])])
    }

    @Test(
        "Text that is not UTF-8 is refused with 1007; what came before it has been answered",
        arguments: WebSocketHandlerTests.paths)
    func notUTF8(path: String) throws {
        let peer = try Self.server().open(path)
        try peer.send(.text("good"), FrameBytes(.text, [0xC0, 0x80]))
        let frames = peer.takeFrames()
        #expect(frames.first == .text("good"))
        #expect(frames.dropFirst().map(\.opcode) == [8])
        #expect(frames.last?.closeCode == 1007)
    }

    @Test("A frame without a mask is refused with 1002 (RFC 6455 §5.1)", arguments: WebSocketHandlerTests.paths)
    func notMasked(path: String) throws {
        let peer = try Self.server().open(path)
        try peer.send(FrameBytes.text("naked").bytes)
        let close = try #require(peer.takeFrames().first)
        #expect(close.opcode == 8)
        #expect(close.closeCode == 1002)
    }

    @Test("The first frames may come before the handler's task has begun to receive")
    func keepsTheFirst() throws {
        var server = WebSocketServer.forTests()
        let gate = LoopGate()
        server.on("/late") { socket in
            await gate.pass()
            for try await message in socket { try await socket.send(message) }
        }
        let peer = try EmbeddedServer(server).open("/late")
        let frames = (0..<10).map { FrameBytes.text("message \($0)") }
        try peer.send(frames.flatMap { $0.from(.client).bytes })
        #expect(peer.takeBytes().isEmpty)
        gate.open()
        #expect(peer.takeFrames() == frames)
    }
}
