import Glibc

/// A connection to the server: blocking, with a limit of 10 seconds for each call.
struct ClientSocket {
    let descriptor: Int32

    /// The key of RFC 6455 §1.3, and the answer that it must have.
    private static let key = "dGhlIHNhbXBsZSBub25jZQ=="
    private static let accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

    /// Connects and completes the opening handshake.
    init(port: UInt16) throws(BenchError) {
        self.descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard self.descriptor >= 0 else { throw .last("socket") }
        do throws(BenchError) {
            try self.connect(port)
            try self.openWebSocket(port)
        } catch {
            self.drop()
            throw error
        }
    }

    private func connect(_ port: UInt16) throws(BenchError) {
        try self.set(IPPROTO_TCP, TCP_NODELAY, Int32(1))
        try self.set(SOL_SOCKET, SO_RCVTIMEO, timeval(tv_sec: 10, tv_usec: 0))
        try self.set(SOL_SOCKET, SO_SNDTIMEO, timeval(tv_sec: 10, tv_usec: 0))
        // Dropped connections leave nothing behind in the system.
        try self.set(SOL_SOCKET, SO_LINGER, linger(l_onoff: 1, l_linger: 0))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let status = withUnsafeBytes(of: &address) { bytes in
            Glibc.connect(
                self.descriptor, bytes.assumingMemoryBound(to: sockaddr.self).baseAddress,
                socklen_t(bytes.count))
        }
        guard status == 0 else { throw .last("connect") }
    }

    private func set(
        _ level: some BinaryInteger, _ option: Int32, _ value: some BitwiseCopyable
    ) throws(BenchError) {
        let status = withUnsafeBytes(of: value) { bytes in
            setsockopt(self.descriptor, Int32(level), option, bytes.baseAddress, socklen_t(bytes.count))
        }
        guard status == 0 else { throw .last("setsockopt") }
    }

    private func openWebSocket(_ port: UInt16) throws(BenchError) {
        let request = """
            GET / HTTP/1.1\r
            Host: 127.0.0.1:\(port)\r
            Upgrade: websocket\r
            Connection: Upgrade\r
            Sec-WebSocket-Key: \(Self.key)\r
            Sec-WebSocket-Version: 13\r
            \r\n
            """
        try self.write(Array(request.utf8))
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4_096)
        while answer.suffix(4) != [13, 10, 13, 10][...] {
            let count = recv(self.descriptor, &buffer, buffer.count, 0)
            guard count > 0, answer.count < 16_384 else { throw .handshakeRefused(answer: Self.text(answer)) }
            answer += buffer[..<count]
        }
        let text = Self.text(answer)
        guard text.hasPrefix("HTTP/1.1 101 "), text.contains(Self.accept) else {
            throw .handshakeRefused(answer: text)
        }
    }

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    private func write(_ bytes: [UInt8]) throws(BenchError) {
        let count = send(self.descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
        guard count == bytes.count else { throw .last("send") }
    }

    /// Sends `window` and waits until all of it has come back.
    func exchange(_ window: FrameWindow) throws(BenchError) {
        try self.write(window.sent)
        var reply = [UInt8](repeating: 0, count: window.expected.count)
        let count = recv(self.descriptor, &reply, reply.count, Int32(MSG_WAITALL))
        guard count == reply.count else { throw .connectionClosed }
        guard let wrong = zip(reply, window.expected).enumerated().first(where: { $1.0 != $1.1 }) else { return }
        throw .wrongReply(byte: wrong.offset)
    }

    /// Ends it with a reset.
    func drop() { close(self.descriptor) }
}
