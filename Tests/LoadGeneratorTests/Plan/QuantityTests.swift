import LoadGenerator
import Testing

@Suite("Sizes, times and rates of the command line")
struct QuantityTests {
    @Test(
        "sizes",
        arguments: [
            ("0", 0), ("64", 64), ("64b", 64), ("1k", 1024), ("1K", 1024), ("1KiB", 1024), ("1.5k", 1536),
            ("2M", 2 << 20),
            ("1g", 1 << 30),
        ])
    func size(text: String, bytes: Int) { #expect(Quantity.bytes(text) == bytes) }

    @Test(
        "no sizes",
        arguments: ["", "k", "-1", "1x", "1 k", ".5k", "5.", "1.5", "1.2.3k", "0x10", "1e3", "99999999999g"])
    func noSize(text: String) { #expect(Quantity.bytes(text) == nil) }

    @Test(
        "times",
        arguments: [
            ("10s", Duration.seconds(10)), ("10", .seconds(10)), ("500ms", .milliseconds(500)),
            ("250us", .microseconds(250)), ("1.5s", .milliseconds(1500)), ("2m", .seconds(120)), ("1h", .seconds(3600)),
            ("1m30s", .seconds(90)), ("0s", .zero), ("100ns", .nanoseconds(100)),
        ])
    func time(text: String, duration: Duration) { #expect(Quantity.duration(text) == duration) }

    @Test("no times", arguments: ["", "s", "-1s", "10x", "1m30", "30 1m", "1..5s", "9999999h", "ms10", "1s-"])
    func noTime(text: String) { #expect(Quantity.duration(text) == nil) }

    @Test("rates", arguments: [("1000", 1000.0), ("10k", 10_000), ("1.5M", 1_500_000), ("0.5", 0.5), ("20/s", 20)])
    func rate(text: String, rate: Double) { #expect(Quantity.rate(text) == rate) }

    @Test("no rates", arguments: ["", "fast", "-1", "10kk", "1/m", "nan", "inf"])
    func noRate(text: String) { #expect(Quantity.rate(text) == nil) }
}
