import NIOCore
import NIOPosix
import WebSocketCore

@testable import WebSockets

/// A TCP server whose answers the test writes itself.
final class RawServer: Sendable {
    let port: Int
    private let listener: any Channel
    private let accepted: Log<RawConnection>

    private init(port: Int, listener: any Channel, accepted: Log<RawConnection>) {
        self.port = port
        self.listener = listener
        self.accepted = accepted
    }

    static func start() async throws -> RawServer {
        let accepted = Log<RawConnection>()
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let inbox = RawInbox()
                    try channel.pipeline.syncOperations.addHandler(inbox)
                    accepted.add(RawConnection(channel, inbox))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return RawServer(port: listener.localAddress?.port ?? 0, listener: listener, accepted: accepted)
    }

    var url: String { "ws://127.0.0.1:\(self.port)/" }

    /// The connection that was accepted first.
    func first() async throws -> RawConnection { try await self.accepted.first() }

    func stop() async throws {
        try await self.listener.close().get()
        for connection in self.accepted.all { try? await connection.close() }
    }

    /// Runs `body` with a connection that a client has just opened to the server, its request still unread.
    static func whileConnecting(
        _ configure: (inout WebSocketClient.Configuration) -> Void = { _ in },
        _ body: (RawConnection, Task<WebSocket, any Error>) async throws -> Void
    ) async throws {
        let server = try await RawServer.start()
        var configuration = WebSocketClient.Configuration.forTests()
        configure(&configuration)
        let client = WebSocketClient(configuration)
        let connecting = Task { try await client.connect(to: server.url) }
        do {
            try await body(try await server.first(), connecting)
        } catch {
            connecting.cancel()
            try await server.stop()
            throw error
        }
        connecting.cancel()
        try await server.stop()
    }
}

extension RawConnection {
    /// Reads the request of a client and returns its head and the value that its key asks for.
    func readRequest() async throws -> (head: RawResponse, accept: String) {
        let head = RawResponse(head: try await self.readHead(), body: "")
        let accept = AcceptKey.response(toKey: (head["Sec-WebSocket-Key"] ?? "").utf8)
        return (head, String(decoding: accept, as: UTF8.self))
    }

    /// Reads the request of a client and accepts it, with further fields.
    @discardableResult
    func accept(_ fields: String = "", then frames: [UInt8] = []) async throws -> RawResponse {
        let (head, accept) = try await self.readRequest()
        try await self.send(
            Array(
                """
                HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                Sec-WebSocket-Accept: \(accept)\r\n\(fields)\r\n
                """.utf8) + frames)
        return head
    }
}
