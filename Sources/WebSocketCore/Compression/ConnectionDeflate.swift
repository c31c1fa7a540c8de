/// What was agreed on permessage-deflate, and how this end makes use of it.
public struct DeflateSettings: Sendable, Hashable {
    public var agreement: PerMessageDeflate.Agreement
    public var configuration: PerMessageDeflate.Configuration

    public init(agreement: PerMessageDeflate.Agreement, configuration: PerMessageDeflate.Configuration) {
        self.agreement = agreement
        self.configuration = configuration
    }
}

/// The compression of one connection: what was agreed on, and where its contexts come from.
final class ConnectionDeflate {
    let settings: DeflateSettings
    private let role: Role
    private let memory: WorkingMemory

    init(_ settings: DeflateSettings, role: Role, memory: WorkingMemory) {
        self.settings = settings
        self.role = role
        self.memory = memory
    }

    // MARK: Sending

    /// Whether a message, or the fragments of one, of which so many bytes are known, is compressed.
    ///
    /// zlib makes no raw stream with a window of 8 bits: whoever agreed to one sends uncompressed messages.
    func compresses(_ payloadBytes: Int, _ position: FramePosition) -> Bool {
        guard self.settings.agreement.canCompress(as: self.role) else { return false }
        return position == .first || payloadBytes >= self.settings.configuration.minimumBytes
    }

    /// Whether each message that this end sends begins with an empty window.
    var dropsSentContext: Bool { self.settings.agreement.dropsContext(of: self.role) }

    /// What makes two compressed forms of a message the same.
    var parameters: DeflaterContext.Parameters {
        DeflaterContext.Parameters(
            level: self.settings.configuration.level, windowBits: self.settings.agreement.windowBits(of: self.role),
            memoryLevel: self.settings.configuration.memoryLevel)
    }

    func takeDeflater() throws(SendError) -> DeflaterContext {
        guard let context = self.memory.takeDeflater(self.parameters) else { throw .outOfMemory }
        return context
    }

    func give(_ context: DeflaterContext) { self.memory.give(context) }

    // MARK: Receiving

    /// Whether each message that the peer sends begins with an empty window.
    var dropsReceivedContext: Bool { self.settings.agreement.dropsContext(of: self.role.peer) }

    func takeInflater() throws(ProtocolViolation) -> InflaterContext {
        // zlib inflates with a window of 9 bits at least.
        let windowBits = max(9, self.settings.agreement.windowBits(of: self.role.peer))
        guard let context = self.memory.takeInflater(windowBits: windowBits) else {
            throw ProtocolViolation(.outOfMemory)
        }
        return context
    }

    func give(_ context: InflaterContext) { self.memory.give(context) }
}

extension PerMessageDeflate.Agreement {
    /// The window of what `role` sends.
    func windowBits(of role: Role) -> Int {
        switch role {
        case .client: self.clientMaxWindowBits
        case .server: self.serverMaxWindowBits
        }
    }

    /// Whether `role` begins each message with an empty window.
    func dropsContext(of role: Role) -> Bool {
        switch role {
        case .client: self.clientNoContextTakeover
        case .server: self.serverNoContextTakeover
        }
    }
}
