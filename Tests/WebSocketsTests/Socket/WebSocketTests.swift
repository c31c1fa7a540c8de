import NIOCore
import NIOPosix
import Testing
import WebSocketCore
import WebSocketTesting

@testable import WebSockets

@Suite("A WebSocket used from any thread")
struct WebSocketTests {
    /// Runs `body` with a client, whose tasks do not run on its loop, of an echo server.
    private static func withClient(
        _ configure: @escaping (inout WebSocketClient.Configuration) -> Void = { _ in },
        server: WebSocketServer = .echoing(),
        _ body: @escaping (WebSocket) async throws -> Void
    ) async throws {
        try await server.whileRunning { running in
            var configuration = WebSocketClient.Configuration.forTests()
            configure(&configuration)
            let socket = try await WebSocketClient(configuration).connect(to: running.url("/echo"))
            #expect(!socket.engine.loop.eventLoop.inEventLoop)
            try await body(socket)
            _ = try await withDeadline { await socket.close() }
        }
    }

    @Test("Messages come back in order", arguments: [1, 1_000])
    func echoes(count: Int) async throws {
        try await Self.withClient { socket in
            let received = try await withDeadline {
                async let sent: Void = {
                    for index in 0..<count { try await socket.send("message \(index)") }
                }()
                var received: [Message] = []
                while received.count < count, let message = try await socket.receive() { received.append(message) }
                try await sent
                return received
            }
            #expect(received == (0..<count).map { .text("message \($0)") })
        }
    }

    @Test("Borrowed messages are those that were sent")
    func borrows() async throws {
        try await Self.withClient { socket in
            try await socket.send([1, 2, 3])
            try await socket.send("text")
            let (first, second) = try await withDeadline {
                (
                    try await socket.receive { bytes, kind in (bytes.withUnsafeBytes { Array($0) }, kind) },
                    try await socket.receive { bytes, kind in (bytes.byteCount, kind) }
                )
            }
            #expect(first?.0 == [1, 2, 3] && first?.1 == .binary)
            #expect(second?.0 == 4 && second?.1 == .text)
        }
    }

    @Test("A body that runs on the loop of the connection sees the same")
    func onTheLoop() async throws {
        try await WebSocketServer.echoing().whileRunning { running in
            let received = try await WebSocketClient.forTests().withConnection(to: running.url("/echo")) { socket in
                #expect(socket.engine.loop.eventLoop.inEventLoop)
                for index in 0..<100 { try await socket.send("message \(index)") }
                var received: [Message] = []
                for try await message in socket {
                    received.append(message)
                    if received.count == 100 { break }
                }
                return received
            }
            #expect(received == (0..<100).map { .text("message \($0)") })
        }
    }

    @Test(
        "Eight senders on other loops: everything arrives, each one's messages in their order",
        arguments: [false, true])
    func manySenders(byTrySend: Bool) async throws {
        let (senders, count) = (8, 1_000)
        try await Self.withClient({
            $0.socket.outbox.maxMessagesBeyond = .max
            $0.socket.outbox.maxBytesBeyond = 1 << 30
        }) { socket in
            let last = try await withDeadline(.seconds(40)) {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for sender in 0..<senders {
                        group.addTask {
                            for number in 0..<count {
                                let message = "\(sender) \(number)"
                                if byTrySend {
                                    #expect(socket.trySend(message) != .dropped(.outboxFull))
                                } else {
                                    try await socket.send(message)
                                }
                            }
                        }
                    }
                    var last = [Int](repeating: -1, count: senders)
                    for _ in 0..<(senders * count) {
                        guard case .text(let text) = try await socket.receive() else { break }
                        let parts = text.split(separator: " ").compactMap { Int($0) }
                        guard parts.count == 2, last.indices.contains(parts[0]) else { break }
                        if parts[1] != last[parts[0]] + 1 { Issue.record("\(parts) behind \(last[parts[0]])") }
                        last[parts[0]] = parts[1]
                    }
                    try await group.waitForAll()
                    return last
                }
            }
            #expect(last == [Int](repeating: count - 1, count: senders))
        }
    }

    @Test("One task receives at a time")
    func oneReceiver() async throws {
        try await Self.withClient { socket in
            // One of the two waits, the other is refused; the first message then goes to who waits.
            let results = try await withDeadline {
                await withTaskGroup(of: String.self) { group in
                    for _ in 0..<2 {
                        group.addTask {
                            do {
                                let message = try await socket.receive()
                                return "\(String(describing: message))"
                            } catch WebSocketError.alreadyReceiving { return "already" } catch { return "\(error)" }
                        }
                    }
                    let refused = await group.next() ?? ""
                    socket.trySend("go")
                    return [refused, await group.next() ?? ""]
                }
            }
            #expect(results == ["already", "Optional(WebSockets.Message.text(\"go\"))"])
        }
    }

    @Test("A receiver can be cancelled at any moment, and the connection lives on")
    func cancelReceive() async throws {
        try await Self.withClient { socket in
            for _ in 0..<2_000 {
                let receiver = Task { try await socket.receive() }
                receiver.cancel()
                await #expect(throws: CancellationError.self) {
                    try await withDeadline(what: "the cancelled task to end") { try await receiver.value }
                }
            }
            try await socket.send("still there")
            #expect(try await withDeadline { try await socket.receive() } == "still there")
        }
    }

    @Test("A receiver that waits already is cancelled")
    func cancelWaitingReceiver() async throws {
        try await Self.withClient { socket in
            let receiver = Task { try await socket.receive() }
            try await eventually("somebody to wait") {
                try await socket.engine.loop.eventLoop.submit { socket.engine.asyncConsumer?.isWaitedFor == true }.get()
            }
            receiver.cancel()
            await #expect(throws: CancellationError.self) { try await withDeadline { try await receiver.value } }
            try await socket.send("still there")
            #expect(try await withDeadline { try await socket.receive() } == "still there")
        }
    }

    @Test("Who waits for a message learns that the connection was dropped", arguments: [false, true])
    func dropped(byAbort: Bool) async throws {
        var server = WebSocketServer.forTests()
        server.on("/echo") { socket in
            _ = try await socket.receive()
            socket.abort()
        }
        try await Self.withClient(server: server) { socket in
            let receiver = Task { try await socket.receive() }
            if byAbort { socket.abort() } else { try await socket.send("go") }
            await #expect(throws: WebSocketError.self) { try await withDeadline { try await receiver.value } }
            let closure = try await withDeadline { await socket.closed() }
            #expect(closure.initiator == (byAbort ? .local : .peer))
        }
    }

    @Test("A connection whose messages go to callbacks cannot be received from")
    func callbacksReceive() async throws {
        try await WebSocketServer.echoing().whileRunning { running in
            let messages = Log<String>()
            let socket = try await WebSocketClient.forTests().connect(to: running.url("/echo")) { Collector(messages) }
            await #expect(throws: WebSocketError.self) { try await socket.receive() }
            try await socket.send("hello")
            #expect(try await messages.first() == "hello")
            _ = try await withDeadline { await socket.close() }
            #expect(try await messages.waitFor(2) == ["hello", "closed"])
        }
    }

    @Test("Compressed messages come back as they were, with and without context", arguments: [true, false])
    func deflate(contextTakeover: Bool) async throws {
        let deflate = PerMessageDeflate.Configuration(
            serverContextTakeover: contextTakeover, clientContextTakeover: contextTakeover)
        try await Self.withClient({ $0.socket.deflate = deflate }, server: .echoing { $0.socket.deflate = deflate }) {
            socket in
            #expect(socket.info.deflate != nil)
            var random = SeededGenerator(seed: 3)
            let messages: [Message] = (0..<50).map { index in
                index % 3 == 0
                    ? .binary(random.bytes(index * 100)) : .text(String(repeating: "text \(index) ", count: index * 10))
            }
            let received = try await withDeadline {
                var received: [Message] = []
                for message in messages {
                    try await socket.send(message)
                    if let answer = try await socket.receive() { received.append(answer) }
                }
                return received
            }
            #expect(received == messages)
        }
    }

    @Test("A side that wants no compression gets none", arguments: [true, false])
    func deflateDeclined(byServer: Bool) async throws {
        let server = WebSocketServer.echoing { if !byServer { $0.socket.deflate = .init() } }
        try await Self.withClient({ if byServer { $0.socket.deflate = .init() } }, server: server) { socket in
            #expect(socket.info.deflate == nil)
            try await socket.send(String(repeating: "x", count: 10_000))
            #expect(try await withDeadline { try await socket.receive()?.byteCount } == 10_000)
        }
    }
}

/// Notes text messages and the end.
struct Collector: MessageReceiver {
    private let messages: Log<String>

    init(_ messages: Log<String>) { self.messages = messages }

    mutating func received(_ message: RawSpan, _ kind: MessageKind, _ socket: LoopSocket) {
        self.messages.add(message.withUnsafeBytes { String(decoding: $0, as: UTF8.self) })
    }

    mutating func closed(_ closure: Closure) { self.messages.add("closed") }
}
