import Testing
import WebSocketCore

@Suite("Deflater to Inflater")
struct CompressionRoundTripTests {
    private static let sizes = [
        0, 1, 2, 3, 4, 5, 6, 7, 15, 16, 17, 63, 64, 65, 125, 126, 127, 255, 256, 257, 511, 512, 513, 1023, 1024, 1025,
        4095, 4096, 4097, 16_383, 16_384, 16_385, 32_767, 32_768, 32_769, 65_535, 65_536, 70_000,
    ]

    struct Setting: CustomTestStringConvertible {
        var level = 6
        var windowBits = 15
        var memoryLevel = 8
        var takesOver = true
        var testDescription: String {
            "level \(self.level), window \(self.windowBits), memory \(self.memoryLevel), takeover \(self.takesOver)"
        }
    }

    static let settings: [Setting] =
        (0...9).map { Setting(level: $0) }
        + (9...15).flatMap { bits in [true, false].map { Setting(windowBits: bits, takesOver: $0) } }
        + (1...9).map { Setting(level: 1, windowBits: 9, memoryLevel: $0) }

    @Test("every size comes back", arguments: settings)
    func everySize(_ setting: Setting) throws {
        var random = PayloadGenerator(seed: 1)
        var deflater = try makeDeflater(
            level: setting.level, windowBits: setting.windowBits, memoryLevel: setting.memoryLevel)
        var inflater = try makeInflater(windowBits: setting.windowBits)
        for size in Self.sizes {
            for payload in [random.json(size), random.noise(size), [UInt8](repeating: 0x61, count: size)] {
                let compressed = deflater.compressed(payload)
                let message = inflater.message(compressed, limit: size)
                #expect(message == Inflation(outcome: .done, bytes: payload), "\(size) bytes")
                guard !setting.takesOver else { continue }
                deflater.reset()
                inflater.reset()
            }
        }
    }

    @Test("fragments cut at random come back, received in pieces cut at random", arguments: [9, 12, 15])
    func randomCuts(windowBits: Int) throws {
        let seed = UInt64.random(in: 0 ..< .max)
        var random = PayloadGenerator(seed: seed)
        var deflater = try makeDeflater(level: 1, windowBits: windowBits)
        var inflater = try makeInflater(windowBits: windowBits)
        for round in 0..<200 {
            let size = Int.random(in: 0...5000, using: &random)
            let payload = Bool.random(using: &random) ? random.json(size) : random.noise(size)
            var compressed: [UInt8] = []
            for fragment in random.cut(payload) {
                deflater.compress(fragment.span.bytes, isFinal: false, into: &compressed)
            }
            deflater.compress([UInt8]().span.bytes, isFinal: true, into: &compressed)
            let message = inflater.message(random.cut(compressed), limit: size)
            #expect(message == Inflation(outcome: .done, bytes: payload), "seed \(seed), round \(round)")
        }
    }

    @Test("a larger window than the sender's is always right")
    func largerWindow() throws {
        var random = PayloadGenerator(seed: 2)
        for windowBits in 9...15 {
            var deflater = try makeDeflater(windowBits: windowBits)
            for inflaterBits in windowBits...15 {
                deflater.reset()
                var inflater = try makeInflater(windowBits: inflaterBits)
                for _ in 0..<3 {
                    let payload = random.json(40_000)
                    let compressed = deflater.compressed(payload)
                    let message = inflater.message(compressed)
                    #expect(message == Inflation(outcome: .done, bytes: payload), "\(windowBits) to \(inflaterBits)")
                }
            }
        }
    }

    @Test("an absent stream takes no more room than a pointer and a flag")
    func size() {
        #expect(MemoryLayout<Deflater?>.size == MemoryLayout<Int>.size)
        #expect(MemoryLayout<Inflater?>.size <= 2 * MemoryLayout<Int>.size)
    }
}
