import CBench
import Glibc

/// Connects, asks for a WebSocket, reads the 101, resets the connection, and begins again: many at one time.
final class HandshakeGenerator: Generator {
    private struct Attempt {
        let descriptor: Int32
        let beganAt: UInt64
        var isSent = false
        var answer: [UInt8] = []
    }

    private let port: UInt16
    private let request: [UInt8]
    private let poller: Poller
    private var attempts: [Attempt] = []
    private let atOnce: Int
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 16 << 10, alignment: 64)

    private(set) var done = 0.0
    private(set) var latencies = LatencyHistogram()

    init(_ endpoint: Endpoint, atOnce: Int) throws(BenchError) {
        self.port = endpoint.port
        self.request = Array(endpoint.request.utf8)
        self.poller = try Poller()
        self.atOnce = atOnce
    }

    deinit {
        for attempt in self.attempts { close(attempt.descriptor) }
        self.buffer.deallocate()
    }

    func forgetLatencies() { self.latencies = LatencyHistogram() }

    func run(nanoseconds: UInt64) throws(BenchError) {
        let end = Clock.now() + nanoseconds
        self.poller.restart()
        while self.attempts.count < self.atOnce {
            self.attempts.append(try self.begun(self.attempts.count))
        }
        while Clock.now() < end {
            try self.poller.wait { (index, canRead, canWrite) throws(BenchError) in
                if canWrite, !self.attempts[index].isSent {
                    self.attempts[index].isSent = try self.isSent(self.attempts[index].descriptor)
                    try self.poller.change(self.attempts[index].descriptor, index: index, isWriting: false)
                }
                if canRead { try self.read(index) }
            }
        }
    }

    /// On the loopback interface a connection is there when `connect` returns, although it says that it is under way.
    private func begun(_ index: Int) throws(BenchError) -> Attempt {
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let descriptor = socket(AF_INET, kind, 0)
        guard descriptor >= 0 else { throw .last("socket") }
        do throws(BenchError) {
            try LoopbackSocket.prepare(descriptor, isBlocking: false)
            guard LoopbackSocket.connect(descriptor, to: self.port) == 0 || errno == EINPROGRESS else {
                throw .last("connect")
            }
            var attempt = Attempt(descriptor: descriptor, beganAt: Clock.now())
            attempt.isSent = try self.isSent(descriptor)
            try self.poller.add(descriptor, index: index, isWriting: !attempt.isSent)
            return attempt
        } catch {
            close(descriptor)
            throw error
        }
    }

    private func isSent(_ descriptor: Int32) throws(BenchError) -> Bool {
        let count = send(descriptor, self.request, self.request.count, Int32(MSG_NOSIGNAL))
        if count < 0, errno == EAGAIN { return false }
        guard count == self.request.count else { throw .last("send") }
        return true
    }

    private func read(_ index: Int) throws(BenchError) {
        let count = recv(self.attempts[index].descriptor, self.buffer.baseAddress, self.buffer.count, 0)
        if count < 0, errno == EAGAIN { return }
        guard count > 0 else { throw .connectionClosed }
        let bytes = UnsafeRawBufferPointer(rebasing: self.buffer[..<count])
        if self.attempts[index].answer.isEmpty, Self.isComplete(bytes) {
            try self.next(index)
            return
        }
        self.attempts[index].answer += bytes
        let answer = self.attempts[index].answer
        if answer.withUnsafeBytes(Self.isComplete) {
            try self.next(index)
        } else if answer.count > 8_192 {
            throw .handshakeRefused(answer: String(decoding: answer, as: UTF8.self))
        }
    }

    private func next(_ index: Int) throws(BenchError) {
        self.latencies.add(Clock.now() &- self.attempts[index].beganAt)
        self.done += 1
        close(self.attempts[index].descriptor)
        self.attempts[index] = try self.begun(index)
    }

    /// Whether it is a whole answer, with the status and the key that it must have.
    private static func isComplete(_ answer: UnsafeRawBufferPointer) -> Bool {
        aloft_is_answer(answer.baseAddress, answer.count, "HTTP/1.1 101", Endpoint.accept, "\r\n\r\n")
    }
}
