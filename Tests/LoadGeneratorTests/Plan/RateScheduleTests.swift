import LoadGenerator
import Testing

@Suite("When messages are due at a fixed rate")
struct RateScheduleTests {
    @Test(
        "connections take turns at equal distances",
        arguments: [
            (round: 0, connection: 0, time: 5000), (0, 1, 1_005_000), (0, 3, 3_005_000), (1, 0, 4_005_000),
            (1, 3, 7_005_000), (250, 0, 1_000_005_000),
        ])
    func times(round: Int, connection: Int, time: Int) {
        let schedule = RateSchedule(start: 5000, rate: 1000, connections: 4)
        #expect(schedule.time(ofRound: round, connection: connection) == UInt64(time))
    }

    @Test("nothing is lost by rounding in a day", arguments: [3.0, 7.0, 999.0, 1_000_000.0 / 3, 44_100])
    func exact(rate: Double) {
        let schedule = RateSchedule(start: 0, rate: rate, connections: 1)
        let number = Int(rate * 86_400)
        let expected = Double(number) / rate * 1e9
        #expect(abs(Double(schedule.time(of: number)) - expected) < 100)
    }

    @Test("how many are due is what the times say", arguments: [0.3, 1, 3, 1000, 33_333.3, 1e6])
    func count(rate: Double) {
        let schedule = RateSchedule(start: 1000, rate: rate, connections: 3)
        #expect(schedule.count(before: 0) == 0)
        #expect(schedule.count(before: 1000) == 0)
        for number in [0, 1, 2, 10, 99, 12_345] {
            #expect(schedule.count(before: schedule.time(of: number)) == number)
            #expect(schedule.count(before: schedule.time(of: number) + 1) == number + 1)
        }
    }

    @Test(
        "how many of one connection are due",
        arguments: [
            (time: 0, rounds: [0, 0, 0]), (1, [1, 0, 0]), (1_000_000, [1, 0, 0]), (1_000_001, [1, 1, 0]),
            (2_000_001, [1, 1, 1]), (3_000_001, [2, 1, 1]), (8_000_001, [3, 3, 3]),
        ])
    func rounds(time: Int, rounds: [Int]) {
        let schedule = RateSchedule(start: 0, rate: 1000, connections: 3)
        #expect((0..<3).map { schedule.rounds(before: UInt64(time), connection: $0) } == rounds)
    }

    @Test("the loops' parts make the rate of all", arguments: [[1], [2, 2], [5, 3, 1], [1, 1, 1, 7]])
    func parts(loops: [Int]) {
        let total = loops.reduce(0, +)
        let parts = loops.enumerated().map {
            RateSchedule.part(start: 0, rate: 10_000, loop: $0.offset, connections: $0.element, of: total)
        }
        let inTenSeconds = parts.map { $0.count(before: 10_000_000_000) }.reduce(0, +)
        #expect(abs(inTenSeconds - 100_000) <= loops.count)
        // They begin one after the other.
        #expect(parts.map(\.start) == loops.indices.map { UInt64($0 * 100_000) })
    }

    @Test("shares differ by one at most, and nothing is lost", arguments: [(10, 3), (3, 10), (0, 4), (7, 7), (100, 1)])
    func shares(total: Int, count: Int) {
        let shares = (0..<count).map { share(total, of: count, index: $0) }
        #expect(shares.reduce(0, +) == total)
        #expect((shares.max() ?? 0) - (shares.min() ?? 0) <= 1)
    }
}
