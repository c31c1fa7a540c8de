import Glibc

/// Keeps a number of connections busy: each sends its window of frames in one write, waits until all of it has come
/// back, compares every byte, and sends it again.
final class LoadGenerator: Generator {
    private struct Connection {
        let wire: Wire
        /// Bytes of the window that were sent, and that came back.
        var sent = 0
        var received = 0
        var sentAt: UInt64 = 0
        /// The system has not taken the whole window yet.
        var isWriting = false
    }

    static let bufferBytes = 256 << 10

    private let window: FrameWindow
    private let poller: Poller
    private var connections: [Connection] = []
    private let buffer = UnsafeMutableRawBufferPointer.allocate(
        byteCount: LoadGenerator.bufferBytes, alignment: 64)
    private var hasBegun = false

    /// Bytes that came back since the beginning.
    private var receivedBytes = 0
    private(set) var latencies = LatencyHistogram()

    /// Opens the connections.
    init(_ endpoint: Endpoint, connections count: Int, window: FrameWindow) throws(BenchError) {
        self.window = window
        self.poller = try Poller()
        let wires = try ClientSocket.open(count, to: endpoint).map(\.wire)
        for (index, wire) in wires.enumerated() {
            self.connections.append(Connection(wire: wire))
            try wire.makeNonBlocking()
            try self.poller.add(wire.descriptor, index: index)
        }
    }

    deinit {
        for connection in self.connections { connection.wire.drop() }
        self.buffer.deallocate()
    }

    /// Messages that came back.
    var done: Double {
        Double(self.receivedBytes) * Double(self.window.messages) / Double(self.window.expected.count)
    }

    func forgetLatencies() { self.latencies = LatencyHistogram() }

    func run(nanoseconds: UInt64) throws(BenchError) {
        let end = Clock.now() + nanoseconds
        self.poller.restart()
        if !self.hasBegun {
            self.hasBegun = true
            for index in self.connections.indices { try self.begin(index, now: Clock.now()) }
        }
        while Clock.now() < end {
            try self.poller.wait { (index, canRead, canWrite) throws(BenchError) in
                if canWrite { try self.write(index) }
                if canRead { try self.read(index) }
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
        var sent = connection.sent
        writing: while sent < total {
            let outcome = self.window.sent.withUnsafeBytes { bytes in
                connection.wire.write(UnsafeRawBufferPointer(rebasing: bytes[sent...]))
            }
            switch outcome {
            case .bytes(let count): sent += count
            case .later: break writing
            case .ended: throw .last("send")
            }
            // A record of TLS is not all that there is room for; what the system takes is.
            if !connection.wire.isEncrypted { break }
        }
        self.connections[index].sent = sent
        let isWriting = sent < total
        if isWriting != connection.isWriting {
            self.connections[index].isWriting = isWriting
            try self.poller.change(connection.wire.descriptor, index: index, isWriting: isWriting)
        }
    }

    private func read(_ index: Int) throws(BenchError) {
        let wire = self.connections[index].wire
        repeat {
            switch wire.read(into: self.buffer) {
            case .bytes(let count): try self.received(count, index)
            case .later: return
            case .ended: throw .connectionClosed
            }
            // What OpenSSL has read ahead, the system will not tell of again.
        } while wire.isEncrypted
    }

    private func received(_ count: Int, _ index: Int) throws(BenchError) {
        let before = self.connections[index].received
        try self.compare(count, at: before)
        self.receivedBytes &+= count
        self.connections[index].received = before + count
        if before + count == self.window.expected.count {
            let now = Clock.now()
            self.latencies.add(now &- self.connections[index].sentAt)
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
}
