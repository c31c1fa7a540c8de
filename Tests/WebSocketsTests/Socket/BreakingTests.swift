import NIOCore
import Testing
import WebSocketCore
import WebSocketTesting

@testable import WebSockets

@Suite("Connections that break in the middle of something")
struct BreakingTests {
    /// What the callbacks of one connection saw, in order.
    enum Event: Sendable, Equatable {
        case opened
        case received(nested: Bool)
        case closed(nested: Bool)
    }

    /// Does something when it is opened, or for each message; writes down what happens and whether a call came while
    /// another was not over.
    private struct Scripted: MessageReceiver {
        let log: Log<Event>
        let onOpen: @Sendable (LoopSocket) -> Void
        let onMessage: @Sendable (LoopSocket) -> Void
        private var isCalled = false

        init(
            _ log: Log<Event>, onOpen: @escaping @Sendable (LoopSocket) -> Void = { _ in },
            onMessage: @escaping @Sendable (LoopSocket) -> Void = { _ in }
        ) {
            self.log = log
            self.onOpen = onOpen
            self.onMessage = onMessage
        }

        mutating func opened(_ socket: LoopSocket) {
            self.log.add(.opened)
            self.isCalled = true
            self.onOpen(socket)
            self.isCalled = false
        }

        mutating func received(_ message: RawSpan, _ kind: MessageKind, _ socket: LoopSocket) {
            self.log.add(.received(nested: self.isCalled))
            self.isCalled = true
            self.onMessage(socket)
            self.isCalled = false
        }

        mutating func closed(_ closure: Closure) { self.log.add(.closed(nested: self.isCalled)) }
    }

    private static func withServer(
        _ receiver: @escaping @Sendable () -> Scripted, _ body: (RunningServer) async throws -> Void
    ) async throws {
        var server = WebSocketServer.forTests()
        server.on("/") { _ in receiver() }
        try await server.whileRunning(body)
    }

    @Test("A callback may drop the connection: the end is told when it has returned, and nothing after it")
    func abortsInCallback() async throws {
        let log = Log<Event>()
        try await Self.withServer({ Scripted(log, onMessage: { $0.abort() }) }) { server in
            let peer = try await RawConnection.open("/", on: server.port)
            try await peer.send(.text("one"), .text("two"))
            _ = try? await peer.readToEnd()
            #expect(try await log.waitFor(3) == [.opened, .received(nested: false), .closed(nested: false)])
        }
    }

    @Test("A callback may drop the connection as soon as it is opened")
    func abortsWhenOpened() async throws {
        let log = Log<Event>()
        try await Self.withServer({ Scripted(log, onOpen: { $0.abort() }) }) { server in
            let peer = try await RawConnection.connect(to: server.port)
            try await peer.send(Array(UpgradeText.request("/").utf8) + FrameBytes.text("one").from(.client).bytes)
            _ = try? await peer.readToEnd()
            #expect(try await log.waitFor(2) == [.opened, .closed(nested: false)])
        }
    }

    @Test("A connection that breaks under a callback's own write tells so when the callback has returned")
    func breaksUnderWrite() async throws {
        let log = Log<Event>()
        // Writes until the system says that the peer has reset the connection.
        let flood: @Sendable (LoopSocket) -> Void = { socket in
            let bytes = [UInt8](repeating: 0, count: 256 << 10)
            for _ in 0..<10_000 where bytes.withUnsafeBytes({ socket.send($0.bytes, as: .binary) }) == .dropped(.closed)
            {
                return
            }
        }
        try await Self.withServer({ Scripted(log, onMessage: flood) }) { server in
            let peer = try await RawConnection.open("/", on: server.port, receiveBufferBytes: 16 << 10)
            try await peer.stopReading()
            try await peer.send(.text("go"))
            try await peer.reset()
            #expect(try await log.waitFor(3) == [.opened, .received(nested: false), .closed(nested: false)])
        }
    }

    @Test("A hundred connections, reset with 16 large messages under way on each, are all told and all gone")
    func manyResets() async throws {
        let log = Log<Event>()
        let echo: @Sendable (LoopSocket) -> Void = { socket in
            let bytes = [UInt8](repeating: 0, count: 16 << 10)
            _ = bytes.withUnsafeBytes { socket.send($0.bytes, as: .binary) }
        }
        try await Self.withServer({ Scripted(log, onMessage: echo) }) { server in
            let wire = [UInt8]((0..<16).flatMap { _ in FrameBytes.large([UInt8](repeating: 7, count: 16 << 10)) })
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<100 {
                    group.addTask {
                        let peer = try await RawConnection.open("/", on: server.port, receiveBufferBytes: 16 << 10)
                        try await peer.stopReading()
                        peer.sendSoon(wire)
                        try await peer.reset()
                    }
                }
                try await group.waitForAll()
            }
            try await eventually("all to be gone") { server.connectionCount == 0 }
            let events = log.all
            #expect(events.count { $0 == .opened } == 100)
            #expect(events.count { $0 == .closed(nested: false) } == 100)
            #expect(!events.contains(.received(nested: true)))
        }
    }

    @Test("Requests whose connections are reset at once leave nothing behind", arguments: [0, 1])
    func resetRequests(requestsBefore: Int) async throws {
        // Without pings: nothing else would find out.
        var server = WebSocketServer.forTests { $0.socket.keepAlive = nil }
        server.on("/callbacks") { _ in Echo() }
        server.on("/task") { socket in for try await _ in socket {} }
        try await server.whileRunning { running in
            for index in 0..<100 {
                let peer = try await RawConnection.connect(to: running.port)
                for _ in 0..<requestsBefore {
                    try await peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                    #expect(try await peer.readResponse().status == 404)
                }
                try await peer.send(UpgradeText.request(index.isMultiple(of: 2) ? "/callbacks" : "/task"))
                try await peer.reset()
            }
            try await eventually("all to be gone") { running.connectionCount == 0 }
        }
    }

    @Test("A handler that never receives learns that the peer has gone, however much came before")
    func endBehindFullInbox() async throws {
        let closures = Log<Closure>()
        var server = WebSocketServer.forTests {
            $0.socket.maxUnreadBytes = 1_000
            $0.socket.keepAlive = nil
            $0.socket.limits.closeTimeout = .milliseconds(50)
        }
        server.on("/") { socket in closures.add(await socket.closed()) }
        try await server.whileRunning { running in
            let peer = try await RawConnection.open("/", on: running.port)
            for _ in 0..<100 { try await peer.send(.binary([UInt8](repeating: 1, count: 1_000))) }
            try await peer.shutDownOutput()
            #expect(try await closures.first().ending == .abnormal(.endOfStream))
            try await eventually("it to be gone") { running.connectionCount == 0 }
        }
    }
}
