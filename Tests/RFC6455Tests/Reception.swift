import Testing
import WebSocketCore
import WebSocketTesting

extension Role {
    static let both: [Role] = [.client, .server]
}

/// Gives the frames, as the peer of `role` sends them, to a new endpoint: at once, one byte a read, and in both ways
/// with garbage behind. The same must come of it each time.
func received(
    _ frames: FrameBytes..., by role: Role, limits: Limits = Limits(),
    sourceLocation: SourceLocation = #_sourceLocation,
    prepare: (inout TestEndpoint) -> Void = { _ in }
) -> Transcript {
    let bytes = frames.flatMap { $0.from(role.peer).bytes }
    return received(bytes: bytes, by: role, limits: limits, sourceLocation: sourceLocation, prepare: prepare)
}

/// The same for bytes that are sent as they are.
func received(
    bytes: [UInt8], by role: Role, limits: Limits = Limits(), sourceLocation: SourceLocation = #_sourceLocation,
    prepare: (inout TestEndpoint) -> Void = { _ in }
) -> Transcript {
    let whole = Transcript(of: bytes, to: role, limits: limits, prepare: prepare)
    // While the connection is open, the first byte of a pong is legal everywhere and means nothing yet. Once it is
    // closing, nothing that comes may make a difference.
    var random = SeededGenerator(seed: UInt64(bytes.count))
    let garbage = whole.wasOpen ? [0x8A] : [0x81, 0x01, 0x41, 0x89, 0x00] + random.bytes(40)
    for (trailing, delivery) in [([], Transcript.Delivery.byteByByte), (garbage, .whole), (garbage, .byteByByte)] {
        let other = Transcript(of: bytes + trailing, to: role, in: delivery, limits: limits, prepare: prepare)
        #expect(other == whole, "\(delivery), \(trailing.count) bytes behind", sourceLocation: sourceLocation)
    }
    return whole
}

/// The connection was failed for `reason`: a Close frame with `code` is the last that was sent, this side of the stream
/// was ended behind it, and the application was told why.
func expectFailed(
    _ transcript: Transcript, _ reason: ProtocolViolation.Reason, _ code: UInt16,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(transcript.violation == reason, sourceLocation: sourceLocation)
    #expect(transcript.closeCode == code, sourceLocation: sourceLocation)
    #expect(!transcript.wasOpen, sourceLocation: sourceLocation)
    let end: [EndpointEvent] = [.outputShutDown] + (transcript.closure.map { [.closed($0)] } ?? [])
    #expect(Array(transcript.events.suffix(2)) == end, sourceLocation: sourceLocation)
}

/// Nothing was wrong: the messages came and the connection stayed open.
func expectMessages(
    _ transcript: Transcript, _ messages: [EndpointEvent], sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(transcript.messages == messages, sourceLocation: sourceLocation)
    #expect(transcript.wasOpen, sourceLocation: sourceLocation)
    #expect(transcript.violation == nil, sourceLocation: sourceLocation)
}

extension Transcript {
    /// The code in the Close frame, if that was the last frame sent; 0 if it had none.
    var closeCode: UInt16? {
        guard let last = self.sentFrames.last, last.opcode == Opcode.close.rawValue else { return nil }
        return last.payload.prefix(2).reduce(0) { $0 << 8 | UInt16($1) }
    }
}
