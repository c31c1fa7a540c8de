import Testing
import WebSocketCore

@Suite("Deflater (RFC 7692 §7.2.1)")
struct DeflaterTests {
    private let hello = Array("Hello".utf8)

    @Test("compresses the examples of §7.2.3.1 and §7.2.3.2 as the RFC does")
    func contextTakeover() throws {
        var deflater = try makeDeflater()
        let first = deflater.compressed(self.hello)
        #expect(first == [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00])
        let second = deflater.compressed(self.hello)
        #expect(second == [0xF2, 0x00, 0x11, 0x00, 0x00])
    }

    @Test("forgets the first message when reset in between")
    func noContextTakeover() throws {
        var deflater = try makeDeflater()
        let first = deflater.compressed(self.hello)
        deflater.reset()
        let second = deflater.compressed(self.hello)
        #expect(first == second)
        #expect(second == [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00])
    }

    @Test("stores at level 0, as in §7.2.3.3")
    func stores() throws {
        var deflater = try makeDeflater(level: 0)
        let stored = deflater.compressed(self.hello)
        #expect(stored == [0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x00])
    }

    @Test("makes one zero byte of an empty message, first or later (§7.2.3.6)", arguments: [0, 1, 6, 9])
    func emptyMessage(level: Int) throws {
        var deflater = try makeDeflater(level: level)
        let first = deflater.compressed([])
        #expect(first == [0x00])
        _ = deflater.compressed(self.hello)
        let later = deflater.compressed([])
        #expect(later == [0x00])
        deflater.reset()
        let afterReset = deflater.compressed([])
        #expect(afterReset == [0x00])
    }

    @Test("keeps the flush bytes of a fragment and strips them from the last")
    func fragments() throws {
        var deflater = try makeDeflater()
        let first = deflater.compressed(Array("Hel".utf8), isFinal: false)
        #expect(first.suffix(4) == [0x00, 0x00, 0xFF, 0xFF])
        let empty = deflater.compressed([], isFinal: false)
        #expect(empty == [])
        let last = deflater.compressed(Array("lo".utf8))
        #expect(last.suffix(4) != [0x00, 0x00, 0xFF, 0xFF])
        let end = deflater.compressed([])
        #expect(end == [0x00])

        var inflater = try makeInflater()
        let message = inflater.message(first + last)
        #expect(message == Inflation(outcome: .done, bytes: self.hello))
    }

    @Test("appends: what the output held before stays")
    func appends() throws {
        var deflater = try makeDeflater()
        var output: [UInt8] = [0x82, 0x07]
        deflater.compress(self.hello.span.bytes, isFinal: true, into: &output)
        #expect(output == [0x82, 0x07, 0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00])
    }

    /// zlib stops when the room is used up; every such stop must be resumed, wherever it falls.
    @Test("does not depend on the spare capacity of the output", arguments: 0..<200)
    func spareCapacity(spare: Int) throws {
        var random = PayloadGenerator(seed: 7)
        let payload = random.noise(300)
        var deflater = try makeDeflater()
        var inflater = try makeInflater()
        for _ in 0..<3 {
            var output: [UInt8] = []
            output.reserveCapacity(spare)
            deflater.compress(payload.span.bytes, isFinal: true, into: &output)
            let message = inflater.message(output)
            #expect(message == Inflation(outcome: .done, bytes: payload))
        }
    }

    @Test("grows the output geometrically: no more than a little beyond what does not compress")
    func boundedOutput() throws {
        var random = PayloadGenerator(seed: 8)
        let payload = random.noise(1 << 20)
        var deflater = try makeDeflater(level: 1)
        let output = deflater.compressed(payload)
        #expect(output.count >= payload.count)
        #expect(output.count < payload.count + payload.count / 1000 + 64)
        #expect(output.capacity <= 2 * output.count + allocatorRounding)
    }

    @Test("refuses arguments outside their ranges, and takes the ends of each")
    func ranges() {
        let refused = [
            (-1, 15, 8), (10, 15, 8), (6, 8, 8), (6, 16, 8), (6, -15, 8), (6, 31, 8), (6, 15, 0), (6, 15, 10),
        ]
        for (level, windowBits, memoryLevel) in refused {
            let isThere = Deflater(level: level, windowBits: windowBits, memoryLevel: memoryLevel) != nil
            #expect(!isThere, "level \(level), window bits \(windowBits), memory level \(memoryLevel)")
        }
        for (level, windowBits, memoryLevel) in [(0, 9, 1), (9, 15, 9), (1, 9, 9), (9, 15, 1)] {
            let isThere = Deflater(level: level, windowBits: windowBits, memoryLevel: memoryLevel) != nil
            #expect(isThere, "level \(level), window bits \(windowBits), memory level \(memoryLevel)")
        }
    }
}
