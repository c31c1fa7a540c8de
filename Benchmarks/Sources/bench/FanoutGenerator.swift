import Glibc

/// Subscribers, the first of which publishes: what it sends, all of them must get.
///
/// A message is in flight from when it is published until the last subscriber has it; then another one follows.
final class FanoutGenerator: Generator {
    private let window: FrameWindow
    private let poller: Poller
    private let inFlight: Int
    private var wires: [Wire] = []
    /// Bytes that each subscriber has received.
    private var received: [Int] = []
    /// How many subscribers have the messages that are in flight: message n at n modulo their number.
    private var deliveries: [Int]
    private var publishedAt: [UInt64]
    private var published = 0
    private var completed = 0
    /// What every subscriber gets, over and over, long enough to compare a whole read at once.
    private let expected: [UInt8]
    private let frameBytes: Int
    private let buffer: UnsafeMutableRawBufferPointer

    private(set) var done = 0.0
    private(set) var latencies = LatencyHistogram()

    init(_ endpoint: Endpoint, subscribers: Int, payloadBytes: Int, inFlight: Int) throws(BenchError) {
        let window = FrameWindow(messages: 1, payloadBytes: payloadBytes, isText: false)
        self.window = window
        self.inFlight = inFlight
        self.poller = try Poller()
        self.frameBytes = window.expected.count
        let frames = max(2 * inFlight, (32 << 10) / self.frameBytes)
        self.expected = Array((0..<frames).map { _ in window.expected }.joined())
        self.buffer = .allocate(byteCount: self.expected.count - self.frameBytes, alignment: 64)
        self.received = Array(repeating: 0, count: subscribers)
        self.deliveries = Array(repeating: 0, count: inFlight)
        self.publishedAt = Array(repeating: 0, count: inFlight)
        let wires = try ClientSocket.open(subscribers, to: endpoint).map(\.wire)
        for (index, wire) in wires.enumerated() {
            self.wires.append(wire)
            try wire.makeNonBlocking()
            try self.poller.add(wire.descriptor, index: index)
        }
    }

    deinit {
        for wire in self.wires { wire.drop() }
        self.buffer.deallocate()
    }

    func forgetLatencies() { self.latencies = LatencyHistogram() }

    func run(nanoseconds: UInt64) throws(BenchError) {
        let end = Clock.now() + nanoseconds
        self.poller.restart()
        try self.publish()
        while Clock.now() < end {
            try self.poller.wait { (index, canRead, _) throws(BenchError) in
                if canRead { try self.read(index) }
            }
            try self.publish()
        }
    }

    /// As many as may be in flight, in one write.
    private func publish() throws(BenchError) {
        let count = self.inFlight - (self.published - self.completed)
        guard count > 0, let publisher = self.wires.first else { return }
        let now = Clock.now()
        for message in self.published..<(self.published + count) {
            self.deliveries[message % self.inFlight] = 0
            self.publishedAt[message % self.inFlight] = now
        }
        self.published += count
        let frames = Array((0..<count).map { _ in self.window.sent }.joined())
        guard case .bytes(frames.count) = frames.withUnsafeBytes({ publisher.write($0) }) else {
            throw .last("send")
        }
    }

    private func read(_ index: Int) throws(BenchError) {
        let count: Int
        switch self.wires[index].read(into: self.buffer) {
        case .bytes(let bytes): count = bytes
        case .later: return
        case .ended: throw .connectionClosed
        }
        let before = self.received[index]
        try self.compare(count, at: before % self.frameBytes)
        self.received[index] = before + count
        let messages = before / self.frameBytes..<(before + count) / self.frameBytes
        guard messages.upperBound <= self.published else { throw .wrongReply(byte: before) }
        self.done += Double(messages.count)
        for message in messages {
            let slot = message % self.inFlight
            self.deliveries[slot] += 1
            if self.deliveries[slot] == self.wires.count {
                self.completed += 1
                self.latencies.add(Clock.now() &- self.publishedAt[slot])
            }
        }
    }

    private func compare(_ count: Int, at position: Int) throws(BenchError) {
        let isEqual = self.expected.withUnsafeBytes { expected in
            guard let here = expected.baseAddress, let came = self.buffer.baseAddress else { return false }
            return memcmp(here + position, came, count) == 0
        }
        guard isEqual else { throw .wrongReply(byte: position) }
    }
}
