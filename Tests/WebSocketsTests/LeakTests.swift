import NIOCore
import Testing
import WebSocketCore
import WebSocketTesting

@testable import WebSockets

@Suite("Nothing is left of a connection that has ended")
struct LeakTests {
    /// An engine, without keeping it.
    private struct Weak: @unchecked Sendable {
        weak var engine: SocketEngine?
    }

    private enum Ending: CaseIterable {
        case byClient, byServer, byReset, byViolation, byEndOfStream, byAbort
    }

    @Test(
        "Engines of callbacks and of tasks are freed, however the connection ended", arguments: ["/callbacks", "/task"])
    func engines(path: String) async throws {
        let engines = Log<Weak>()
        var server = WebSocketServer.forTests()
        server.on("/callbacks") { _ in Enlisted { engines.add(Weak(engine: $0)) } }
        server.on("/task") { socket in
            engines.add(Weak(engine: socket.engine))
            for try await message in socket { try await socket.send(message) }
        }
        try await server.whileRunning { running in
            for (index, ending) in Ending.allCases.enumerated() {
                let peer = try await RawConnection.open(path, on: running.port)
                try await peer.send(.text("hello"))
                #expect(try await peer.readFrame() == .text("hello"))
                _ = try await engines.waitFor(index + 1)
                switch ending {
                case .byClient: try await peer.send(.close(1000))
                case .byServer:
                    try await Self.close(engines.all[index])
                    #expect(try await peer.readFrame() == .close(1000))
                    try await peer.send(.close(1000))
                case .byReset: try await peer.reset()
                case .byViolation: try await peer.send(FrameBytes(0x3, []))
                case .byEndOfStream: try await peer.shutDownOutput()
                case .byAbort: try await Self.abort(engines.all[index])
                }
                if ending != .byReset { _ = try? await peer.readToEnd() }
                try? await peer.close()
            }
            try await eventually("every connection to have left") { running.connectionCount == 0 }
            try await eventually("every engine to be freed") { engines.all.allSatisfy { $0.engine == nil } }
            #expect(engines.all.count == Ending.allCases.count)
            // The listener is all that is left.
            try await eventually("every file descriptor to be closed") {
                try Sockets.count(localPort: running.port) <= 1
            }
        }
    }

    private static func close(_ weak: Weak) async throws {
        guard let loop = weak.engine?.loop.eventLoop else { return }
        try await loop.submit { if let engine = weak.engine { LoopSocket(engine).close() } }.get()
    }

    private static func abort(_ weak: Weak) async throws {
        guard let loop = weak.engine?.loop.eventLoop else { return }
        try await loop.submit { if let engine = weak.engine { LoopSocket(engine).abort() } }.get()
    }

    @Test("Clients are freed when nobody holds them any more")
    func clients() async throws {
        let engines = Log<Weak>()
        try await WebSocketServer.echoing().whileRunning { running in
            for _ in 0..<10 {
                let socket = try await WebSocketClient.forTests().connect(to: running.url("/echo"))
                engines.add(Weak(engine: socket.engine))
                try await socket.send("hello")
                #expect(try await withDeadline { try await socket.receive() } == "hello")
                _ = try await withDeadline { await socket.close() }
            }
            try await eventually("every engine to be freed") { engines.all.allSatisfy { $0.engine == nil } }
        }
    }

    @Test("Connections that never became WebSockets leave no file descriptor behind")
    func others() async throws {
        var server = WebSocketServer.echoing()
        server.onRequest { _ in HTTPResponse("page\n") }
        try await server.whileRunning { running in
            for index in 0..<60 {
                let peer = try await RawConnection.connect(to: running.port)
                switch index % 6 {
                case 0: break
                case 1: try await peer.send("GET /echo HT")
                case 2: try await peer.send("rubbish\r\n\r\n")
                case 3: try await peer.send(UpgradeText.request("/nothing"))
                case 4:
                    try await peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                    #expect(try await peer.readResponse().status == 200)
                case _: try await peer.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf")
                }
                if index % 2 == 0 { try await peer.reset() } else { try? await peer.close() }
            }
            try await eventually("every connection to have left") { running.connectionCount == 0 }
            try await eventually("every file descriptor to be closed") {
                try Sockets.count(localPort: running.port) <= 1
            }
            // And the server is as good as new.
            let peer = try await RawConnection.open("/echo", on: running.port)
            try await peer.send(.text("hello"))
            #expect(try await peer.readFrame() == .text("hello"))
        }
    }
}

/// Echoes, and shows its engine when it opens.
private struct Enlisted: MessageReceiver {
    private let opened: (SocketEngine) -> Void

    init(_ opened: @escaping (SocketEngine) -> Void) { self.opened = opened }

    mutating func opened(_ socket: LoopSocket) { self.opened(socket.engine) }

    mutating func received(_ message: RawSpan, _ kind: MessageKind, _ socket: LoopSocket) {
        socket.send(message, as: kind)
    }
}
