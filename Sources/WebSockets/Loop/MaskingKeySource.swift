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

/// Fresh masking keys from the system's generator (RFC 6455 §5.3, §10.3), 64 for each call into the system.
struct MaskingKeySource {
    private var words: [UInt32] = []

    mutating func next() -> MaskingKey {
        if let word = self.words.popLast() { return MaskingKey(word: word) }
        self.words = Self.systemWords(64)
        return MaskingKey(word: self.words.popLast() ?? SystemRandomNumberGenerator.word())
    }

    private static func systemWords(_ count: Int) -> [UInt32] {
        var words = [UInt32](repeating: 0, count: count)
        let status = words.withUnsafeMutableBytes { bytes in
            // 256 bytes, the most getentropy gives at once.
            getentropy(bytes.baseAddress, bytes.count)
        }
        return status == 0 ? words : words.map { _ in SystemRandomNumberGenerator.word() }
    }
}

extension SystemRandomNumberGenerator {
    fileprivate static func word() -> UInt32 {
        var generator = SystemRandomNumberGenerator()
        return generator.next()
    }
}
