import Glibc

/// A WebSocket to the server, opened while the caller waits.
struct ClientSocket {
    let wire: Wire

    /// Opens many. Some are under way at the same time: waiting for each alone takes long where others want to run too.
    static func open(_ count: Int, to endpoint: Endpoint) throws(BenchError) -> [ClientSocket] {
        var sockets: [ClientSocket] = []
        sockets.reserveCapacity(count)
        do throws(BenchError) {
            while sockets.count < count {
                let opened = sockets.count
                for _ in 0..<min(Self.atOnce, count - opened) { sockets.append(try ClientSocket(asking: endpoint)) }
                for socket in sockets[opened...] { try socket.readAnswer(endpoint) }
            }
        } catch {
            for socket in sockets { socket.drop() }
            throw error
        }
        return sockets
    }

    /// Fewer than any server lets wait to be accepted.
    private static let atOnce = 32

    /// Connects and sends the opening handshake.
    private init(asking endpoint: Endpoint) throws(BenchError) {
        self.wire = try Wire(port: endpoint.port, tls: endpoint.tls)
        do throws(BenchError) {
            try self.write(Array(endpoint.request.utf8))
        } catch {
            self.drop()
            throw error
        }
    }

    private func readAnswer(_ endpoint: Endpoint) throws(BenchError) {
        var answer: [UInt8] = []
        while answer.suffix(4) != [13, 10, 13, 10][...] {
            let bytes = try self.read(atMost: 4_096)
            guard !bytes.isEmpty, answer.count < 16_384 else { throw .handshakeRefused(answer: Self.text(answer)) }
            answer += bytes
        }
        let text = Self.text(answer)
        guard text.hasPrefix("HTTP/1.1 101 "), text.contains(Endpoint.accept),
            endpoint.offer == nil || text.lowercased().contains("permessage-deflate")
        else { throw .handshakeRefused(answer: text) }
    }

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    private func write(_ bytes: [UInt8]) throws(BenchError) {
        guard case .bytes(bytes.count) = bytes.withUnsafeBytes({ self.wire.write($0) }) else {
            throw .last("send")
        }
    }

    /// None at the end.
    private func read(atMost most: Int) throws(BenchError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: most)
        switch bytes.withUnsafeMutableBytes({ self.wire.read(into: $0) }) {
        case .bytes(let count): return Array(bytes.prefix(count))
        case .later: throw .stalled(seconds: 10)
        case .ended: return []
        }
    }

    /// Sends `message` on every socket and waits until it has come back on all of them.
    static func exchange(_ message: [UInt8], on sockets: [ClientSocket]) throws(BenchError) {
        let frame = FrameWindow.frame(message, firstByte: 0x82, mask: [0x37, 0xFA, 0x21, 0x3D])
        for first in stride(from: 0, to: sockets.count, by: Self.atOnce) {
            let batch = sockets[first..<min(first + Self.atOnce, sockets.count)]
            for socket in batch { try socket.write(frame) }
            for socket in batch { try socket.expect(message) }
        }
    }

    /// A ping may come before it.
    private func expect(_ message: [UInt8]) throws(BenchError) {
        var frames = ReplyFrames()
        var received: [UInt8] = []
        var hasEnded = false
        while !hasEnded {
            let bytes = try self.read(atMost: 4_096)
            guard !bytes.isEmpty else { throw .connectionClosed }
            try frames.received(bytes) {
                received += $0
            } ended: { () throws(BenchError) in
                hasEnded = true
            }
        }
        guard received == message else { throw .wrongReply(byte: 0) }
    }

    /// Ends it with a reset.
    func drop() { self.wire.drop() }
}

/// Where a server listens, and what a client asks of it.
struct Endpoint {
    let port: UInt16
    var path = "/"
    /// What is offered as `Sec-WebSocket-Extensions`.
    var offer: String?
    var tls: TLSContext?

    /// The key of RFC 6455 §1.3, and the answer that it must have.
    private static let key = "dGhlIHNhbXBsZSBub25jZQ=="
    static let accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

    /// The opening handshake's request.
    var request: String {
        var lines = [
            "GET \(self.path) HTTP/1.1",
            "Host: 127.0.0.1:\(self.port)",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Key: \(Self.key)",
            "Sec-WebSocket-Version: 13",
        ]
        if let offer { lines.append("Sec-WebSocket-Extensions: \(offer)") }
        return lines.joined(separator: "\r\n") + "\r\n\r\n"
    }
}
