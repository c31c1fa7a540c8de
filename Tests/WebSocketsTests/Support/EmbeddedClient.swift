import NIOCore
import NIOEmbedded
import WebSocketCore
import WebSocketTesting

@testable import WebSockets

/// A client's connection behind its opening handshake, without a socket, on a loop whose clock only the test moves.
final class EmbeddedClient {
    let engine: SocketEngine
    let closures = Log<Closure>()
    private let loop = EmbeddedEventLoop()
    private let channel: EmbeddedChannel

    init(_ settings: SocketSettings = SocketSettings()) throws {
        let channel = EmbeddedChannel(loop: self.loop)
        let info = SocketInfo(
            remoteAddress: "192.0.2.7:80", subprotocol: nil, deflate: nil, isSecure: false)
        let engine = WebSocketHandler(
            channel: channel, role: .client, loop: LoopServices.on(self.loop), settings: SharedSettings(settings),
            info: info, consumer: CallbackConsumer(ClosureRecorder(self.closures)))
        self.channel = channel
        self.engine = engine
        try channel.pipeline.syncOperations.addHandler(engine)
        channel.connect(to: try SocketAddress(ipAddress: "192.0.2.7", port: 80), promise: nil)
        engine.start()
        self.loop.run()
    }

    deinit { _ = try? self.channel.finish(acceptAlreadyClosed: true) }

    /// Frames of the server arrive in one segment.
    func send(_ frames: FrameBytes...) throws {
        try self.channel.writeInbound(ByteBuffer(bytes: frames.flatMap(\.bytes)))
        self.loop.run()
    }

    /// The frames written since the last call, without their masks.
    func takeFrames() -> [FrameBytes] {
        self.loop.run()
        var bytes: [UInt8] = []
        while let buffer = try? self.channel.readOutbound(as: ByteBuffer.self) { bytes += buffer.readableBytesView }
        return FrameBytes.frames(in: bytes).map { $0.from(.server) }
    }

    func advance(by time: Duration) { self.loop.advanceTime(by: TimeAmount(time)) }

    /// The server ends the stream.
    func endStream() {
        self.channel.close(promise: nil)
        self.loop.run()
    }

    /// Whether this end has closed the connection.
    var isClosed: Bool {
        self.loop.run()
        return !self.channel.isActive
    }
}

extension Closure.Initiator {
    static let both: [Closure.Initiator] = [.local, .peer]
}
