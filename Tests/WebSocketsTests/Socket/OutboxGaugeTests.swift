import Testing

@testable import WebSockets

@Suite("What may wait to be written")
struct OutboxGaugeTests {
    private static let limits: OutboxLimits = {
        var limits = OutboxLimits()
        limits.highWaterBytes = 100
        limits.maxBytesBeyond = 1_000
        limits.maxMessagesBeyond = 3
        return limits
    }()

    /// What a new gauge says to messages of these sizes, while so much waits.
    private static func admitted(_ messages: [(bytes: Int, waiting: Int)]) -> [Bool] {
        var gauge = OutboxGauge()
        return messages.map { gauge.admits($0.bytes, waiting: $0.waiting, limits: Self.limits) }
    }

    @Test("Below the mark one message is accepted, whatever its size", arguments: [0, 1, 100, 1 << 40, .max])
    func below(bytes: Int) {
        #expect(Self.admitted([(bytes, 99)]) == [true])
    }

    @Test(
        "Beyond the mark bytes are counted; what was refused is not",
        arguments: [
            (1_000, [true, false]), (1_001, [false, true]), (Int.max, [false, true]),
        ])
    func bytes(count: Int, admitted: [Bool]) {
        #expect(Self.admitted([(count, 100), (1_000, 100)]) == admitted)
    }

    @Test("Beyond the mark messages are counted, empty ones too")
    func messages() {
        #expect(Self.admitted([(0, 100), (0, 100), (0, 100), (0, 100)]) == [true, true, true, false])
    }

    @Test("Once less than the mark waits, the count begins anew")
    func anew() {
        let messages = [(1_000, 100), (1, 1_100), (5_000, 99), (1_000, 5_099), (1, 6_099)]
        #expect(Self.admitted(messages) == [true, false, true, true, false])
    }
}
