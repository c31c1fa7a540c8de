import Testing

@testable import WebSocketCore

/// A seeded source of random numbers and payloads: the same seed gives the same test.
struct PayloadGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { self.state = seed }

    /// SplitMix64.
    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// Bytes that do not compress.
    mutating func noise(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        while bytes.count < count { withUnsafeBytes(of: self.next()) { bytes.append(contentsOf: $0) } }
        return Array(bytes.prefix(count))
    }

    /// Bytes that compress like a feed of small JSON objects.
    mutating func json(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            let id = self.next() % 1000
            bytes.append(contentsOf: Array(#"{"id":\#(id),"channel":"news","at":17\#(id)},"#.utf8))
        }
        return Array(bytes.prefix(count))
    }

    /// Cuts `bytes` at random places; some pieces are empty.
    mutating func cut(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
        var pieces: [ArraySlice<UInt8>] = []
        var start = 0
        while start < bytes.count {
            let end = min(bytes.count, start + Int.random(in: 0...max(1, bytes.count / 3), using: &self))
            pieces.append(bytes[start..<end])
            start = end
        }
        return pieces
    }
}

/// One call of `inflate` on a fresh inflater and what came of it.
struct Inflation: Equatable, CustomStringConvertible {
    var outcome: Inflater.Outcome
    var bytes: [UInt8]

    var description: String { "\(self.outcome), \(self.bytes.count) bytes: \(self.bytes.prefix(64))" }
}

/// What an allocator may add to what was asked for: large blocks come in pages.
let allocatorRounding = 8192

enum FixtureFault: Error { case noMemory }

func makeDeflater(level: Int = 6, windowBits: Int = 15, memoryLevel: Int = 8) throws -> Deflater {
    guard let deflater = Deflater(level: level, windowBits: windowBits, memoryLevel: memoryLevel) else {
        throw FixtureFault.noMemory
    }
    return deflater
}

func makeInflater(windowBits: Int = 15) throws -> Inflater {
    guard let inflater = Inflater(windowBits: windowBits) else { throw FixtureFault.noMemory }
    return inflater
}

extension Deflater {
    /// The compressed form of one fragment, by itself a whole message unless said otherwise.
    mutating func compressed(_ payload: [UInt8], isFinal: Bool = true) -> [UInt8] {
        var output: [UInt8] = []
        self.compress(payload.span.bytes, isFinal: isFinal, into: &output)
        return output
    }
}

extension Inflater {
    /// What becomes of one message that arrives in one piece.
    mutating func message(_ payload: [UInt8], limit: Int = 1 << 20) -> Inflation {
        var output: [UInt8] = []
        let outcome = self.inflate(payload.span.bytes, isFinal: true, into: &output, limit: limit)
        return Inflation(outcome: outcome, bytes: output)
    }

    /// What becomes of one message that arrives in `pieces`.
    mutating func message(_ pieces: [ArraySlice<UInt8>], limit: Int = 1 << 20) -> Inflation {
        var output: [UInt8] = []
        var outcome = Outcome.done
        for piece in pieces where outcome == .done {
            outcome = self.inflate(piece.span.bytes, isFinal: false, into: &output, limit: limit)
        }
        if outcome == .done {
            let nothing: [UInt8] = []
            outcome = self.inflate(nothing.span.bytes, isFinal: true, into: &output, limit: limit)
        }
        return Inflation(outcome: outcome, bytes: output)
    }

    /// What becomes of one message that arrives byte by byte.
    mutating func messageByteByByte(_ payload: [UInt8], limit: Int = 1 << 20) -> Inflation {
        self.message(payload.indices.map { payload[$0...$0] }, limit: limit)
    }
}

extension ConnectionDeflate {
    /// A server's, of whom nobody drops a context.
    static var keeping: ConnectionDeflate {
        ConnectionDeflate(
            DeflateSettings(
                agreement: PerMessageDeflate.Agreement(),
                configuration: PerMessageDeflate.Configuration(minimumBytes: 0)),
            role: .server, memory: WorkingMemory())
    }
}
