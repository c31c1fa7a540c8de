import CBench

/// Who runs on which processor: a server shares its own with nobody.
struct Processors {
    let server: Int
    let generator: Int

    /// By default the first two that this process may run on; one for both if there is only one.
    init(server: Int?, generator: Int?) {
        let allowed = Self.allowed()
        self.server = server ?? allowed.first ?? 0
        self.generator = generator ?? allowed.dropFirst().first ?? self.server
    }

    var areShared: Bool { self.server == self.generator }

    /// Binds the calling thread, and with it the processes that it starts.
    static func bind(to processor: Int) throws(BenchError) {
        var bits = Self.noBits
        if bits.indices.contains(processor / 8) { bits[processor / 8] = 1 << UInt8(processor % 8) }
        guard aloft_set_affinity(bits, bits.count) == 0 else { throw .last("binding to processor \(processor)") }
    }

    private static func allowed() -> [Int] {
        var bits = Self.noBits
        guard aloft_get_affinity(&bits, bits.count) > 0 else { return [] }
        return (0..<bits.count * 8).filter { bits[$0 / 8] & 1 << UInt8($0 % 8) != 0 }
    }

    /// Room for 1,024 processors.
    private static var noBits: [UInt8] { Array(repeating: 0, count: 128) }
}
