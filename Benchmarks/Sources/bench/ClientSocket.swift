import Glibc

/// A WebSocket to the server, opened while the caller waits.
struct ClientSocket {
    let wire: Wire

    /// Connects and completes the opening handshake.
    init(_ endpoint: Endpoint) throws(BenchError) {
        self.wire = try Wire(port: endpoint.port, tls: endpoint.tls)
        do throws(BenchError) {
            try self.openWebSocket(endpoint)
        } catch {
            self.drop()
            throw error
        }
    }

    private func openWebSocket(_ endpoint: Endpoint) throws(BenchError) {
        try self.write(Array(endpoint.request.utf8))
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

    /// Sends `window` and waits until all of it has come back.
    func exchange(_ window: FrameWindow) throws(BenchError) {
        try self.write(window.sent)
        var reply: [UInt8] = []
        while reply.count < window.expected.count {
            let bytes = try self.read(atMost: window.expected.count - reply.count)
            guard !bytes.isEmpty else { throw .connectionClosed }
            reply += bytes
        }
        guard let wrong = zip(reply, window.expected).enumerated().first(where: { $1.0 != $1.1 }) else { return }
        throw .wrongReply(byte: wrong.offset)
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
