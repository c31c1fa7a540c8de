import LoadGenerator
import Testing

@Suite("Numbers as people read them")
struct FiguresTests {
    @Test(
        "grouped",
        arguments: [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567"), (-12_345, "-12,345")])
    func grouped(value: Int, text: String) { #expect(Figures.grouped(value) == text) }

    @Test(
        "decimals",
        arguments: [
            (1.0, 2, "1.00"), (1.005, 1, "1.0"), (0.05, 1, "0.1"), (9.999, 2, "10.00"), (-1.5, 1, "-1.5"),
            (-0.001, 1, "0.0"),
            (123.456, 0, "123"), (0.0625, 4, "0.0625"), (.infinity, 1, "inf"),
        ])
    func decimals(value: Double, places: Int, text: String) { #expect(Figures.decimals(value, places) == text) }

    @Test(
        "times",
        arguments: [
            (0.0, "0 ns"), (999, "999 ns"), (999.6, "1.00 µs"), (1234, "1.23 µs"), (12_345, "12.3 µs"),
            (123_456, "123 µs"),
            (999_400, "999 µs"), (999_600, "1.00 ms"), (1_500_000, "1.50 ms"), (9_996_000, "10.0 ms"),
            (2_000_000_000, "2.00 s"), (5_000_000_000_000, "5,000 s"),
        ])
    func time(nanoseconds: Double, text: String) { #expect(Figures.time(nanoseconds) == text) }

    @Test("bytes", arguments: [(20.0, "20 B"), (1536, "1.50 KiB"), (64e6, "61.0 MiB"), (3e9, "2.79 GiB")])
    func bytes(count: Double, text: String) { #expect(Figures.bytes(count) == text) }

    @Test(
        "durations", arguments: [(10.0, "10 s"), (0.5, "0.500 s"), (9.96, "10.0 s"), (60, "1 min"), (90, "1 min 30 s")])
    func duration(seconds: Double, text: String) { #expect(Figures.duration(seconds) == text) }

    @Test("bars", arguments: [(0.0, ""), (1, "████"), (2, "████"), (0.5, "██"), (0.125, "▌"), (-1, "")])
    func bar(share: Double, text: String) { #expect(Figures.bar(share, width: 4) == text) }
}
