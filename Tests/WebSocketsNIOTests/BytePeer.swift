import NIOCore
import NIOPosix

/// A TCP client whose bytes the test writes itself.
struct BytePeer: Sendable {
    private let channel: any Channel
    private let inbox: NIOLoopBound<Inbox>

    /// Keeps what has come until somebody asks for it.
    private final class Inbox: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private var bytes: [UInt8] = []
        private var hasEnded = false
        private var reader: (mark: [UInt8], outcome: EventLoopPromise<[UInt8]>)?

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            self.bytes += self.unwrapInboundIn(data).readableBytesView
            self.look()
        }

        func channelInactive(context: ChannelHandlerContext) {
            self.hasEnded = true
            self.look()
        }

        func read(until mark: [UInt8], _ outcome: EventLoopPromise<[UInt8]>) {
            self.reader = (mark, outcome)
            self.look()
        }

        private func look() {
            guard let (mark, outcome) = self.reader else { return }
            if let range = self.bytes.firstRange(of: mark) {
                self.reader = nil
                let taken = Array(self.bytes[..<range.upperBound])
                self.bytes.removeFirst(taken.count)
                outcome.succeed(taken)
            } else if self.hasEnded {
                self.reader = nil
                outcome.fail(Ended(bytes: self.bytes))
            }
        }
    }

    struct Ended: Error { let bytes: [UInt8] }

    static func connect(to port: Int) async throws -> BytePeer {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let inbox = try await loop.submit { NIOLoopBound(Inbox(), eventLoop: loop) }.get()
        let channel = try await ClientBootstrap(group: loop)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(inbox.value) }
            }
            .connect(host: "127.0.0.1", port: port).get()
        return BytePeer(channel: channel, inbox: inbox)
    }

    func send(_ text: String) async throws {
        // Latin-1: each character is a byte.
        let bytes = text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
        try await self.channel.writeAndFlush(ByteBuffer(bytes: bytes)).get()
    }

    /// Everything up to `mark` and with it, as Latin-1.
    func read(until mark: String) async throws -> String {
        let outcome = self.channel.eventLoop.makePromise(of: [UInt8].self)
        self.channel.eventLoop.execute { self.inbox.value.read(until: Array(mark.utf8), outcome) }
        var text = ""
        text.unicodeScalars.append(contentsOf: try await outcome.futureResult.get().map { Unicode.Scalar($0) })
        return text
    }

    func shutDownOutput() async throws { try await self.channel.close(mode: .output).get() }

    func close() async throws { try? await self.channel.close().get() }

    static func upgrade(_ path: String) -> String {
        """
        GET \(path) HTTP/1.1\r\nHost: server.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n
        """
    }

    /// A masked frame with the text "Hello" (RFC 6455 §5.7).
    static let hello = "\u{81}\u{85}\u{37}\u{fa}\u{21}\u{3d}\u{7f}\u{9f}\u{4d}\u{51}\u{58}"
}
