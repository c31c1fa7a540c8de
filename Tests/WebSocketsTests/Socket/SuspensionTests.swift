import NIOCore
import NIOPosix
import Testing
import WebSocketCore
import WebSocketTesting

@testable import WebSockets

/// Messages are lent to tasks where they lie, in memory that the next read overwrites. Whatever a task waits for between
/// two of them, each has to be whole: `make asan` runs this too.
@Suite("A task that is suspended anywhere")
struct SuspensionTests {
    /// What a handler may do between two messages.
    private enum Pause: CaseIterable {
        case none
        case yield
        case timer
        case actor
        case anotherExecutor
        case childTask
        case roomToSend

        func take(_ socket: WebSocket, _ elsewhere: Elsewhere) async throws {
            switch self {
            case .none: break
            case .yield: await Task.yield()
            case .timer:
                try await socket.engine.loop.eventLoop.scheduleTask(in: .microseconds(200)) {}.futureResult.get()
            case .actor: await elsewhere.visit()
            case .anotherExecutor: await withTaskExecutorPreference(globalConcurrentExecutor) { await Task.yield() }
            case .childTask:
                async let child: Void = Task.yield()
                await child
            case .roomToSend: try await socket.send("pause")
            }
        }
    }

    private actor Elsewhere {
        private(set) var visits = 0
        func visit() { self.visits += 1 }
    }

    /// Message `number` of a run: its length and its bytes follow from it.
    private struct Expected {
        let kind: MessageKind
        let bytes: [UInt8]

        init(_ number: Int, seed: UInt64) {
            var random = SeededGenerator(seed: seed &+ UInt64(number) &* 7_919)
            let lengths = [0, 1, 20, 125, 126, 1_000, 5_000, 20_000, 70_000]
            let count = lengths[Int(random.next() % UInt64(lengths.count))]
            self.kind = random.next() % 2 == 0 ? .text : .binary
            let first = UInt8(truncatingIfNeeded: number)
            self.bytes = (0..<count).map { index in
                let byte = first &+ UInt8(truncatingIfNeeded: index &* 31 >> 2)
                return byte & 0x7F
            }
        }
    }

    /// All frames of a run: some messages in fragments, some pings between them.
    private static func frames(_ count: Int, seed: UInt64) -> [UInt8] {
        var random = SeededGenerator(seed: seed)
        var bytes: [UInt8] = []
        for number in 0..<count {
            let message = Expected(number, seed: seed)
            let opcode: Opcode = message.kind == .text ? .text : .binary
            if random.next() % 4 == 0, message.bytes.count > 1 {
                let cut = 1 + Int(random.next() % UInt64(message.bytes.count - 1))
                let first = FrameBytes(opcode, Array(message.bytes[..<cut]), isFinal: false)
                bytes += first.from(.client).bytes
                if random.next() % 2 == 0 { bytes += FrameBytes.ping([1]).from(.client).bytes }
                bytes += FrameBytes.continuation(Array(message.bytes[cut...])).from(.client).bytes
            } else {
                bytes += FrameBytes(opcode, message.bytes).from(.client).bytes
            }
        }
        return bytes
    }

    @Test("gets every message whole and in order", arguments: 1...12)
    func wholeMessages(seed: UInt64) async throws {
        let count = 150
        let faults = Log<String>()
        let elsewhere = Elsewhere()
        let done = Log<Int>()
        var server = WebSocketServer.forTests {
            $0.socket.limits.controlFrameBurst = 10_000
            $0.socket.maxUnreadBytes = seed % 3 == 0 ? 1 : 64 << 10
            // Half of the runs have messages that wait for whoever receives them.
            if seed % 2 == 0 { $0.socket.limits.maxStreamedBytes = 2 << 20 }
        }
        server.on("/") { socket in
            var random = SeededGenerator(seed: seed)
            var number = 0
            while number < count {
                let expected = Expected(number, seed: seed)
                // Borrowed, owned, in pieces, or by iteration: what they see must be the same.
                switch random.next() % 4 {
                case 0:
                    let found = try await socket.receive { bytes, kind in
                        // In the middle of the message something is sent, which must not touch it.
                        if bytes.byteCount < 200 { socket.trySend(bytes, as: kind) }
                        return kind == expected.kind
                            && bytes.withUnsafeBytes { $0.elementsEqual(expected.bytes) }
                    }
                    if found != true { faults.add("borrowed \(number)") }
                case 1:
                    let message = try await socket.receive()
                    if message != Message(expected.kind, expected.bytes) { faults.add("owned \(number)") }
                case 2:
                    // A pause between the pieces, too.
                    var random = random
                    let message = try await socket.withNextMessage { reader in
                        var bytes: [UInt8] = []
                        while let piece = try await reader.next() {
                            bytes += piece
                            let pauses = Pause.allCases
                            try await pauses[Int(random.next() % UInt64(pauses.count))].take(socket, elsewhere)
                        }
                        return Message(reader.kind, bytes)
                    }
                    if message != Message(expected.kind, expected.bytes) { faults.add("in pieces \(number)") }
                default:
                    var iterator = socket.makeAsyncIterator()
                    let message = try await iterator.next()
                    if message != Message(expected.kind, expected.bytes) { faults.add("iterated \(number)") }
                }
                number += 1
                let pauses = Pause.allCases
                try await pauses[Int(random.next() % UInt64(pauses.count))].take(socket, elsewhere)
            }
            done.add(number)
        }
        try await server.whileRunning { running in
            let peer = try await RawConnection.open("/", on: running.port)
            var random = SeededGenerator(seed: ~seed)
            var rest = Self.frames(count, seed: seed)[...]
            while !rest.isEmpty {
                let piece = rest.prefix(1 + Int(random.next() % 40_000))
                rest = rest.dropFirst(piece.count)
                try await peer.send(Array(piece))
            }
            #expect(try await done.first() == count)
            try await peer.close()
        }
        #expect(faults.all.isEmpty)
    }
}
