/// A deflater, and what it has made of the last message or fragment.
final class DeflaterContext {
    /// What makes two deflaters the same.
    struct Parameters: Hashable, Sendable {
        /// 1 to 9.
        let level: Int
        /// 9 to 15.
        let windowBits: Int
        /// 1 to 9.
        let memoryLevel: Int
    }

    /// More than this is not kept for the next message.
    private static let maxKeptBytes = 64 << 10

    let parameters: Parameters
    private var deflater: Deflater
    private(set) var output: [UInt8] = []

    /// - Returns: `nil` if memory is short.
    init?(_ parameters: Parameters) {
        guard
            let deflater = Deflater(
                level: parameters.level, windowBits: parameters.windowBits, memoryLevel: parameters.memoryLevel)
        else { return nil }
        self.parameters = parameters
        self.deflater = deflater
    }

    /// Compresses a message, or a fragment of one, to ``output``.
    func compress(_ payload: RawSpan, isFinal: Bool) {
        self.output.removeAll(keepingCapacity: true)
        self.deflater.compress(payload, isFinal: isFinal, into: &self.output)
    }

    /// What was compressed has been used.
    func dropOutput() {
        if self.output.capacity > Self.maxKeptBytes {
            self.output = []
        } else {
            self.output.removeAll(keepingCapacity: true)
        }
    }

    /// The next message begins with an empty window.
    func forget() {
        self.dropOutput()
        self.deflater.reset()
    }
}

/// An inflater that can be lent.
final class InflaterContext {
    let windowBits: Int
    var inflater: Inflater

    /// - Returns: `nil` if memory is short.
    init?(windowBits: Int) {
        guard let inflater = Inflater(windowBits: windowBits) else { return nil }
        self.windowBits = windowBits
        self.inflater = inflater
    }
}
