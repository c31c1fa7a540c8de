import Testing
import WebSocketCore
import WebSocketTesting

@testable import WebSockets

@Suite("Receiving in a task")
struct AsyncConsumerTests {
    private typealias Handler = @Sendable (WebSocket) async throws -> Void

    private static func open(
        _ configure: (inout WebSocketServer.Configuration) -> Void = { _ in }, _ handler: @escaping Handler
    ) throws -> (EmbeddedServer, EmbeddedPeer) {
        var server = WebSocketServer.forTests(configure)
        server.on("/", handler: handler)
        let embedded = EmbeddedServer(server)
        return (embedded, try embedded.open("/"))
    }

    @Test("A handler that returns closes with 1000, one that throws with 1011", arguments: [false, true])
    func handlerEnds(byThrowing: Bool) throws {
        struct Oops: Error {}
        let (server, peer) = try Self.open { socket in
            _ = try await socket.receive()
            if byThrowing { throw Oops() }
        }
        #expect(peer.takeBytes().isEmpty)
        try peer.send(.text("go"))
        #expect(peer.takeFrames() == [.close(byThrowing ? 1011 : 1000)])
        #expect(!peer.isClosed)
        try peer.send(.close(1000))
        #expect(peer.isClosed)
        #expect(server.state.connectionCount == 0)
    }

    @Test("Messages that nobody received do not keep the closing handshake from being completed")
    func handlerReturnsEarly() throws {
        let (server, peer) = try Self.open({ $0.socket.maxUnreadBytes = 100 }) { socket in
            _ = try await socket.receive()
        }
        let messages = (0..<50).flatMap { _ in FrameBytes.binary([UInt8](repeating: 1, count: 50)).from(.client).bytes }
        try peer.send(messages)
        #expect(peer.takeFrames() == [.close(1000)])
        try peer.send(messages + FrameBytes.close(1000).from(.client).bytes)
        #expect(peer.isClosed)
        #expect(server.state.connectionCount == 0)
    }

    @Test(
        "Iteration ends when the peer closes with 1000, 1001 or no code, and throws for any other",
        arguments: [(1000, false), (1001, false), (nil, false), (1002, true), (1011, true), (4000, true)]
            as [(UInt16?, Bool)])
    func iterationEnds(code: UInt16?, throwing: Bool) throws {
        let log = Log<String>()
        let (_, peer) = try Self.open { socket in
            do {
                for try await message in socket { log.add("\(message)") }
                log.add("end")
            } catch WebSocketError.closed(let closure) {
                log.add("closed \(closure.received?.code.map(\.description) ?? "none") \(closure.initiator)")
            }
        }
        try peer.send(.text("a"), .close(code))
        #expect(peer.takeFrames() == [.close(code)])
        #expect(log.all == ["text(\"a\")", throwing ? "closed \(code ?? 0) peer" : "end"])
        #expect(peer.isClosed)
    }

    @Test("A peer that drops the connection makes iteration throw")
    func dropped() throws {
        let log = Log<Closure.Ending>()
        let (server, peer) = try Self.open { socket in
            do { for try await _ in socket {} } catch WebSocketError.closed(let closure) { log.add(closure.ending) }
        }
        peer.drop()
        #expect(peer.isClosed)
        #expect(log.all == [.abnormal(.endOfStream)])
        #expect(server.state.connectionCount == 0)
    }

    @Test("What came before the close is still received after it")
    func receivedAfterTheClose() throws {
        let gate = LoopGate()
        let log = Log<String>()
        let (_, peer) = try Self.open { socket in
            await gate.pass()
            for try await message in socket { log.add("\(message)") }
            log.add("end")
        }
        try peer.send(.text("a"), .binary([1]), .close(1000))
        #expect(peer.takeFrames() == [.close(1000)])
        #expect(peer.isClosed)
        gate.open()
        _ = peer.takeWrites()
        #expect(log.all == ["text(\"a\")", "binary([1])", "end"])
    }

    @Test("A slow application: pings are answered, the inbox is bounded, the close is completed")
    func slowApplication() throws {
        let gate = LoopGate()
        let log = Log<Int>()
        let (_, peer) = try Self.open { socket in
            await gate.pass()
            for try await message in socket { log.add(message.byteCount) }
        }
        try peer.send(.ping([1]), .text("a"))
        try peer.send(.ping([2]), .close(1001, "bye"))
        #expect(peer.takeFrames() == [.pong([1]), .pong([2]), .close(1001, "bye")])
        #expect(peer.isClosed)
        gate.open()
        _ = peer.takeWrites()
        #expect(log.all == [1])
    }

    @Test("Beyond the read-ahead nothing more is read, until the application has caught up")
    func pausesReading() throws {
        let gate = LoopGate()
        let log = Log<UInt8>()
        let (_, peer) = try Self.open({ $0.socket.maxUnreadBytes = 2_000 }) { socket in
            await gate.pass()
            for try await message in socket {
                if case .binary(let bytes) = message { log.add(bytes.first ?? 0) }
            }
            log.add(255)
        }
        let message = { (number: UInt8) in FrameBytes.binary([number] + [UInt8](repeating: 0, count: 99)) }
        try peer.send((0..<8).flatMap { message($0).from(.client).bytes })
        #expect(peer.isReading != false)
        try peer.send((8..<20).flatMap { message($0).from(.client).bytes })
        #expect(peer.isReading == false)
        // What had been read already when reading stopped is kept too.
        try peer.send(message(20), .ping([7]), message(21), .close(1000))
        #expect(!peer.isClosed)
        #expect(peer.takeBytes().isEmpty)
        gate.open()
        #expect(peer.takeFrames() == [.pong([7]), .close(1000)])
        #expect(log.all == Array(0...21) + [255])
        #expect(peer.isClosed)
    }

    @Test("Reading is resumed")
    func resumesReading() throws {
        let gate = LoopGate()
        let log = Log<Int>()
        let (_, peer) = try Self.open({ $0.socket.maxUnreadBytes = 100 }) { socket in
            await gate.pass()
            for try await message in socket { log.add(message.byteCount) }
        }
        try peer.send(.binary([UInt8](repeating: 1, count: 150)))
        #expect(peer.isReading == false)
        gate.open()
        _ = peer.takeWrites()
        #expect(peer.isReading == true)
        try peer.send(.binary([1, 2]))
        #expect(log.all == [150, 2])
    }

    @Test("What had been read when the peer ended the stream is received before the end is told")
    func endOfStreamBehindUnread() throws {
        let gate = LoopGate()
        let log = Log<String>()
        let (server, peer) = try Self.open({ $0.socket.maxUnreadBytes = 100 }) { socket in
            await gate.pass()
            for try await message in socket { log.add("\(message.byteCount)") }
            log.add("end")
        }
        try peer.send(
            (1...20).flatMap { FrameBytes.binary([UInt8](repeating: 0, count: $0)).from(.client).bytes }
                + FrameBytes.close(1000).from(.client).bytes)
        #expect(peer.isReading == false)
        peer.drop()
        #expect(peer.isClosed)
        gate.open()
        _ = peer.takeWrites()
        #expect(log.all == (1...20).map(\.description) + ["end"])
        #expect(server.state.connectionCount == 0)
    }

    @Test("A connection has one receiver")
    func oneReceiver() throws {
        let log = Log<String>()
        let (_, peer) = try Self.open { socket in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<2 {
                    group.addTask {
                        do {
                            let message = try await socket.receive()
                            log.add(message.map { "\($0)" } ?? "nil")
                        } catch WebSocketError.alreadyReceiving { log.add("already") }
                    }
                }
                try await group.waitForAll()
            }
        }
        _ = peer.takeWrites()
        #expect(log.all == ["already"])
        try peer.send(.text("a"))
        #expect(log.all == ["already", "text(\"a\")"])
    }

    @Test("Receiving is cancelled with its task, and another may receive after it")
    func cancellation() throws {
        let log = Log<String>()
        let gate = LoopGate()
        let (_, peer) = try Self.open { socket in
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    do { _ = try await socket.receive() } catch { log.add("\(error)") }
                }
                await gate.pass()
                group.cancelAll()
            }
            for try await message in socket { log.add("\(message)") }
        }
        gate.open()
        _ = peer.takeWrites()
        #expect(log.all == ["CancellationError()"])
        try peer.send(.text("a"))
        #expect(log.all == ["CancellationError()", "text(\"a\")"])
        #expect(!peer.isClosed)
    }

    @Test("A receiver that throws out of the closure has taken the message")
    func bodyThrows() throws {
        struct Oops: Error {}
        let log = Log<Int>()
        let (_, peer) = try Self.open { socket in
            do { try await socket.receive { _, _ in throw Oops() } } catch is Oops { log.add(-1) }
            for try await message in socket { log.add(message.byteCount) }
        }
        try peer.send(.text("a"), .text("bc"))
        #expect(log.all == [-1, 2])
    }

    @Test("Text and binary messages stay what they are")
    func kinds() throws {
        let log = Log<Message>()
        let (_, peer) = try Self.open { socket in for try await message in socket { log.add(message) } }
        try peer.send(.text("größer"), .binary(Array("größer".utf8)), .text(""), .binary([]))
        #expect(log.all == [.text("größer"), .binary(Array("größer".utf8)), .text(""), .binary([])])
    }
}
