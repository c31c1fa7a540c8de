import NIOCore
import Synchronization
import Testing
import WebSocketCore
import WebSocketTesting

@testable import WebSockets

@Suite("A peer that does not read")
struct BackpressureTests {
    /// What the engine holds for one connection.
    private struct Held: Sendable {
        var waiting: Int
        var written: Int
        var isBlocked: Bool
        var isOpen: Bool
    }

    /// Runs `body` with a raw peer of a server whose engine it can look into.
    private static func withPeer(
        _ configure: @escaping (inout WebSocketServer.Configuration) -> Void = { _ in },
        _ body: (RawConnection, SocketEngine, Log<Closure>) async throws -> Void
    ) async throws {
        let engines = Log<SocketEngine>()
        let closures = Log<Closure>()
        var server = WebSocketServer.forTests {
            // What the peer reads is counted: no ping of a slow run among it.
            $0.socket.keepAlive = nil
            // A busy machine may leave the peer's thread without the processor for longer than the default.
            $0.socket.outbox.writeTimeout = .seconds(600)
            configure(&$0)
        }
        server.on("/") { _ in Witness(engines, closures) }
        try await server.whileRunning { running in
            let peer = try await RawConnection.open("/", on: running.port, receiveBufferBytes: 16 << 10)
            try await body(peer, try await engines.first(), closures)
            try await peer.close()
        }
    }

    private static func held(by engine: SocketEngine) async throws -> Held {
        try await engine.loop.eventLoop.submit {
            Held(
                waiting: engine.waitingBytes, written: engine.writtenBytes, isBlocked: engine.isOutputBlocked,
                isOpen: engine.isOpen)
        }.get()
    }

    /// Tells the engine that it is as late as `now`.
    private static func pass(_ now: Timestamp, on engine: SocketEngine) async throws {
        try await engine.loop.eventLoop.submit { engine.deadlinePassed(now: now) }.get()
    }

    @Test("is not read from, costs a bounded amount of memory, and gets everything in order when it reads again")
    func echo() async throws {
        let limit = OutboxLimits().highWaterBytes
        try await Self.withPeer { peer, engine, _ in
            try await peer.stopReading()
            // 24 MiB: more than the buffers of the system hold on both sides.
            let count = 24 << 6
            let padding = [UInt8](repeating: 0, count: (16 << 10) - 2)
            var wire: [UInt8] = []
            for index in 0..<count {
                wire += FrameBytes.large([UInt8(index >> 8), UInt8(index & 0xFF)] + padding)
            }
            let sent = peer.sendSoon(wire)
            try await eventually("the server to be blocked") { try await Self.held(by: engine).isBlocked }
            // One burst beyond the mark at most.
            #expect(try await Self.held(by: engine).waiting <= limit + (128 << 10))
            // The server has stopped reading: the peer cannot get rid of its bytes.
            #expect(try await peer.channel.getOption(.bufferedWritableBytes).get() > 0)
            try await peer.resumeReading()
            for index in 0..<count {
                let frame = try await peer.readFrame()
                #expect(frame.payload.count == 16 << 10)
                guard frame.payload.prefix(2) == [UInt8(index >> 8), UInt8(index & 0xFF)] else {
                    Issue.record("message \(index) is not in order")
                    return
                }
            }
            try await sent.get()
            try await eventually("the server to be free again") { try await !Self.held(by: engine).isBlocked }
        }
    }

    @Test("is given up after the write time-out, and not as long as it reads anything at all")
    func slowReader() async throws {
        // The engine is told the time by the test: an hour later at every look.
        let hour = Duration.seconds(3600)
        try await Self.withPeer({
            $0.socket.outbox.writeTimeout = hour
            $0.socket.keepAlive = nil
        }) { peer, engine, closures in
            try await peer.stopReading()
            let socket = try await engine.handle()
            // More than is read in the whole test, so that it is blocked all the time.
            try await socket.send([UInt8](repeating: 0, count: 64 << 20))
            try await eventually("the server to be blocked") { try await Self.held(by: engine).isBlocked }
            let waiting = Task { try await socket.send("more") }
            let start = engine.loop.now
            for hours in 1...5 {
                let before = try await Self.held(by: engine).written
                try await eventually("some of it to be read") {
                    peer.channel.read()
                    return try await Self.held(by: engine).written > before
                }
                try await Self.pass(start + hour * hours, on: engine)
                #expect(try await Self.held(by: engine).isOpen, "after \(hours) hours: \(closures.all)")
            }
            // Now it reads nothing. What the system took since the last look still counts.
            for hours in 6...7 { try await Self.pass(start + hour * hours, on: engine) }
            #expect(try await closures.first().ending == .timedOut(.write))
            // Who waited for room is told.
            await #expect(throws: WebSocketError.self) { try await withDeadline { try await waiting.value } }
        }
    }

    @Test("Sending without waiting says what became of a message, prepared or not", arguments: [false, true])
    func statuses(isPrepared: Bool) async throws {
        try await Self.withPeer({
            $0.socket.outbox.highWaterBytes = 10_000
            $0.socket.outbox.maxBytesBeyond = 20_000
            $0.socket.outbox.maxMessagesBeyond = 5
        }) { peer, engine, _ in
            try await peer.stopReading()
            let statuses = try await engine.loop.eventLoop.submit {
                let socket = LoopSocket(engine)
                func send(_ count: Int) -> SendStatus {
                    let bytes = [UInt8](repeating: 0, count: count)
                    if isPrepared { return socket.send(PreparedMessage(bytes.span.bytes, as: .binary)) }
                    return socket.send(bytes.span.bytes, as: .binary)
                }
                var statuses = [send(100)]
                // Below the mark one message is accepted, whatever its size: more than the system takes at once.
                statuses.append(send(64 << 20))
                statuses += [send(15_000), send(5_001), send(1), send(1), send(1), send(1), send(1)]
                return statuses
            }.get()
            #expect(statuses.first == .written)
            for (index, isQueued) in [
                (1, true), (2, true), (3, false), (4, true), (5, true), (6, true), (7, true), (8, false),
            ] {
                switch statuses[index] {
                case .queued(let bytes): #expect(isQueued && bytes > 10_000, "\(index)")
                case .dropped(let reason): #expect(!isQueued && reason == .outboxFull, "\(index)")
                case .written: Issue.record("\(index) cannot have been written")
                }
            }
            // The next ones beyond the mark count anew once the peer has read.
            try await peer.resumeReading()
            let lengths = try await peer.readFrames(7).map(\.payload.count)
            #expect(lengths == [100, 64 << 20, 15_000, 1, 1, 1, 1])
            let again = try await engine.loop.eventLoop.submit { LoopSocket(engine).send("again") }.get()
            #expect(again == .written)
            #expect(try await peer.readFrame() == .text("again"))
        }
    }

    @Test("A thread that is not the loop's learns that the outbox is full, and that there is room again")
    func fullElsewhere() async throws {
        try await Self.withPeer({
            $0.socket.outbox.highWaterBytes = 10_000
            $0.socket.outbox.maxBytesBeyond = 1 << 40
            $0.socket.outbox.maxMessagesBeyond = 3
        }) { peer, engine, _ in
            try await peer.stopReading()
            let socket = try await engine.handle()
            // More than the system takes at once; then three more, and no fourth: its refusal is known to the loop first.
            try await socket.send([UInt8](repeating: 0, count: 64 << 20))
            for _ in 1...4 { #expect(socket.trySend("x") != .dropped(.closed)) }
            try await engine.loop.eventLoop.submit {}.get()
            #expect(socket.trySend("x") == .dropped(.outboxFull))
            try await peer.resumeReading()
            #expect(try await peer.readFrames(4).map(\.payload.count) == [64 << 20, 1, 1, 1])
            try await eventually("room to be told") { socket.trySend("again") != .dropped(.outboxFull) }
            #expect(try await peer.readFrame() == .text("again"))
        }
    }

    @Test("After the close nothing is sent")
    func closed() async throws {
        // On a busy machine the peer's answer may take its time.
        try await Self.withPeer({ $0.socket.limits.closeTimeout = .seconds(600) }) { peer, engine, closures in
            let status = try await engine.loop.eventLoop.submit {
                let socket = LoopSocket(engine)
                socket.close(.goingAway)
                return socket.send("late")
            }.get()
            #expect(status == .dropped(.closed))
            let socket = try await engine.handle()
            await #expect(throws: WebSocketError.self) { try await socket.send("late") }
            #expect(try await peer.readFrame() == .close(1001))
            try await peer.send(.close(1001))
            #expect(try await closures.first().isClean)
            #expect(socket.trySend("later") == .dropped(.closed))
            await #expect(throws: WebSocketError.self) { try await socket.send("later") }
        }
    }

    @Test("Sending suspends above the mark and goes on when the peer reads", arguments: [false, true])
    func sendSuspends(onTheLoop: Bool) async throws {
        try await Self.withPeer { peer, engine, _ in
            try await peer.stopReading()
            let socket = try await engine.handle()
            let counter = CountBox()
            let count = 96
            let sending: @Sendable () async throws -> Void = {
                for _ in 0..<count {
                    try await socket.send([UInt8](repeating: 0, count: 256 << 10))
                    counter.increase()
                }
            }
            let sender =
                onTheLoop
                ? Task(executorPreference: engine.loop.executor, operation: sending) : Task(operation: sending)
            try await eventually("the server to be blocked") { try await Self.held(by: engine).isBlocked }
            #expect(counter.value < count)
            #expect(try await Self.held(by: engine).waiting <= (64 << 10) + (256 << 10) + 14)
            try await peer.resumeReading()
            for _ in 0..<count { #expect(try await peer.readFrame().payload.count == 256 << 10) }
            try await withDeadline { try await sender.value }
            #expect(counter.value == count)
        }
    }

    @Test("A sender that waits for room can be cancelled; the connection lives on", arguments: [false, true])
    func cancelSend(onTheLoop: Bool) async throws {
        try await Self.withPeer { peer, engine, closures in
            try await peer.stopReading()
            let socket = try await engine.handle()
            let sending: @Sendable () async throws -> Void = {
                while true { try await socket.send([UInt8](repeating: 0, count: 256 << 10)) }
            }
            let sender =
                onTheLoop
                ? Task(executorPreference: engine.loop.executor, operation: sending) : Task(operation: sending)
            try await eventually("the server to be blocked") { try await Self.held(by: engine).isBlocked }
            sender.cancel()
            await #expect(throws: CancellationError.self) { try await withDeadline { try await sender.value } }
            #expect(closures.all.isEmpty)
        }
    }
}

/// Counts, from any thread.
final class CountBox: Sendable {
    private let count = Atomic<Int>(0)
    var value: Int { self.count.load(ordering: .relaxed) }
    func increase() { self.count.add(1, ordering: .relaxed) }
}

/// Echoes; tells which engine is its own and how it ended.
struct Witness: MessageReceiver {
    private let engines: Log<SocketEngine>
    private let closures: Log<Closure>

    init(_ engines: Log<SocketEngine>, _ closures: Log<Closure>) {
        self.engines = engines
        self.closures = closures
    }

    mutating func opened(_ socket: LoopSocket) { self.engines.add(socket.engine) }

    mutating func received(_ message: RawSpan, _ kind: MessageKind, _ socket: LoopSocket) {
        socket.send(message, as: kind)
    }

    mutating func closed(_ closure: Closure) { self.closures.add(closure) }
}

extension SocketEngine {
    /// A handle for tasks, made where one of callbacks must be made: on the loop.
    fileprivate func handle() async throws -> WebSocket {
        try await self.loop.eventLoop.submit { WebSocket(self) }.get()
    }
}
