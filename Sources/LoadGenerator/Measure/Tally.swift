/// What an event loop has measured in a while.
package struct Tally: Sendable {
    /// Messages that this end has sent, and their payload.
    package var sent = 0
    package var sentBytes = 0
    /// Messages that have come: answers; in mode `broadcast` deliveries.
    package var received = 0
    package var receivedBytes = 0
    /// Messages that are none of this run's: greetings, other people's.
    package var others = 0
    /// Handshakes that were completed.
    package var opened = 0
    /// Of those opened, on which the server has agreed to compress.
    package var compressed = 0
    /// Messages that were due while as many were in flight as may be.
    package var heldBack = 0
    /// From when a message was due to its answer.
    package var latency = Latencies()
    /// From when a message was sent to its answer, where that differs: at a fixed rate.
    package var service = Latencies()
    /// How late this end was, where nothing but itself was in the way.
    package var lateness = Latencies()
    /// Opening handshakes, TCP and TLS included.
    package var handshake = Latencies()
    package var errors = ErrorCounts()

    package init() {}

    package mutating func add(_ other: Tally) {
        self.sent += other.sent
        self.sentBytes += other.sentBytes
        self.received += other.received
        self.receivedBytes += other.receivedBytes
        self.others += other.others
        self.opened += other.opened
        self.compressed += other.compressed
        self.heldBack += other.heldBack
        self.latency.add(other.latency)
        self.service.add(other.service)
        self.lateness.add(other.lateness)
        self.handshake.add(other.handshake)
        self.errors.add(other.errors)
    }
}
