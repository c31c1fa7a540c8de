import Glibc
import WebSocketCore

/// Runs one hot path of the core between two SIGSTOPs, for a tracer that counts instructions: `Benchmarks/instructions`.
@main
struct CorePaths {
    /// Messages, or whatever it is, of one count.
    static let repeats = 16

    static func main() {
        let paths = Self.paths
        guard let name = CommandLine.arguments.dropFirst().first, let path = paths.first(where: { $0.name == name })
        else {
            for path in paths { print(path.name) }
            return
        }
        // What is only done once is not counted.
        for _ in 0..<3 { path.run() }
        raise(SIGSTOP)
        path.run()
        raise(SIGSTOP)
    }

    private struct Path {
        let name: String
        let run: () -> Void
    }

    private static var paths: [Path] {
        [
            Path(name: "receive-20", run: Self.receive(.binary, bytes: 20)),
            Path(name: "receive-text-20", run: Self.receive(.text, bytes: 20)),
            Path(name: "receive-1024", run: Self.receive(.binary, bytes: 1_024)),
            Path(name: "receive-fragments-20", run: Self.receive(.binary, bytes: 20, fragments: 2)),
            Path(name: "send-20", run: Self.send(bytes: 20)),
            Path(name: "send-1024", run: Self.send(bytes: 1_024)),
            Path(name: "send-masked-20", run: Self.send(bytes: 20, role: .client)),
            Path(name: "request-head", run: Self.requestHead()),
            Path(name: "server-handshake", run: Self.serverHandshake()),
        ]
    }

    /// A server reads messages that lie in one buffer, one behind the other.
    private static func receive(_ kind: MessageKind, bytes count: Int, fragments: Int = 1) -> () -> Void {
        let payload = [UInt8](repeating: 0x41, count: count)
        let key = MaskingKey(word: 0x3D21_FA37)
        var burst: [UInt8] = []
        for _ in 0..<Self.repeats {
            for fragment in 0..<fragments {
                let opcode: Opcode = fragment > 0 ? .continuation : kind == .text ? .text : .binary
                let header = FrameHeader(
                    opcode: opcode, isFinal: fragment == fragments - 1, maskingKey: key, payloadBytes: count)
                var frame = [UInt8](repeating: 0, count: header.headerBytes + count)
                _ = frame.withUnsafeMutableBytes { header.encode(payload.span.bytes, into: $0) }
                burst += frame
            }
        }
        let receiver = Receiver()
        return { receiver.receive(burst) }
    }

    private static func send(bytes count: Int, role: Role = .server) -> () -> Void {
        let payload = [UInt8](repeating: 0x41, count: count)
        let sender = Sender(role)
        return { sender.send(payload) }
    }

    /// What a browser sends.
    private static let head = Array(
        """
        GET /chat?room=1 HTTP/1.1\r\nHost: server.example.com\r\nConnection: Upgrade\r\nPragma: no-cache\r\n\
        Cache-Control: no-cache\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36\r\n\
        Upgrade: websocket\r\nOrigin: http://server.example.com\r\nSec-WebSocket-Version: 13\r\n\
        Accept-Encoding: gzip, deflate\r\nAccept-Language: en-US,en;q=0.9\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n
        """.utf8)

    private static func parsedHead() -> RequestHead {
        var parser = RequestHeadParser(limits: Limits.Handshake())
        guard case .complete(let head, _) = parser.parse(Self.head.span.bytes) else {
            preconditionFailure("not a head")
        }
        return head
    }

    private static func requestHead() -> () -> Void {
        { for _ in 0..<Self.repeats { _ = Self.parsedHead() } }
    }

    /// From the request's bytes to the response's.
    private static func serverHandshake() -> () -> Void {
        let origins = OriginPolicy.sameHost
        return {
            for _ in 0..<Self.repeats {
                guard let handshake = try? ServerHandshake(validating: Self.parsedHead()),
                    origins.allows(origin: handshake.origin, host: handshake.host, isSecure: false),
                    let accepted = try? handshake.accept(), accepted.response.encode().count > 100
                else { preconditionFailure("not accepted") }
            }
        }
    }
}

/// A connection of a server that reads the same burst again and again.
private final class Receiver {
    @exclusivity(unchecked) private var connection = WebSocketConnection(
        role: .server, configuration: ConnectionConfiguration(), now: .zero)
    @exclusivity(unchecked) private var memory: [UInt8] = []

    func receive(_ burst: [UInt8]) {
        self.memory = burst
        var offset = 0
        var messages = 0
        self.memory.withUnsafeMutableBytes { bytes in
            loop: while true {
                switch self.connection.next(in: bytes, from: &offset, now: .zero) {
                case .message: messages += 1
                case .assembledMessage:
                    _ = self.connection.takeMessage()
                    messages += 1
                case .piece, .assembledPiece, .awaitsDelivery, .pong, .write, .shutdownOutput, .closeTransport,
                    .needMoreBytes:
                    break loop
                }
            }
        }
        precondition(messages == CorePaths.repeats, "lost messages")
    }
}

/// A connection that sends.
private final class Sender {
    @exclusivity(unchecked) private var connection: WebSocketConnection
    private let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 64)

    init(_ role: Role) {
        self.connection = WebSocketConnection(role: role, configuration: ConnectionConfiguration(), now: .zero)
    }

    deinit { self.memory.deallocate() }

    func send(_ payload: [UInt8]) {
        for _ in 0..<CorePaths.repeats {
            let written: Int
            switch self.connection.role {
            case .server: written = self.connection.encodeWhole(payload.span.bytes, as: .binary, into: self.memory)
            case .client:
                let key = MaskingKey(word: 0x3D21_FA37)
                guard let frame = try? self.connection.frame(for: payload.span.bytes, as: .binary, maskingKey: key)
                else { preconditionFailure("not sent") }
                written = self.connection.encode(frame, payload.span.bytes, into: self.memory)
            }
            precondition(written > payload.count, "not written")
        }
    }
}
