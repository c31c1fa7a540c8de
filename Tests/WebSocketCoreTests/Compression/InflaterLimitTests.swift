import Testing
import WebSocketCore

@Suite("What a compressed message may cost (RFC 7692 §8, RFC 6455 §10.4)")
struct InflaterLimitTests {
    private func zeros(_ count: Int, level: Int = 9) throws -> [UInt8] {
        var deflater = try makeDeflater(level: level)
        return deflater.compressed([UInt8](repeating: 0, count: count))
    }

    @Test("a bomb is refused at the limit, in memory bounded by the limit")
    func bomb() throws {
        let bomb = try self.zeros(100 << 20)
        #expect(bomb.count < 110_000)
        for limit in [0, 1, 1000, 64 << 10, 1 << 20] {
            var inflater = try makeInflater()
            var output: [UInt8] = []
            let outcome = inflater.inflate(bomb.span.bytes, isFinal: true, into: &output, limit: limit)
            #expect(outcome == .tooBig)
            #expect(output.count == limit)
            #expect(output.capacity <= limit + allocatorRounding)
            let again = inflater.message([0x00], limit: limit)
            #expect(again == Inflation(outcome: .corrupt, bytes: []), "the stream is lost")
        }
    }

    @Test("exactly the limit is accepted, one byte more is not", arguments: [0, 1, 63, 64, 65, 16384, 16385, 70_000])
    func exactly(size: Int) throws {
        let payload = try self.zeros(size)
        var inflater = try makeInflater()
        let fits = inflater.message(payload, limit: size)
        #expect(fits == Inflation(outcome: .done, bytes: [UInt8](repeating: 0, count: size)))
        let fitsByteByByte = inflater.messageByteByByte(payload, limit: size)
        #expect(fitsByteByByte == fits)

        guard size > 0 else { return }
        inflater.reset()
        let tooBig = inflater.message(payload, limit: size - 1)
        #expect(tooBig == Inflation(outcome: .tooBig, bytes: [UInt8](repeating: 0, count: size - 1)))
        inflater.reset()
        let tooBigByteByByte = inflater.messageByteByByte(payload, limit: size - 1)
        #expect(tooBigByteByByte == tooBig)
    }

    @Test("the limit counts what the output held before")
    func countsWhatWasThere() throws {
        let hello: [UInt8] = [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]
        for (limit, expected) in [(9, Inflater.Outcome.done), (8, .tooBig), (4, .tooBig), (3, .tooBig), (-1, .tooBig)] {
            var inflater = try makeInflater()
            var output: [UInt8] = [1, 2, 3, 4]
            let outcome = inflater.inflate(hello.span.bytes, isFinal: true, into: &output, limit: limit)
            #expect(outcome == expected, "limit \(limit)")
            #expect(output.count == max(4, limit))
            #expect(output.prefix(4) == [1, 2, 3, 4])
        }
    }

    @Test("a full output does not hide an empty rest")
    func emptyRest() throws {
        var inflater = try makeInflater()
        let nothing = inflater.message([0x00], limit: 0)
        #expect(nothing == Inflation(outcome: .done, bytes: []))
        let emptyBlocks: [UInt8] = Array(repeating: [0x00, 0x00, 0x00, 0xFF, 0xFF], count: 1000).flatMap { $0 } + [0]
        let stillNothing = inflater.message(emptyBlocks, limit: 0)
        #expect(stillNothing == Inflation(outcome: .done, bytes: []))
    }

    @Test("the output's capacity stays within twice its content", arguments: [1, 6, 9])
    func capacity(level: Int) throws {
        var random = PayloadGenerator(seed: 5)
        var deflater = try makeDeflater(level: level)
        for size in [0, 1, 30, 64, 100, 1000, 16_000, 16_384, 17_000, 65_536, 100_000, 1_000_000] {
            for payload in [random.json(size), random.noise(size), [UInt8](repeating: 0, count: size)] {
                deflater.reset()
                let compressed = deflater.compressed(payload)
                var inflater = try makeInflater()
                var output: [UInt8] = []
                _ = inflater.inflate(compressed.span.bytes, isFinal: true, into: &output, limit: 1 << 20)
                #expect(output == payload)
                #expect(
                    output.capacity <= 2 * size + (size < 10_000 ? 128 : allocatorRounding),
                    "\(size) bytes, \(compressed.count) compressed")
            }
        }
    }

    /// Each pair of bytes ends a DEFLATE stream. If that cost more than a few instructions it would be an attack.
    @Test("half a million final blocks are a matter of moments, and of no memory")
    func manyFinalBlocks() throws {
        let payload: [UInt8] = Array(repeating: [0x03, 0x00], count: 500_000).flatMap { $0 } + [0x00]
        var inflater = try makeInflater()
        _ = inflater.message(try self.zeros(32 << 10))  // A full window.
        var output: [UInt8] = []
        let outcome = inflater.inflate(payload.span.bytes, isFinal: true, into: &output, limit: 1 << 20)
        #expect(outcome == .done)
        #expect(output.isEmpty)
        #expect(output.capacity <= (16 << 10) + allocatorRounding)
    }

    @Test("random bytes never trap, never exceed the limit, and mean the same however they are cut")
    func randomBytes() throws {
        let seed = UInt64.random(in: 0 ..< .max)
        var random = PayloadGenerator(seed: seed)
        for round in 0..<5000 {
            let limit = Int.random(in: 0...2000, using: &random)
            let payload = random.noise(Int.random(in: 0...200, using: &random))
            try self.expectSame(payload, limit: limit, random: &random, comment: "seed \(seed), round \(round)")
        }
    }

    @Test("damaged messages never trap, never exceed the limit, and mean the same however they are cut")
    func damagedMessages() throws {
        let seed = UInt64.random(in: 0 ..< .max)
        var random = PayloadGenerator(seed: seed)
        for round in 0..<2000 {
            var deflater = try makeDeflater(level: Int.random(in: 0...9, using: &random))
            var payload = deflater.compressed(random.json(Int.random(in: 1...3000, using: &random)))
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let index = Int.random(in: payload.indices, using: &random)
                payload[index] ^= 1 << UInt8.random(in: 0...7, using: &random)
            }
            try self.expectSame(payload, limit: 2500, random: &random, comment: "seed \(seed), round \(round)")
        }
    }

    private func expectSame(
        _ payload: [UInt8], limit: Int, random: inout PayloadGenerator, comment: Comment
    ) throws {
        var inflater = try makeInflater()
        let whole = inflater.message(payload, limit: limit)
        #expect(whole.bytes.count <= limit, comment)
        inflater.reset()
        let pieces = inflater.message(random.cut(payload), limit: limit)
        #expect(pieces == whole, comment)
        inflater.reset()
        let bytes = inflater.messageByteByByte(payload, limit: limit)
        #expect(bytes == whole, comment)
    }
}
