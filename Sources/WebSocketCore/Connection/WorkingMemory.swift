/// What connections need while a message is under way, lent to one after the other: compression contexts and the memory
/// of large messages.
///
/// A compression context takes up to 300 KiB and some microseconds to make, more than most messages take to compress. A
/// large message is collected in memory that grows, piece by piece, and would be had from the system page by page for
/// each message again. One object serves all connections of one event loop, of both roles; it is used on one thread at a
/// time. Where context takeover was agreed on (RFC 7692 §7.1.1) a connection has contexts of its own.
public final class WorkingMemory {
    /// Contexts that are kept for each direction while nobody uses them. Default: 4, about a mebibyte in all.
    public let maxIdle: Int

    /// Memory of messages that is kept for other messages, in bytes. Default: 2 MiB.
    public let maxMessageBytes: Int

    /// The smallest message whose memory is worth keeping.
    private static let leastMessageBytes = 32 << 10

    private var deflaters: [DeflaterContext] = []
    private var inflaters: [InflaterContext] = []

    private var messages: [[UInt8]] = []
    private var messageBytes = 0

    public init(maxIdle: Int = 4, maxMessageBytes: Int = 2 << 20) {
        self.maxIdle = max(0, maxIdle)
        self.maxMessageBytes = max(0, maxMessageBytes)
    }

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

    // MARK: Messages

    /// Memory for a message of which so many bytes have come: that of an earlier one, if it is a large one.
    func takeMessage(for count: Int) -> [UInt8] {
        guard count >= Self.leastMessageBytes, let message = self.messages.popLast() else { return [] }
        self.messageBytes &-= message.capacity
        return message
    }

    /// A message that nobody needs any more. Its memory is kept for others, if it is worth that and nobody else has it.
    public func give(_ message: consuming [UInt8]) {
        let capacity = message.capacity
        guard capacity >= Self.leastMessageBytes, self.messageBytes &+ capacity <= self.maxMessageBytes else { return }
        // Where somebody else holds it this would be a copy: an empty one, which is not worth keeping.
        message.removeAll(keepingCapacity: true)
        guard message.capacity == capacity else { return }
        self.messageBytes &+= capacity
        self.messages.append(message)
    }
}
