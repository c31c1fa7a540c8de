/// The compression contexts of connections that keep none between messages: lent for one message, then given back.
///
/// A context takes up to 300 KiB and some microseconds to make, more than most messages take to compress. One pool serves
/// all connections of one event loop, of both roles; it is used on one thread at a time, and keeps no more than
/// ``maxIdle`` contexts for each direction. Where context takeover was agreed on (RFC 7692 §7.1.1) a connection has
/// contexts of its own.
public final class DeflateContextPool {
    /// Contexts that are kept for each direction while nobody uses them. Default: 4, about a mebibyte in all.
    public let maxIdle: Int

    private var deflaters: [DeflaterContext] = []
    private var inflaters: [InflaterContext] = []

    public init(maxIdle: Int = 4) { self.maxIdle = max(0, maxIdle) }

    /// How many contexts nobody uses.
    public var idleCount: Int { self.deflaters.count + self.inflaters.count }

    /// - Returns: `nil` if memory is short.
    func takeDeflater(_ parameters: DeflaterContext.Parameters) -> DeflaterContext? {
        if let index = self.deflaters.lastIndex(where: { $0.parameters == parameters }) {
            return self.deflaters.remove(at: index)
        }
        return DeflaterContext(parameters)
    }

    func give(_ context: DeflaterContext) {
        context.forget()
        self.deflaters.append(context)
        if self.deflaters.count > self.maxIdle { self.deflaters.removeFirst() }
    }

    /// - Returns: `nil` if memory is short.
    func takeInflater(windowBits: Int) -> InflaterContext? {
        if let index = self.inflaters.lastIndex(where: { $0.windowBits == windowBits }) {
            return self.inflaters.remove(at: index)
        }
        return InflaterContext(windowBits: windowBits)
    }

    func give(_ context: InflaterContext) {
        context.inflater.reset()
        self.inflaters.append(context)
        if self.inflaters.count > self.maxIdle { self.inflaters.removeFirst() }
    }
}

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
    @exclusivity(unchecked) private var deflater: Deflater
    @exclusivity(unchecked) private(set) var output: [UInt8] = []

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
    @exclusivity(unchecked) var inflater: Inflater

    /// - Returns: `nil` if memory is short.
    init?(windowBits: Int) {
        guard let inflater = Inflater(windowBits: windowBits) else { return nil }
        self.windowBits = windowBits
        self.inflater = inflater
    }
}
