import CBenchLibraries
import Glibc

/// Like ``LoadGenerator`` with messages that are compressed. The first replies of every connection are inflated and
/// compared with what was sent; after that messages are counted, for how a server compresses is its own affair.
final class DeflateGenerator: Generator {
    private struct Connection {
        let wire: Wire
        var frames = ReplyFrames()
        /// The step that is under way, counted through all repetitions.
        var step = 0
        var unanswered = 0
        /// Of the step's frames, those the system has taken.
        var sent = 0
        var sentAt: UInt64 = 0
        var isWriting = false
        var checked = 0
        var check: ReplyCheck?
    }

    /// The replies of each connection that are compared.
    private static let checkedReplies = 4

    private let script: DeflateScript
    private let poller: Poller
    private var connections: [Connection] = []
    private let buffer = UnsafeMutableRawBufferPointer.allocate(
        byteCount: LoadGenerator.bufferBytes, alignment: 64)
    private var hasBegun = false

    private(set) var done = 0.0
    private(set) var latencies = LatencyHistogram()
    /// Bytes of all frames that came back.
    private(set) var receivedBytes = 0

    init(_ endpoint: Endpoint, connections count: Int, script: DeflateScript) throws(BenchError) {
        self.script = script
        self.poller = try Poller()
        let wires = try ClientSocket.open(count, to: endpoint).map(\.wire)
        for (index, wire) in wires.enumerated() {
            self.connections.append(Connection(wire: wire, check: try ReplyCheck()))
            try wire.makeNonBlocking()
            try self.poller.add(wire.descriptor, index: index)
        }
    }

    deinit {
        for connection in self.connections { connection.wire.drop() }
        self.buffer.deallocate()
    }

    func forgetLatencies() { self.latencies = LatencyHistogram() }

    func run(nanoseconds: UInt64) throws(BenchError) {
        let end = Clock.now() + nanoseconds
        self.poller.restart()
        if !self.hasBegun {
            self.hasBegun = true
            for index in self.connections.indices { try self.begin(index) }
        }
        while Clock.now() < end {
            try self.poller.wait { (index, canRead, canWrite) throws(BenchError) in
                if canWrite { try self.write(index) }
                if canRead { try self.read(index) }
            }
        }
    }

    private func step(_ number: Int) -> DeflateScript.Step {
        number < self.script.opening.count
            ? self.script.opening[number] : self.script.repeated[number % self.script.repeated.count]
    }

    private func begin(_ index: Int) throws(BenchError) {
        self.connections[index].unanswered = self.step(self.connections[index].step).messages
        self.connections[index].sent = 0
        self.connections[index].sentAt = Clock.now()
        try self.write(index)
    }

    private func write(_ index: Int) throws(BenchError) {
        let connection = self.connections[index]
        let frames = self.step(connection.step).frames
        if connection.sent < frames.count {
            let outcome = frames.withUnsafeBytes { bytes in
                connection.wire.write(UnsafeRawBufferPointer(rebasing: bytes[connection.sent...]))
            }
            switch outcome {
            case .bytes(let count): self.connections[index].sent += count
            case .later: break
            case .ended: throw .last("send")
            }
        }
        let isWriting = self.connections[index].sent < frames.count
        if isWriting != connection.isWriting {
            self.connections[index].isWriting = isWriting
            try self.poller.change(connection.wire.descriptor, index: index, isWriting: isWriting)
        }
    }

    private func read(_ index: Int) throws(BenchError) {
        let count: Int
        switch self.connections[index].wire.read(into: self.buffer) {
        case .bytes(let bytes): count = bytes
        case .later: return
        case .ended: throw .connectionClosed
        }
        self.receivedBytes += count
        var frames = self.connections[index].frames
        var ended = 0
        try frames.received(UnsafeRawBufferPointer(rebasing: self.buffer[..<count])) { payload in
            self.connections[index].check?.received(payload)
        } ended: { () throws(BenchError) in
            ended += 1
            if self.connections[index].check != nil { try self.check(index) }
        }
        self.connections[index].frames = frames
        self.done += Double(ended)
        self.connections[index].unanswered -= ended
        guard self.connections[index].unanswered >= 0 else { throw .wrongReply(byte: 0) }
        if ended > 0, self.connections[index].unanswered == 0 {
            self.latencies.add(Clock.now() &- self.connections[index].sentAt)
            self.connections[index].step += 1
            try self.begin(index)
        }
    }

    private func check(_ index: Int) throws(BenchError) {
        let number = self.connections[index].checked
        guard self.connections[index].check?.inflated() == self.script.plain[number] else {
            throw .wrongMessage(number: number)
        }
        self.connections[index].checked += 1
        if number + 1 == Self.checkedReplies { self.connections[index].check = nil }
    }
}

/// Inflates one message after the other.
private final class ReplyCheck {
    /// zlib wants it to stay where it is.
    private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    private var collected: [UInt8] = []

    init() throws(BenchError) {
        self.stream.initialize(to: z_stream())
        guard aloft_begin_inflate(self.stream) != 0 else { throw .system(call: "inflateInit2", errno: ENOMEM) }
    }

    deinit {
        inflateEnd(self.stream)
        self.stream.deallocate()
    }

    func received(_ payload: UnsafeRawBufferPointer) { self.collected += payload }

    /// The message that has ended.
    func inflated() -> [UInt8] {
        var input = self.collected + [0x00, 0x00, 0xFF, 0xFF]
        self.collected = []
        var output = [UInt8](repeating: 0, count: 1 << 20)
        let left = input.withUnsafeMutableBufferPointer { input in
            output.withUnsafeMutableBufferPointer { room in
                self.stream.pointee.next_in = input.baseAddress
                self.stream.pointee.avail_in = UInt32(input.count)
                self.stream.pointee.next_out = room.baseAddress
                self.stream.pointee.avail_out = UInt32(room.count)
                inflate(self.stream, Z_SYNC_FLUSH)
                return Int(self.stream.pointee.avail_out)
            }
        }
        return Array(output.dropLast(left))
    }
}
