import Testing
import WebSocketCore
import WebSocketTesting

@testable import WebSockets

@Suite("A message that is encoded once for many")
struct PreparedMessageTests {
    private static let messages: [Message] = [
        .text("short"), .text(String(repeating: "the same again, ", count: 200)),
        .binary((0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 3) }), .binary([]),
    ]

    /// What clients may have agreed on: nothing, compression without and with a context that is kept.
    private static let agreements: [PerMessageDeflate.Configuration?] = [
        nil, PerMessageDeflate.Configuration(),
        PerMessageDeflate.Configuration(serverContextTakeover: true, clientContextTakeover: true),
    ]

    @Test("Everybody gets it, whatever was negotiated", arguments: [false, true])
    func everybody(fromElsewhere: Bool) async throws {
        let sockets = Log<WebSocket>()
        let prepared = Self.messages.map { PreparedMessage($0) }
        var server = WebSocketServer.forTests {
            $0.socket.deflate = .init(followsOffer: true)
            $0.socket.outbox.highWaterBytes = 1 << 20
        }
        server.on("/") { socket in
            sockets.add(socket)
            // The client asks for them, so that it is there when they come.
            _ = try await socket.receive()
            if fromElsewhere {
                _ = await socket.closed()
                return
            }
            for message in prepared { #expect(socket.trySend(message) != .dropped(.closed)) }
            _ = await socket.closed()
        }
        try await server.whileRunning { running in
            var clients: [WebSocket] = []
            for agreement in Self.agreements {
                var configuration = WebSocketClient.Configuration.forTests()
                configuration.socket.deflate = agreement
                clients.append(try await WebSocketClient(configuration).connect(to: running.url("/")))
            }
            for client in clients { try await client.send("go") }
            let there = try await sockets.waitFor(clients.count)
            if fromElsewhere {
                for message in prepared { for socket in there { socket.trySend(message) } }
            }
            for client in clients {
                let received = try await withDeadline {
                    var received: [Message] = []
                    while received.count < Self.messages.count, let message = try await client.receive() {
                        received.append(message)
                    }
                    return received
                }
                #expect(received == Self.messages)
            }
            for client in clients { _ = try await withDeadline { await client.close() } }
        }
    }

    @Test("A closed connection drops it, as any other message")
    func dropped() throws {
        let statuses = Log<SendStatus>()
        var server = WebSocketServer.forTests()
        server.on("/", receiver: { _ in PreparedSender(statuses) })
        let peer = try EmbeddedServer(server).open("/")
        try peer.send(.text("go"))
        #expect(peer.takeFrames() == [.text("prepared")])
        try peer.send(.close(1000))
        #expect(statuses.all == [.written, .dropped(.closed)])
    }

    private struct PreparedSender: MessageReceiver {
        let statuses: Log<SendStatus>
        var socket: WebSocket?

        init(_ statuses: Log<SendStatus>) { self.statuses = statuses }

        mutating func received(_ message: RawSpan, _ kind: MessageKind, _ socket: LoopSocket) {
            self.socket = socket.webSocket
            self.statuses.add(socket.send(PreparedMessage("prepared")))
        }

        mutating func closed(_ closure: Closure) {
            if let socket { self.statuses.add(socket.trySend(PreparedMessage("too late"))) }
        }
    }
}
