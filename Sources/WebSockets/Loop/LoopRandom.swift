import WebSocketCore

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Android)
import Android
#endif

/// The system's generator, asked for 256 bytes at a time: masking keys, of which each frame of a client takes a fresh
/// one (RFC 6455 §5.3, §10.3), nonces of the opening handshake, pings.
struct LoopRandom: RandomNumberGenerator {
    /// The most that `getentropy` gives at once.
    private static let batch = 256 / MemoryLayout<UInt32>.size

    private var words: [UInt32] = []

    mutating func next() -> UInt64 { UInt64(self.next() as UInt32) << 32 | UInt64(self.next() as UInt32) }

    /// As `next()`, and nothing is thrown away.
    mutating func next() -> UInt32 {
        if let word = self.words.popLast() { return word }
        self.refill()
        return self.words.popLast() ?? 0
    }

    private mutating func refill() {
        self.words.append(contentsOf: repeatElement(0, count: Self.batch))
        let status = self.words.withUnsafeMutableBytes { getentropy($0.baseAddress, $0.count) }
        if status == 0 { return }
        var generator = SystemRandomNumberGenerator()
        for index in self.words.indices { self.words[index] = generator.next() }
    }
}
