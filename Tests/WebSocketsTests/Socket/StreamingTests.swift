import Foundation
import NIOCore
import Testing
import WebSocketCore
import WebSocketTesting

@testable import WebSockets

@Suite("A message in pieces")
struct StreamingTests {
    /// What every large message here repeats. The tests share their loops, so that nobody may be busy for long.
    private static let pattern = (0..<(64 << 10)).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 11) }

    /// Some bytes of a large message, as many as lie in a row.
    private static func bytes(from start: Int, to end: Int) -> ArraySlice<UInt8> {
        let first = start % Self.pattern.count
        return Self.pattern[first..<min(Self.pattern.count, first + end - start)]
    }

    /// Whether `piece` is what a large message has from `start` on.
    private static func isRight(_ piece: [UInt8], from start: Int) -> Bool {
        var index = 0
        while index < piece.count {
            let expected = Self.bytes(from: start + index, to: start + piece.count)
            let isEqual = piece.withUnsafeBytes { piece in
                expected.withUnsafeBytes { expected in
                    guard let came = piece.baseAddress, let sent = expected.baseAddress else { return false }
                    return memcmp(came + index, sent, expected.count) == 0
                }
            }
            if !isEqual { return false }
            index += expected.count
        }
        return true
    }

    private static func server(_ configure: (inout WebSocketServer.Configuration) -> Void = { _ in }) -> WebSocketServer
    {
        .forTests {
            $0.socket.limits.maxMessageBytes = 64 << 10
            $0.socket.limits.maxStreamedBytes = 64 << 20
            $0.socket.limits.closeTimeout = .seconds(600)
            configure(&$0)
        }
    }

    private static func client(deflate: Bool = false) -> WebSocketClient {
        var configuration = WebSocketClient.Configuration.forTests()
        configuration.socket.limits.maxMessageBytes = 64 << 10
        configuration.socket.limits.maxStreamedBytes = 64 << 20
        configuration.socket.limits.closeTimeout = .seconds(600)
        if deflate { configuration.socket.deflate = PerMessageDeflate.Configuration() }
        return WebSocketClient(configuration)
    }

    /// Sends `count` bytes in pieces of `size`.
    private static func send(_ count: Int, pieces size: Int, on socket: WebSocket) async throws {
        try await socket.withMessageWriter(as: .binary) { writer in
            var index = 0
            while index < count {
                var piece: [UInt8] = []
                while piece.count < size, index < count {
                    let more = Self.bytes(from: index, to: min(count, index + size - piece.count))
                    piece += more
                    index += more.count
                }
                try await writer.write(piece)
            }
        }
    }

    /// How many bytes of the next message came, all of them right; -1 if one was not.
    private static func receive(on socket: WebSocket) async throws -> Int? {
        try await socket.withNextMessage { reader in
            var count = 0
            while let piece = try await reader.next() {
                if !Self.isRight(piece, from: count) { return -1 }
                count += piece.count
            }
            return count
        }
    }

    @Test(
        "larger than what is collected goes both ways, on the loop and elsewhere",
        arguments: [(1, 1), (3 << 20, 10_000), (3 << 20, 300_000)], [false, true])
    func bothWays(size: (Int, Int), isCompressed: Bool) async throws {
        let (count, pieces) = size
        var server = Self.server { if isCompressed { $0.socket.deflate = PerMessageDeflate.Configuration() } }
        server.on("/") { socket in
            while let count = try await Self.receive(on: socket) {
                try await Self.send(count, pieces: pieces, on: socket)
            }
        }
        try await server.whileRunning { running in
            let client = Self.client(deflate: isCompressed)
            // On the connection's loop.
            let onLoop = try await client.withConnection(to: running.url("/")) { socket in
                try await Self.send(count, pieces: pieces, on: socket)
                return try await Self.receive(on: socket)
            }
            #expect(onLoop == count)
            // On whatever thread the test runs.
            let socket = try await client.connect(to: running.url("/"))
            for _ in 0..<2 {
                try await Self.send(count, pieces: pieces, on: socket)
                #expect(try await Self.receive(on: socket) == count)
            }
            #expect(await socket.close().isClean)
        }
    }

    @Test("of none is an empty message")
    func empty() async throws {
        var server = Self.server()
        server.on("/") { socket in
            try await socket.withMessageWriter(as: .text) { _ in }
            try await socket.withMessageWriter(as: .text) { try await $0.write("") }
            try await socket.withMessageWriter(as: .text) { writer in
                for word in ["one ", "two ", "thr€€"] { try await writer.write(word) }
            }
        }
        try await server.whileRunning { running in
            let messages = try await Self.client().withConnection(to: running.url("/")) { socket in
                var messages: [Message] = []
                for try await message in socket { messages.append(message) }
                return messages
            }
            #expect(messages == [.text(""), .text(""), .text("one two thr€€")])
        }
    }

    private struct DiskFull: Error {}

    @Test("that is not finished never looks complete")
    func unfinished() async throws {
        var server = Self.server()
        server.on("/") { socket in
            try await socket.withMessageWriter(as: .binary) { writer in
                try await writer.write([1, 2, 3])
                throw DiskFull()
            }
        }
        try await server.whileRunning { running in
            let socket = try await Self.client().connect(to: running.url("/"))
            let got = Log<[UInt8]>()
            await #expect {
                try await socket.withNextMessage { reader in
                    while let piece = try await reader.next() { got.add(piece) }
                }
            } throws: { error in
                guard case WebSocketError.messageCutShort(let closure) = error else { return false }
                return closure.code == .internalError
            }
            #expect(got.all.flatMap { $0 } == [1, 2, 3])
            _ = await socket.closed()
        }
    }

    @Test("that fails before its first piece leaves the connection as it is")
    func notBegun() async throws {
        var server = Self.server()
        server.on("/") { socket in
            do {
                try await socket.withMessageWriter(as: .binary) { _ in throw DiskFull() }
            } catch is DiskFull {
                try await socket.send("full")
            }
        }
        try await server.whileRunning { running in
            let socket = try await Self.client().connect(to: running.url("/"))
            #expect(try await socket.receive() == .text("full"))
            #expect(await socket.closed().isClean)
        }
    }

    /// How the peer ends the connection in the middle of a message.
    enum End: CaseIterable {
        case closeFrame
        case endOfStream
        case reset
    }

    @Test("is cut short by every end of the connection", arguments: End.allCases)
    func cutShort(end: End) async throws {
        let closures = Log<Closure>()
        let pieces = Log<[UInt8]>()
        var server = Self.server()
        server.on("/") { socket in
            do {
                try await socket.withNextMessage { reader in
                    while let piece = try await reader.next() { pieces.add(piece) }
                }
            } catch WebSocketError.messageCutShort(let closure) {
                closures.add(closure)
            }
        }
        try await server.whileRunning { running in
            let peer = try await RawConnection.open("/", on: running.port)
            try await peer.send(FrameBytes.binary([1, 2], isFinal: false))
            _ = try await pieces.first()
            switch end {
            case .closeFrame: try await peer.send(FrameBytes.close(1000))
            case .endOfStream: try await peer.shutDownOutput()
            case .reset: try await peer.reset()
            }
            let closure = try await closures.first()
            #expect(closure.isClean == (end == .closeFrame))
            if end != .reset { _ = try await peer.readToEnd() }
        }
    }

    @Test("too large to be collected fails the connection when it is to be received whole")
    func tooLarge() async throws {
        let closures = Log<Closure>()
        var server = Self.server()
        server.on("/") { socket in
            do {
                _ = try await socket.receive()
            } catch WebSocketError.closed(let closure) {
                closures.add(closure)
            }
        }
        try await server.whileRunning { running in
            let peer = try await RawConnection.open("/", on: running.port)
            try await peer.send(FrameBytes.binary([UInt8](repeating: 1, count: 64 << 10 + 1)))
            #expect(try await peer.readFrame().closeCode == 1009)
            let violation = ProtocolViolation(.messageTooLarge(limit: 64 << 10))
            #expect(try await closures.first().ending == .failed(violation))
            _ = try await peer.readToEnd()
        }
    }

    @Test("whose rest nobody wants is thrown away, and the next one comes")
    func leftOver() async throws {
        var server = Self.server()
        server.on("/") { socket in
            for _ in 0..<3 {
                try await socket.withNextMessage { reader in _ = try await reader.next() }
                // One received whole, one in pieces.
                let whole = try await socket.receive()
                try await socket.send(whole == .text("next") ? "ok" : "\(String(describing: whole))")
                let count = try await Self.receive(on: socket)
                try await socket.send("\(count ?? -2)")
            }
        }
        try await server.whileRunning { running in
            let socket = try await Self.client().connect(to: running.url("/"))
            for _ in 0..<3 {
                try await Self.send(1 << 20, pieces: 50_000, on: socket)
                try await socket.send("next")
                try await Self.send(200_000, pieces: 50_000, on: socket)
                #expect(try await socket.receive() == .text("ok"))
                #expect(try await socket.receive() == .text("200000"))
            }
            _ = await socket.close()
        }
    }

    @Test("makes the peer wait while nobody takes the next piece")
    func backpressure() async throws {
        let gate = Gate()
        let first = Log<Int>()
        let total = Log<Int>()
        let sockets = Log<WebSocket>()
        var server = Self.server()
        server.on("/") { socket in
            sockets.add(socket)
            let count = try await socket.withNextMessage { reader in
                var count = 0
                while let piece = try await reader.next() {
                    if count == 0 {
                        first.add(piece.count)
                        try await gate.pass()
                    }
                    count += piece.count
                }
                return count
            }
            total.add(count ?? -1)
        }
        try await server.whileRunning { running in
            let peer = try await RawConnection.open("/", on: running.port)
            // More than the system's buffers and ours could ever hold.
            let frame = FrameBytes.large([UInt8](repeating: 7, count: 48 << 20))
            let sent = peer.sendSoon(frame)
            _ = try await first.first()
            let isSent = Log<Bool>()
            sent.whenComplete { _ in isSent.add(true) }
            // Turns of the loop for whatever it would have read.
            let socket = try await sockets.first()
            for _ in 0..<10 { try await socket.engine.loop.eventLoop.submit {}.get() }
            #expect(isSent.all.isEmpty)
            gate.open()
            try await sent.get()
            #expect(try await total.first() == 48 << 20)
            try await peer.close()
        }
    }

    @Test("keeps the messages of other tasks waiting until it is complete")
    func otherSenders() async throws {
        let gate = Gate()
        let begun = Log<Bool>()
        var server = Self.server()
        server.on("/") { socket in
            async let other: Void = {
                _ = try await begun.first()
                #expect(socket.trySend("refused") == .dropped(.refused(.messageInProgress)))
                async let waiting: Void = socket.send("waited")
                gate.open()
                try await waiting
            }()
            try await socket.withMessageWriter(as: .text) { writer in
                try await writer.write("a")
                begun.add(true)
                try await gate.pass()
                try await writer.write("b")
            }
            try await other
        }
        try await server.whileRunning { running in
            let socket = try await Self.client().connect(to: running.url("/"))
            #expect(try await socket.receive() == .text("ab"))
            #expect(try await socket.receive() == .text("waited"))
            #expect(await socket.closed().isClean)
        }
    }

    @Test("has one receiver, and the next one may come when it is done")
    func oneReceiver() async throws {
        var server = Self.echoing()
        server.on("/silent") { socket in try await socket.send("x") }
        try await server.whileRunning { running in
            let socket = try await Self.client().connect(to: running.url("/echo"))
            let reading = Task { try await socket.withNextMessage { _ in } }
            try await eventually("the reader waits") {
                let consumer = socket.engine.asyncConsumer
                return try await socket.engine.loop.eventLoop.submit { consumer?.isWaitedFor ?? false }.get()
            }
            await #expect(throws: WebSocketError.self) { try await socket.withNextMessage { _ in } }
            await #expect(throws: WebSocketError.self) { try await socket.receive() }
            reading.cancel()
            await #expect(throws: CancellationError.self) { try await reading.value }
            try await socket.send("again")
            #expect(try await socket.receive() == .text("again"))
            _ = await socket.close()
        }
    }

    private static func echoing() -> WebSocketServer {
        var server = Self.server()
        server.on("/echo") { _ in Echo() }
        return server
    }

    @Test("that waits for a receiver is no obstacle to closing")
    func closing() async throws {
        var server = Self.server()
        let begun = Log<WebSocket>()
        let gate = Gate()
        server.on("/") { socket in
            begun.add(socket)
            try await gate.pass()
        }
        try await server.whileRunning { running in
            let peer = try await RawConnection.open("/", on: running.port)
            let socket = try await begun.first()
            try await peer.send(FrameBytes.binary([UInt8](repeating: 1, count: 100_000)))
            async let closure = socket.close()
            #expect(try await peer.readFrame().closeCode == 1000)
            try await peer.send(FrameBytes.close(1000))
            #expect(await closure.isClean)
            gate.open()
            try await peer.close()
        }
    }
}
