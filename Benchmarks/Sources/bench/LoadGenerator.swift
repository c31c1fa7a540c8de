import CBench
import Glibc

/// Keeps a number of connections busy from one thread: each sends its window of frames in one write, waits until all
/// of it has come back, compares every byte, and sends it again.
final class LoadGenerator {
    private struct Connection {
        let descriptor: Int32
        /// Bytes of the window that were sent, and that came back.
        var sent = 0
        var received = 0
        var sentAt: UInt64 = 0
        /// The system has not taken the whole window yet.
        var isWriting = false
    }

    private static let bufferBytes = 256 << 10
    private static let eventsAtOnce = 512
    private static let stallSeconds = 10

    private let window: FrameWindow
    private let poller: Int32
    private let connections: UnsafeMutableBufferPointer<Connection>
    private let events = UnsafeMutableBufferPointer<epoll_event>.allocate(capacity: LoadGenerator.eventsAtOnce)
    private let buffer = UnsafeMutableRawBufferPointer.allocate(
        byteCount: LoadGenerator.bufferBytes, alignment: 64)
    private var hasBegun = false

    /// Bytes that came back since the beginning.
    private(set) var receivedBytes = 0
    /// Round trips of whole windows since the last ``forgetLatencies()``.
    private(set) var latencies = LatencyHistogram()

    /// Opens the connections.
    init(port: UInt16, connections count: Int, window: FrameWindow) throws(BenchError) {
        self.window = window
        self.poller = epoll_create1(Int32(EPOLL_CLOEXEC))
        self.connections = .allocate(capacity: count)
        self.connections.initialize(repeating: Connection(descriptor: -1))
        guard self.poller >= 0 else { throw .last("epoll_create1") }
        for index in 0..<count {
            let descriptor = try ClientSocket(port: port).descriptor
            self.connections[index] = Connection(descriptor: descriptor)
            guard fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0 else { throw .last("fcntl") }
            try self.watch(index, EPOLL_CTL_ADD, isWriting: false)
        }
    }

    deinit {
        for connection in self.connections where connection.descriptor >= 0 { close(connection.descriptor) }
        if self.poller >= 0 { close(self.poller) }
        self.connections.deallocate()
        self.events.deallocate()
        self.buffer.deallocate()
    }

    /// Messages that came back since the beginning.
    var messages: Double {
        Double(self.receivedBytes) * Double(self.window.messages) / Double(self.window.expected.count)
    }

    func forgetLatencies() { self.latencies = LatencyHistogram() }

    /// Goes on for `nanoseconds`. What is in flight then is taken up by the next call.
    func run(nanoseconds: UInt64) throws(BenchError) {
        let end = Clock.now() + nanoseconds
        if !self.hasBegun {
            self.hasBegun = true
            for index in self.connections.indices { try self.begin(index, now: Clock.now()) }
        }
        var heardAt = Clock.now()
        while true {
            let count = Int(epoll_wait(self.poller, self.events.baseAddress, Int32(Self.eventsAtOnce), 100))
            for event in self.events.prefix(max(0, count)) {
                let index = Int(event.data.u32)
                if event.events & EPOLLOUT.rawValue != 0 { try self.write(index) }
                if event.events & ~EPOLLOUT.rawValue != 0 { try self.read(index) }
            }
            let now = Clock.now()
            if now >= end { return }
            if count > 0 { heardAt = now }
            guard now - heardAt < UInt64(Self.stallSeconds) * 1_000_000_000 else {
                throw .stalled(seconds: Self.stallSeconds)
            }
        }
    }

    private func begin(_ index: Int, now: UInt64) throws(BenchError) {
        self.connections[index].sent = 0
        self.connections[index].received = 0
        self.connections[index].sentAt = now
        try self.write(index)
    }

    private func write(_ index: Int) throws(BenchError) {
        let connection = self.connections[index]
        let total = self.window.sent.count
        let count = self.window.sent.withUnsafeBytes { bytes in
            send(
                connection.descriptor, bytes.baseAddress.map { $0 + connection.sent }, total - connection.sent,
                Int32(MSG_NOSIGNAL))
        }
        guard count >= 0 || errno == EAGAIN else { throw .last("send") }
        self.connections[index].sent += max(0, count)
        let isWriting = self.connections[index].sent < total
        if isWriting != connection.isWriting {
            self.connections[index].isWriting = isWriting
            try self.watch(index, EPOLL_CTL_MOD, isWriting: isWriting)
        }
    }

    private func read(_ index: Int) throws(BenchError) {
        let connection = self.connections[index]
        let count = recv(connection.descriptor, self.buffer.baseAddress, self.buffer.count, 0)
        if count < 0, errno == EAGAIN { return }
        guard count > 0 else { throw .connectionClosed }
        let received = connection.received + count
        try self.compare(count, at: connection.received)
        self.receivedBytes &+= count
        self.connections[index].received = received
        if received == self.window.expected.count {
            let now = Clock.now()
            self.latencies.add(now &- connection.sentAt)
            try self.begin(index, now: now)
        }
    }

    /// Compares the first `count` bytes of the buffer with what must come back at `position` of the window.
    private func compare(_ count: Int, at position: Int) throws(BenchError) {
        guard count <= self.window.expected.count - position else {
            throw .wrongReply(byte: self.window.expected.count)
        }
        let isEqual = self.window.expected.withUnsafeBytes { expected in
            guard let here = expected.baseAddress, let came = self.buffer.baseAddress else { return false }
            return memcmp(here + position, came, count) == 0
        }
        if isEqual { return }
        for (offset, byte) in self.buffer.prefix(count).enumerated()
        where byte != self.window.expected[position + offset] {
            throw .wrongReply(byte: position + offset)
        }
    }

    private func watch(_ index: Int, _ operation: Int32, isWriting: Bool) throws(BenchError) {
        var event = epoll_event()
        event.events = EPOLLIN.rawValue | (isWriting ? EPOLLOUT.rawValue : 0)
        event.data.u32 = UInt32(index)
        guard epoll_ctl(self.poller, operation, self.connections[index].descriptor, &event) == 0 else {
            throw .last("epoll_ctl")
        }
    }
}
