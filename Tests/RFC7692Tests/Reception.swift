import Testing
import WebSocketCore
import WebSocketTesting

extension Role {
    static let both: [Role] = [.client, .server]
}

/// What was agreed: everything compressed, unless said otherwise.
func settings(
    noContextTakeover: Bool = false, windowBits: Int = 15, clientWindowBits: Int? = nil, level: Int = 1,
    minimumBytes: Int = 0
) -> DeflateSettings {
    DeflateSettings(
        agreement: PerMessageDeflate.Agreement(
            serverNoContextTakeover: noContextTakeover, clientNoContextTakeover: noContextTakeover,
            serverMaxWindowBits: windowBits, clientMaxWindowBits: clientWindowBits ?? windowBits),
        configuration: PerMessageDeflate.Configuration(level: level, minimumBytes: minimumBytes))
}

/// A frame that begins a compressed message: RSV1 is set.
func compressed(_ opcode: Opcode, _ payload: [UInt8], isFinal: Bool = true) -> FrameBytes {
    FrameBytes(opcode, payload, isFinal: isFinal, reserved: 4)
}

/// `bytes` in stored DEFLATE blocks of at most `blockBytes` each, made by hand; the empty block's first byte at the end.
func stored(_ bytes: [UInt8], blockBytes: Int = 65_535) -> [UInt8] {
    var result: [UInt8] = []
    var rest = bytes[...]
    while !rest.isEmpty {
        let block = rest.prefix(blockBytes)
        rest = rest.dropFirst(block.count)
        let length = [UInt8(block.count & 0xFF), UInt8(block.count >> 8)]
        result += [0x00] + length + length.map { ~$0 } + block
    }
    return result + [0x00]
}

/// `bytes` as zlib compresses them, each element one message of a stream with context takeover.
func deflated(_ messages: [UInt8]..., level: Int = 6) -> [[UInt8]] {
    guard var deflater = Deflater(level: level, windowBits: 15, memoryLevel: 8) else { return [] }
    return messages.map { message in
        var output: [UInt8] = []
        deflater.compress(message.span.bytes, isFinal: true, into: &output)
        return output
    }
}

/// Gives the frames, as the peer of `role` sends them, to a new endpoint: at once, one byte a read, and in both ways
/// with garbage behind. The same must come of it each time.
func received(
    _ frames: FrameBytes..., by role: Role, limits: Limits = Limits(), deflate: DeflateSettings? = settings(),
    sourceLocation: SourceLocation = #_sourceLocation
) -> Transcript {
    let bytes = frames.flatMap { $0.from(role.peer).bytes }
    let whole = Transcript(of: bytes, to: role, limits: limits, deflate: deflate)
    // While the connection is open, the first byte of a pong is legal everywhere and means nothing yet.
    let garbage: [UInt8] = whole.wasOpen ? [0x8A] : [0xC1, 0x07, 0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]
    for (trailing, delivery) in [([], Transcript.Delivery.byteByByte), (garbage, .whole), (garbage, .byteByByte)] {
        let other = Transcript(of: bytes + trailing, to: role, in: delivery, limits: limits, deflate: deflate)
        #expect(other == whole, "\(delivery), \(trailing.count) bytes behind", sourceLocation: sourceLocation)
    }
    return whole
}

/// The connection was failed for `reason`, with `code` in the Close frame.
func expectFailed(
    _ transcript: Transcript, _ reason: ProtocolViolation.Reason, _ code: UInt16,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(transcript.violation == reason, sourceLocation: sourceLocation)
    #expect(!transcript.wasOpen, sourceLocation: sourceLocation)
    let close = transcript.sentFrames.last
    #expect(close?.opcode == Opcode.close.rawValue, sourceLocation: sourceLocation)
    #expect(close?.payload.prefix(2) == [UInt8(code >> 8), UInt8(code & 0xFF)], sourceLocation: sourceLocation)
}

/// Nothing was wrong: the messages came and the connection stayed open.
func expectMessages(
    _ transcript: Transcript, _ messages: [EndpointEvent], sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(transcript.messages == messages, sourceLocation: sourceLocation)
    #expect(transcript.wasOpen, sourceLocation: sourceLocation)
}
