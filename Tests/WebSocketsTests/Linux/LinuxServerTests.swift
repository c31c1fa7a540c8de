#if os(Linux)
import LinuxTransport
import NIOCore
import NIOPosix
import Testing
import WebSocketCore
import WebSocketTesting

@testable import WebSockets

@Suite("A server on the Linux transport")
struct LinuxServerTests {
    private static func echoing(_ configure: (inout WebSocketServer.Configuration) -> Void = { _ in })
        -> WebSocketServer
    {
        .echoing {
            $0.transport = .linux
            configure(&$0)
        }
    }

    @Test("is one by default, and on any number of loops")
    func manyLoops() async throws {
        var server = Self.echoing { $0.threads = 4 }
        server.on("/where") { socket in
            try await socket.send(socket.info.remoteAddress)
        }
        try await server.whileRunning { running in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<40 {
                    group.addTask {
                        let socket = try await WebSocketClient.forTests().connect(to: running.url("/echo"))
                        for round in 0..<10 {
                            try await socket.send("\(number) \(round)")
                            let answer = try await withDeadline { try await socket.receive() }
                            #expect(answer == .text("\(number) \(round)"))
                        }
                        _ = try await withDeadline { await socket.close() }
                    }
                }
                try await group.waitForAll()
            }
            let socket = try await WebSocketClient.forTests().connect(to: running.url("/where"))
            let address = try await withDeadline { try await socket.receive() }
            #expect("\(String(describing: address))".contains("127.0.0.1:"))
        }
    }

    @Test("answers in order, however the answers are written", arguments: [1, 3, 1_000])
    func order(repeats: Int) async throws {
        // Short and long ones, some larger than what is collected, and pongs between them.
        let frames = (0..<8).flatMap { round in
            [3, 125, 126, 5_000, 16_384, 40_000, 70_000, 0].flatMap { count in
                [FrameBytes.binary([UInt8](repeating: UInt8(round), count: count)), .ping([UInt8(round)])]
            }
        }
        var server = WebSocketServer.forTests {
            $0.transport = .linux
            $0.socket.limits.controlFrameBurst = 10_000
        }
        server.on("/echo") { _ in Repeating(repeats: repeats) }
        try await server.whileRunning { running in
            let peer = try await RawConnection.open("/echo", on: running.port)
            let sending = peer.sendSoon(frames.flatMap { $0.from(.client).bytes })
            for frame in frames {
                let count = frame.opcode == 2 && frame.payload.count < 5_000 ? repeats : 1
                let answer = frame.opcode == 2 ? frame : FrameBytes.pong(frame.payload)
                for answered in try await peer.readFrames(count) { #expect(answered == answer) }
            }
            try await sending.get()
            try await peer.close()
        }
    }

    /// Answers short messages several times.
    private struct Repeating: MessageReceiver {
        let repeats: Int

        mutating func received(_ message: RawSpan, _ kind: MessageKind, _ socket: LoopSocket) {
            for _ in 0..<(message.byteCount < 5_000 ? self.repeats : 1) { socket.send(message, as: kind) }
        }
    }

    @Test("Callbacks may use other connections of their loop, which may be in the middle of something too")
    func others() async throws {
        let sockets = Log<WebSocket>()
        var server = WebSocketServer.forTests { $0.transport = .linux }
        server.on("/") { _ in Passing(sockets: sockets) }
        try await server.whileRunning { running in
            let peers = [
                try await RawConnection.open("/", on: running.port),
                try await RawConnection.open("/", on: running.port),
            ]
            let messages = (0..<200).map { FrameBytes.text("\($0)") }
            let bytes = messages.flatMap { $0.from(.client).bytes }
            for peer in peers { try await peer.send(bytes) }
            for peer in peers {
                let received = try await peer.readFrames(400)
                // From each of the two in order.
                for message in messages { #expect(received.count { $0 == message } == 2) }
            }
            for peer in peers { try await peer.send(.text("close")) }
            for peer in peers { #expect(try await peer.readFrame() == .close(1000)) }
            for peer in peers { try await peer.close() }
        }
    }

    /// Passes each message on to all connections, or closes them all.
    private struct Passing: MessageReceiver {
        let sockets: Log<WebSocket>

        mutating func opened(_ socket: LoopSocket) { self.sockets.add(socket.webSocket) }

        mutating func received(_ message: RawSpan, _ kind: MessageKind, _ socket: LoopSocket) {
            for other in self.sockets.all {
                if message.byteCount == 5 {
                    LoopSocket(other.engine).close()
                } else {
                    LoopSocket(other.engine).send(message, as: kind)
                }
            }
        }
    }

    @Test("hands ordinary requests to event loops that were given, and leaves them running")
    func givenLoops() async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        var server = WebSocketServer(port: 0, configuration: Self.echoing().configuration, eventLoopGroup: group)
        server.on("/echo") { _ in Echo() }
        server.onRequest { HTTPResponse("\($0.path) for \($0.remoteAddress.prefix(10))\n") }
        try await server.whileRunning { running in
            let peer = try await RawConnection.connect(to: running.port)
            for path in ["/a", "/b"] {
                try await peer.send("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n")
                let response = try await peer.readResponse()
                #expect(response.status == 200)
                #expect(response.body == "\(path) for 127.0.0.1:\n")
            }
            // Counted where it is now, and once.
            #expect(running.connectionCount == 1)
            try await peer.close()
            try await eventually("the connection to have left") { running.connectionCount == 0 }
        }
        #expect(try await group.next().submit { true }.get())
    }

    @Test("A request that was handed over may still become a WebSocket")
    func laterUpgrade() async throws {
        var server = Self.echoing()
        server.onRequest { _ in HTTPResponse("page\n") }
        try await server.whileRunning { running in
            let peer = try await RawConnection.connect(to: running.port)
            try await peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try await peer.readResponse().body == "page\n")
            try await peer.send(UpgradeText.request("/echo"))
            #expect(try await peer.readResponse().status == 101)
            try await peer.send(FrameBytes.text("hello").from(.client).bytes)
            #expect(try await peer.readFrame() == FrameBytes.text("hello"))
            try await peer.close()
        }
    }

    @Test("A port that another server listens at is taken, although loops share theirs")
    func portTaken() async throws {
        try await Self.echoing().whileRunning { running in
            var other = Self.echoing()
            other.port = running.port
            let taken = other
            await #expect(throws: (any Error).self) { try await taken.start() }
        }
    }

    @Test("A connection is counted until everything it was sent has gone, also behind its Close frame")
    func lingering() async throws {
        var server = Self.echoing {
            $0.socket.outbox.highWaterBytes = 64 << 20
            $0.socket.limits.closeTimeout = .seconds(600)
        }
        server.on("/flood") { _ in Flood() }
        try await server.whileRunning { running in
            let peer = try await RawConnection.open("/flood", on: running.port, receiveBufferBytes: 16 << 10)
            try await peer.stopReading()
            try await peer.send(FrameBytes.text("go"), FrameBytes.close(1000))
            try await running.onLinuxLoops { _ in }
            #expect(running.connectionCount == 1)
            try await peer.resumeReading()
            let bytes = try await peer.readToEnd()
            #expect(bytes.count == Flood.frameBytes + 4)
            try await peer.close()
            try await eventually("the connection to have left") { running.connectionCount == 0 }
        }
    }

    /// Sends much more than the system takes at once.
    private struct Flood: MessageReceiver {
        static let byteCount = 16 << 20
        static let frameBytes = byteCount + 10

        mutating func received(_ message: RawSpan, _ kind: MessageKind, _ socket: LoopSocket) {
            socket.send([UInt8](repeating: 7, count: Self.byteCount).span.bytes, as: .binary)
        }
    }

    @Test("What came before the end is delivered, although the peer answers nothing any more but with a reset")
    func resetBehindTheEnd() async throws {
        let gate = Gate()
        let log = Log<Int>()
        let started = Log<Bool>()
        var server = Self.echoing {
            $0.socket.maxUnreadBytes = 1
            $0.socket.keepAlive = KeepAlive.Configuration(interval: .milliseconds(5), pongTimeout: .seconds(600))
            $0.socket.limits.closeTimeout = .seconds(600)
            $0.drainTimeout = .seconds(600)
        }
        server.on("/late") { socket in
            started.add(true)
            try await gate.pass()
            for try await message in socket { if case .binary(let bytes) = message { log.add(bytes.count) } }
        }
        try await server.whileRunning { running in
            let peer = try await RawConnection.open("/late", on: running.port)
            let frames = (1...20).map { FrameBytes.binary([UInt8](repeating: 1, count: 6_000 + $0)) } + [.close(1000)]
            try await peer.send(frames.flatMap { $0.from(.client).bytes })
            try await peer.close()
            _ = try await started.first()
            // The peer has gone and answers the pings with a reset. It comes soon; the outcome does not depend on when.
            try await Task.sleep(for: .milliseconds(50))
            gate.open()
            try await eventually("all messages") { log.all.count == 20 }
            #expect(log.all == (1...20).map { 6_000 + $0 })
        }
    }

    @Test("Whoever drains may have been cancelled: the connections have their time, and the loops end")
    func cancelledDrain() async throws {
        let running = try await Self.echoing { $0.drainTimeout = .seconds(600) }.start()
        let socket = try await WebSocketClient.forTests().connect(to: running.url("/echo"))
        let draining = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            await running.drain()
        }
        let closure = try await withDeadline { await socket.closed() }
        #expect(closure.received?.code == .goingAway && closure.isClean)
        try await withDeadline { await draining.value }
        #expect(running.connectionCount == 0)
    }

    @Test(
        "Whatever the system does less than it is asked to, messages arrive whole and in order",
        arguments: [SocketFaults.Fault.short, .wouldBlock, .interrupted], [2, 3, 5])
    func faults(fault: SocketFaults.Fault, every: Int) async throws {
        var server = Self.echoing { $0.socket.deflate = PerMessageDeflate.Configuration(minimumBytes: 100) }
        server.on("/task") { socket in
            for try await message in socket { try await socket.send(message) }
        }
        try await server.whileRunning { running in
            try await running.onLinuxLoops { $0.faults = SocketFaults(fault, every: every) }
            for path in ["/echo", "/task"] {
                let socket = try await WebSocketClient.forTests().connect(to: running.url(path))
                for size in [0, 1, 125, 126, 4_000, 16 << 10, 70_000] {
                    let message = Message.binary((0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7) })
                    try await socket.send(message)
                    try await socket.send("behind")
                    let answers = try await withDeadline { [try await socket.receive(), try await socket.receive()] }
                    #expect(answers == [message, "behind"])
                }
                let closure = try await withDeadline { await socket.close() }
                #expect(closure.isClean)
            }
        }
    }

    @Test("A reset at any call ends the connection, and nothing else", arguments: 1...12)
    func reset(every: Int) async throws {
        try await Self.echoing().whileRunning { running in
            try await running.onLinuxLoops { $0.faults = SocketFaults(.reset, every: every) }
            for _ in 0..<5 {
                let client = WebSocketClient.forTests()
                let url = running.url("/echo")
                guard let socket = try? await client.connect(to: url) else { continue }
                try? await withDeadline {
                    for number in 0..<20 {
                        try await socket.send("\(number)")
                        _ = try await socket.receive()
                    }
                }
                socket.abort()
            }
            try await running.onLinuxLoops { $0.faults = nil }
            try await eventually("all to have left") { running.connectionCount == 0 }
            let socket = try await WebSocketClient.forTests().connect(to: running.url("/echo"))
            try await socket.send("well again")
            #expect(try await withDeadline { try await socket.receive() } == "well again")
            _ = try await withDeadline { await socket.close() }
        }
    }
}

extension RunningServer {
    /// Runs `body` on each of the server's loops of epoll.
    fileprivate func onLinuxLoops(_ body: @escaping @Sendable (EpollEventLoop) -> Void) async throws {
        for loop in self.linuxLoops { try await loop.submit { body(loop) }.get() }
    }
}
#endif
