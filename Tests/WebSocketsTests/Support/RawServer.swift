import NIOCore
import NIOPosix
import NIOSSL
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

    /// - Parameters:
    ///   - tls: what it speaks TLS with; `nil` for none.
    ///   - unixSocketPath: where it listens instead of a port.
    static func start(tls: NIOSSLContext? = nil, unixSocketPath: String? = nil) async throws -> RawServer {
        let accepted = Log<RawConnection>()
        let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
                    let inbox = RawInbox()
                    try channel.pipeline.syncOperations.addHandler(inbox)
                    accepted.add(RawConnection(channel, inbox))
                }
            }
        let listener: any Channel
        if let unixSocketPath {
            listener = try await bootstrap.bind(unixDomainSocketPath: unixSocketPath).get()
        } else {
            listener = try await bootstrap.childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
                .bind(host: "127.0.0.1", port: 0).get()
        }
        return RawServer(port: listener.localAddress?.port ?? 0, listener: listener, accepted: accepted)
    }

    var url: String { "ws://127.0.0.1:\(self.port)/" }

    /// The connection that was accepted first.
    func first() async throws -> RawConnection { try await self.accepted.first() }

    /// The connection with this number, from 0, once it has been accepted.
    func connection(_ number: Int) async throws -> RawConnection { try await self.accepted.waitFor(number + 1)[number] }

    /// How many connections have been accepted.
    var acceptedCount: Int { self.accepted.all.count }

    /// Runs `body`, and stops.
    static func whileRunning(
        tls: NIOSSLContext? = nil, unixSocketPath: String? = nil, _ body: (RawServer) async throws -> Void
    ) async throws {
        let server = try await RawServer.start(tls: tls, unixSocketPath: unixSocketPath)
        do {
            try await body(server)
        } catch {
            try await server.stop()
            throw error
        }
        try await server.stop()
    }

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
