import NIOCore
import NIOEmbedded
import WebSocketCore
import WebSocketTesting

@testable import WebSockets

/// A server without sockets, on a loop whose clock only the test moves. For synchronous tests: one thread.
final class EmbeddedServer {
    let loop = EmbeddedEventLoop()
    let state: ServerState

    init(_ server: WebSocketServer) {
        self.state = ServerState(
            configuration: server.configuration, routes: server.routes, respond: server.respond)
    }

    /// A new connection, accepted as `RunningServer` accepts it.
    ///
    /// - Parameter isSecure: TLS comes first, whose handshake is never over.
    func connect(isSecure: Bool = false) throws -> EmbeddedPeer {
        let channel = EmbeddedChannel(loop: self.loop)
        let entrance = Entrance(isSecure: isSecure)
        let opening = ChannelOpening(
            self.state.loop(LoopServices.on(self.loop)), entrance.arrival(from: "192.0.2.7:40000"), channel: channel)
        guard opening.enter() else {
            channel.close(promise: nil)
            return EmbeddedPeer(channel, self.loop)
        }
        try channel.pipeline.syncOperations.addHandler(opening)
        channel.connect(to: try SocketAddress(ipAddress: "192.0.2.7", port: 40_000), promise: nil)
        self.loop.run()
        return EmbeddedPeer(channel, self.loop)
    }

    /// A connection that is a WebSocket already.
    func open(_ path: String) throws -> EmbeddedPeer {
        let peer = try self.connect()
        try peer.send(UpgradeText.request(path))
        guard peer.takeText().hasPrefix("HTTP/1.1 101 ") else { throw DeadlinePassed("101") }
        return peer
    }

    /// Time passes, and what is due happens.
    func advance(by time: Duration) { self.loop.advanceTime(by: TimeAmount(time)) }

    /// Begins to drain.
    func drain(spread: Duration = .zero) {
        self.state.drain(spread: spread)
        self.loop.advanceTime(by: .zero)
    }
}

/// The peer of a connection of an ``EmbeddedServer``.
final class EmbeddedPeer {
    let channel: EmbeddedChannel
    private let loop: EmbeddedEventLoop

    init(_ channel: EmbeddedChannel, _ loop: EmbeddedEventLoop) {
        self.channel = channel
        self.loop = loop
    }

    deinit { _ = try? self.channel.finish(acceptAlreadyClosed: true) }

    /// One segment arrives. Afterwards everything that can happen without time passing has happened.
    func send(_ bytes: [UInt8]) throws {
        try self.channel.writeInbound(ByteBuffer(bytes: bytes))
        self.loop.run()
    }

    func send(_ text: String) throws { try self.send(Array(text.utf8)) }

    /// The connection ends without another word.
    func drop() {
        self.channel.close(promise: nil)
        self.loop.run()
    }

    /// Frames in one segment.
    func send(_ frames: FrameBytes...) throws { try self.send(frames.flatMap { $0.from(.client).bytes }) }

    /// What was written since the last call, one element a write.
    func takeWrites() -> [[UInt8]] {
        self.loop.run()
        var writes: [[UInt8]] = []
        while let buffer = try? self.channel.readOutbound(as: ByteBuffer.self) {
            if buffer.readableBytes > 0 { writes.append(Array(buffer.readableBytesView)) }
        }
        return writes
    }

    func takeBytes() -> [UInt8] { self.takeWrites().flatMap { $0 } }

    func takeText() -> String { String(decoding: self.takeBytes(), as: UTF8.self) }

    func takeFrames() -> [FrameBytes] { FrameBytes.frames(in: self.takeBytes()) }

    /// The status of the one response that was written, and its head and body.
    func takeResponse() -> RawResponse {
        let text = self.takeText()
        guard let end = text.utf8.firstRange(of: "\r\n\r\n".utf8) else { return RawResponse(head: text, body: "") }
        return RawResponse(head: String(text[..<end.upperBound]), body: String(text[end.upperBound...]))
    }

    /// Whether the server has closed the connection.
    var isClosed: Bool {
        self.loop.run()
        return !self.channel.isActive
    }

    /// What the server has last asked of the channel; `nil` if it never has.
    var isReading: Bool? {
        self.channel.options.last { $0.option is ChannelOptions.Types.AutoReadOption }?.value as? Bool
    }
}

/// Holds back a task of an embedded loop until the test, on the same thread, opens it.
final class LoopGate: @unchecked Sendable {
    // `@unchecked`: used on the one thread of a synchronous test.
    private var waiting: [CheckedContinuation<Void, Never>] = []
    private var isOpen = false

    func pass() async {
        if self.isOpen { return }
        await withCheckedContinuation { self.waiting.append($0) }
    }

    func open() {
        self.isOpen = true
        let waiting = self.waiting
        self.waiting = []
        for continuation in waiting { continuation.resume() }
    }
}
