#if os(Linux)
import Testing

@testable import LinuxTransport

@Suite("How much is read in one turn")
struct ReadSizeTests {
    /// The sizes of reads that are all filled with so much work.
    private static func sizes(_ count: Int, work: Int, from size: ReadSize = ReadSize(), alone: Bool = false) -> [Int] {
        var size = size
        return (0..<count).map { _ in
            let bytes = size.bytes(alone: alone)
            size.adapt(to: work, count: bytes)
            return bytes >> 10
        }
    }

    @Test("less and less of what is much work, down to 2 KiB")
    func manySmall() {
        #expect(Self.sizes(8, work: 65) == [64, 32, 16, 8, 4, 2, 2, 2])
        #expect(Self.sizes(8, work: .max) == [64, 32, 16, 8, 4, 2, 2, 2])
    }

    @Test("as before, if nobody waits")
    func alone() { #expect(Self.sizes(4, work: 1_000, alone: true) == [64, 64, 64, 64]) }

    @Test("the same again, of what is a fair amount of work")
    func fair() {
        for work in [5, 32, 64] { #expect(Self.sizes(4, work: work) == [64, 64, 64, 64]) }
    }

    @Test("more and more of large messages, up to 512 KiB")
    func fewLarge() {
        for work in 0...4 { #expect(Self.sizes(6, work: work) == [64, 128, 256, 512, 512, 512]) }
    }

    @Test("the usual amount again, when it was an exception")
    func back() {
        var small = ReadSize()
        for _ in 0..<10 { small.adapt(to: 100, count: 1) }
        #expect(Self.sizes(8, work: 31, from: small) == [2, 4, 8, 16, 32, 64, 64, 64])
        #expect(Self.sizes(3, work: 32, from: small) == [2, 2, 2])
        var large = ReadSize()
        for _ in 0..<3 { large.adapt(to: 1, count: large.bytes(alone: false)) }
        for expected in [512, 256, 128, 64, 64] {
            #expect(large.bytes(alone: false) >> 10 == expected)
            large.adapt(to: 1, count: 100)
        }
    }
}
#endif
