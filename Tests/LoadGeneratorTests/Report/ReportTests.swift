import Foundation
import Testing
import WebSocketCore

@testable import LoadGenerator

@Suite("The report")
struct ReportTests {
    /// A run whose figures are easy to follow.
    private static func result(
        _ mode: LoadPlan.Mode = .echo, rate: Double? = nil, _ change: (inout LoadResult) -> Void = { _ in }
    ) -> LoadResult {
        var plan = LoadPlan(mode, url: "ws://127.0.0.1:9001/")
        plan.rate = rate
        plan.connections = 2
        plan.inFlight = 16
        var tally = Tally()
        tally.sent = 20_000
        tally.sentBytes = 20_000 * 64
        tally.received = 20_000
        tally.receivedBytes = 20_000 * 64
        tally.opened = 20_000
        for microseconds in 1...1000 as ClosedRange<UInt64> {
            tally.latency.record(microseconds * 1000)
            if rate != nil {
                tally.service.record(microseconds * 500)
                tally.lateness.record(microseconds)
            }
        }
        tally.handshake.record(1_000_000)
        var result = LoadResult(
            plan: plan, ending: .duration, seconds: 10, connectSeconds: 0.1, opened: 2, openAtEnd: 2, tally: tally,
            generator: .init(
                cpu: ProcessorTime(userNanoseconds: 1_000_000_000, systemNanoseconds: 1_000_000_000), busy: [0.2]))
        change(&result)
        return result
    }

    @Test("what a person reads about a closed loop")
    func closedLoop() {
        let text = TextReport.text(Self.result())
        for part in [
            "aloft bench echo ws://127.0.0.1:9001/", "2 connections, 16 in flight on each, 64 B text, 1 event loop",
            "answered            20,000        2,000 per second   125 KiB/s", "not corrected for coordinated omission",
            "500 µs", "1.00 ms", "20.0 % of one core, 100 µs for each message", "event loops busy: 20 %", "no errors",
        ] {
            #expect(text.contains(part), "\(part) is missing in:\n\(text)")
        }
        #expect(!text.contains("service"))
        #expect(text.split(separator: "\n").allSatisfy { $0.count <= 120 })
    }

    @Test("at a fixed rate the uncorrected times stand beside the corrected ones")
    func fixedRate() {
        let text = TextReport.text(Self.result(rate: 2000))
        for part in ["2,000 a second", "corrected for coordinated omission", "service", "generator"] {
            #expect(text.contains(part), "\(part) is missing in:\n\(text)")
        }
        #expect(!text.contains("!"))
    }

    @Test("errors by kind, the most frequent first")
    func errors() {
        let text = TextReport.text(
            Self.result {
                $0.tally.errors.count(.handshakeRejected(status: 503), 2)
                $0.tally.errors.count(.closed(code: 1013), 3, example: "try again later")
            })
        #expect(
            text.contains(
                "3  closed by the server with 1013   (try again later)\n             2  handshake refused with status 503"
            ))
    }

    /// What is the matter, and how the warning begins.
    @Test("warnings")
    func warnings() {
        #expect(Self.result().warnings == [])
        #expect(Self.result(rate: 2000).warnings == [])
        func warning(rate: Double? = nil, _ change: (inout LoadResult) -> Void) -> String {
            Self.result(rate: rate, change).warnings.joined(separator: "\n")
        }
        #expect(warning { $0.generator.busy = [0.95] }.hasPrefix("the event loop of the generator was up to 95 % busy"))
        #expect(warning { $0.generator.busy = [0.95, 0.1] }.hasPrefix("1 of 2 event loops"))
        #expect(warning { $0.ending = .interrupted }.hasPrefix("ended by hand"))
        #expect(warning { $0.ending = .noConnections }.hasPrefix("every connection was lost"))
        #expect(warning { $0.opened = 1 } == "only 1 of 2 connections were opened")
        #expect(
            warning(rate: 2000) {
                for _ in 0..<100 { $0.tally.lateness.record(50_000_000) }
            }.hasPrefix("the generator was late by up to 50.0 ms"))
        #expect(
            warning(rate: 2000) { $0.tally.heldBack = 5 }.hasPrefix(
                "5 messages were sent late because --in-flight (16)"))
        #expect(
            warning(rate: 2000) {
                $0.plan.mode = .connect
                $0.tally.heldBack = 5
            }.hasPrefix("5 handshakes were begun late because --connections (2)"))
        #expect(
            warning {
                $0.plan.connectRate = 5000
                $0.plan.connections = 100
                $0.opened = 100
            } == "1,000 connections a second were opened, not the 5,000 that were asked for")
        #expect(warning(rate: 3000) { _ in }.hasPrefix("2,000 a second were sent, not the 3,000"))
    }

    @Test("nothing measured", arguments: LoadPlan.Mode.allCases)
    func nothing(mode: LoadPlan.Mode) {
        let result = Self.result(mode) {
            $0.opened = 0
            $0.ending = .noConnections
            $0.tally = Tally()
            $0.tally.errors.count(.connectFailed, 2, example: "refused")
        }
        let text = TextReport.text(result)
        #expect(text.contains("2  could not connect   (refused)"))
        #expect(text.contains("! no connection could be opened"))
        #expect(!result.hasMeasured)
    }

    @Test("JSON: stable keys, units in the names", arguments: LoadPlan.Mode.allCases)
    func json(mode: LoadPlan.Mode) throws {
        let written = Self.result(mode, rate: 2000) { $0.tally.errors.count(.closed(code: 1001)) }.json.written()
        let read = try #require(try JSONSerialization.jsonObject(with: Data(written.utf8)) as? [String: Any])
        #expect(
            Set(read.keys) == [
                "schemaVersion", "mode", "url", "plan", "ending", "measuredSeconds", "connections", "messages",
                "latency",
                "serviceTime", "generatorLateness", "broadcast", "errors", "generator", "warnings",
            ])
        #expect(read["schemaVersion"] as? Int == 1)
        let latency = try #require(read["latency"] as? [String: Any])
        #expect(latency["isCorrected"] as? Bool == true)
        #expect(latency["count"] as? Int == 1000)
        #expect(latency["p50Nanoseconds"] as? Int == 500_223)
        #expect(latency["p99_9Nanoseconds"] as? Int == 999_423)
        #expect(latency["maxNanoseconds"] as? Int == 1_000_000)
        let percentiles = try #require(latency["percentiles"] as? [[String: Any]])
        #expect(percentiles.last?["count"] as? Int == 1000)
        let errors = try #require((read["errors"] as? [String: Any])?["kinds"] as? [[String: Any]])
        #expect(errors.first?["kind"] as? String == "closed1001")
        let generator = try #require(read["generator"] as? [String: Any])
        #expect(generator["cpuSeconds"] as? Double == 2)
        #expect(generator["cpuNanosecondsPerMessage"] as? Double == (mode == .broadcast ? 50_000 : 100_000))
    }

    @Test(
        "ranges of the drawn distribution cover everything",
        arguments: [(1, 1), (5, 7), (1, 1_000_000), (120_000, 300_000)])
    func ranges(min: UInt64, max: UInt64) {
        let ends = LatencyRanges.ends(min: min, max: max)
        #expect(ends == ends.sorted())
        #expect((ends.last ?? 0) >= max)
        #expect(ends.dropLast().allSatisfy { $0 < max })
        #expect((ends.first ?? 0) >= min)
        #expect(ends.count < 60)
    }

    @Test("the line of progress")
    func progress() {
        var tally = Tally()
        tally.received = 5000
        tally.receivedBytes = 5000 * 1024
        tally.latency.record(1_500_000)
        var progress = Progress(
            phase: .measuring, seconds: 5, totalSeconds: 10, tally: tally, tallySeconds: 0.5, openConnections: 50,
            wantedConnections: 50, errors: 1, done: 0, totalDone: nil)
        #expect(
            ProgressLine.text(progress, mode: .echo, width: nil)
                == "measuring: 5 s of 10 s  50 open  10,000 msg/s  9.77 MiB/s  p50 1.50 ms  p99 1.50 ms  1 error")
        #expect(
            ProgressLine.text(progress, mode: .echo, width: 120).hasPrefix("▕████████        ▏ measuring 5 s of 10 s"))
        #expect(ProgressLine.text(progress, mode: .echo, width: 30).count == 29)
        progress.phase = .connecting
        progress.openConnections = 25
        #expect(ProgressLine.text(progress, mode: .idle, width: nil) == "connecting: 5 s of 10 s  25/50 open  1 error")
    }
}
