// A connection after the opening handshake, in both roles: arbitrary bytes from the peer, and a few acts of this end.
//
// Holds that
// - nothing traps, every step is followed by progress, and the end is told exactly once;
// - what happens, message by message and frame by frame, does not depend on how the bytes are cut, but for compressed
//   messages that refer back further than their small window, which zlib understands while the bytes are at hand;
// - what a connection retains is bounded by its limits;
// - a text message is UTF-8, no message exceeds its limit, no frame follows a Close frame;
// - a frame header that is written again has the same bytes, and so has its payload;
// - the messages received can be sent on, in fragments, compressed or not, and arrive as they are.

import WebSocketCore

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzFrames(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    var choices = Choices(start, count)
    let scenario = Scenario(&choices)
    let wire = choices.rest

    checkHeaders(wire)
    // Byte by byte is strictest: of a compressed message nothing but the window is at hand.
    let strictest = Driver.run(scenario, wire, .byteByByte)
    for cuts in [Cuts.atOnce, .random(seed: scenario.seed)] {
        let record = Driver.run(scenario, wire, cuts)
        if scenario.hasSmallWindow, strictest.closure?.ending == .failed(.init(.corruptDeflateData)) {
            require(record.messages.starts(with: strictest.messages), "\(cuts): \(record), not \(strictest)")
        } else {
            require(
                record == strictest,
                "\(cuts): \(record), not \(strictest); events \(difference(record.events, strictest.events))")
        }
    }
    checkRetained(scenario, wire)
    checkSentOn(strictest.messages, scenario)
    return 0
}

/// Whose connection it is, what was agreed on, and what this end does at which byte.
struct Scenario {
    enum Act {
        case ping
        case close
        case timePasses(Duration)
        case stopReading
        case startReading
        case giveUp
    }

    var role: Role
    var seed: UInt8
    var deflate: DeflateSettings?
    var configuration: ConnectionConfiguration
    /// How messages are delivered that are not here as a whole.
    var delivery: Delivery
    var acts: [(offset: Int, act: Act)] = []

    init(_ choices: inout Choices) {
        let flags = choices.next()
        self.role = flags & 1 == 0 ? .server : .client
        self.seed = choices.next()
        self.deflate = Self.deflate((flags >> 1) & 7)
        self.configuration = ConnectionConfiguration(limits: Self.limits((flags >> 4) & 3))
        self.delivery = flags & 0x80 == 0 ? .collected : .inPieces
        guard flags & 0x40 != 0 else { return }
        for _ in 0..<3 {
            let offset = Int(choices.next())
            let kind = choices.next()
            self.acts.append((offset, Self.act(kind)))
        }
    }

    /// Whether what the peer compresses has a smaller window than the largest there is.
    var hasSmallWindow: Bool {
        guard let agreement = self.deflate?.agreement else { return false }
        return min(agreement.serverMaxWindowBits, agreement.clientMaxWindowBits) < 15
    }

    private static func deflate(_ choice: UInt8) -> DeflateSettings? {
        let agreements: [PerMessageDeflate.Agreement] = [
            .init(), .init(serverNoContextTakeover: true, clientNoContextTakeover: true),
            .init(serverMaxWindowBits: 9, clientMaxWindowBits: 8), .init(clientNoContextTakeover: true),
        ]
        guard choice > 3 else { return nil }
        return DeflateSettings(agreement: agreements[Int(choice) - 4], configuration: .init(minimumBytes: 0))
    }

    private static func limits(_ choice: UInt8) -> Limits {
        var limits = Limits()
        switch choice {
        case 1:
            limits = Limits(maxMessageBytes: 200, maxFrameBytes: 130)
            limits.maxFragments = 4
            limits.maxConsecutiveEmptyFragments = 1
            limits.controlFrameBurst = 3
            limits.maxDiscardedBytes = 8
        case 2:
            limits = Limits(maxMessageBytes: 300, maxFrameBytes: 70_000)
            limits.controlFramesPerSecond = 1
            limits.controlFrameBurst = 1
        case 3:
            limits = Limits(maxMessageBytes: 0)
            limits.maxFragments = 0
            limits.controlFramesPerSecond = .max
            limits.controlFrameBurst = .max
        default: break
        }
        return limits
    }

    private static func act(_ kind: UInt8) -> Act {
        switch kind & 7 {
        case 0: .ping
        case 1: .close
        case 2: .stopReading
        case 3: .startReading
        case 4: .giveUp
        default: .timePasses(.seconds(Int(kind >> 3)))
        }
    }
}

// MARK: - Headers

/// Reads the bytes as frames and writes them again.
private func checkHeaders(_ wire: [UInt8]) {
    var offset = 0
    while true {
        let rest = ExactBytes(wire[offset...])
        guard case .header(let header, let headerBytes) = FrameHeader.decode(rest.memory.bytes) else { return }
        require(header.headerBytes == headerBytes, "\(headerBytes) bytes of header, not \(header.headerBytes)")
        let written = ExactBytes(count: headerBytes)
        header.encode(into: written.memory)
        require(written.bytes == Array(wire[offset..<(offset + headerBytes)]), "another header: \(written.bytes)")

        let start = offset + headerBytes
        guard header.payloadBytes <= UInt64(wire.count - start) else { return }
        let end = start + Int(header.payloadBytes)
        let payload = ExactBytes(wire[start..<end])
        header.maskingKey?.apply(to: payload.memory)
        let frame = ExactBytes(count: end - offset)
        let count = header.encode(payload.memory.bytes, into: frame.memory)
        require(count == end - offset && frame.bytes == Array(wire[offset..<end]), "another frame: \(frame.bytes)")
        offset = end
    }
}

// MARK: - Bounded memory

/// Counts what is allocated, as the bytes arrive, beyond what was before the connection.
private func checkRetained(_ scenario: Scenario, _ wire: [UInt8]) {
    let limits = scenario.configuration.limits
    // A message in an array that grows by doubling, a deflate stream with its window, control frames, the closure.
    // What is inflated for one piece.
    let piece = scenario.deflate == nil || scenario.delivery == .collected ? 0 : 1 << 20
    let allowance = 2 * limits.maxMessageBytes + (scenario.deflate == nil ? 8 << 10 : 64 << 10) + piece
    let before = allocatedBytes()
    for cuts in [Cuts.atOnce, .random(seed: scenario.seed)] {
        Driver.run(scenario, wire, cuts) { connectionBytes in
            require(connectionBytes <= allowance, "\(connectionBytes) bytes retained, the allowance is \(allowance)")
        }
    }
    // What a deflate stream or a record costs is gone with the connection.
    let kept = allocatedBytes() - before
    require(kept <= 4096, "\(kept) bytes stay allocated after the connections")
}

// MARK: - Sending

/// Sends every message from the peer's side to ours, in fragments; the masked, compressed bytes are cut at random.
private func checkSentOn(_ messages: [Message], _ scenario: Scenario) {
    guard !messages.isEmpty else { return }
    let configuration = ConnectionConfiguration()
    let sender = scenario.role.peer
    var random = SeededGenerator(seed: scenario.seed)
    var connection = WebSocketConnection(
        role: sender, configuration: configuration, deflate: scenario.deflate, now: .zero)
    var wire: [UInt8] = []
    for message in messages {
        let ends = Cuts.random(seed: UInt8(truncatingIfNeeded: random.next())).ends(message.bytes.count).suffix(3)
        var start = 0
        for end in ends {
            let isLast = end == message.bytes.count
            let position: FramePosition = start == 0 ? (isLast ? .whole : .first) : (isLast ? .last : .middle)
            if start == 0, !isLast, end == 0 { continue }  // An empty first fragment would look like a whole message.
            let fragment = ExactBytes(message.bytes[start..<end])
            let maskingKey = sender == .client ? MaskingKey(using: &random) : nil
            do throws(SendError) {
                let frame = try connection.frame(
                    for: fragment.memory.bytes, as: message.kind, position: position, compress: random.next() & 7 != 0,
                    maskingKey: maskingKey)
                let bytes = ExactBytes(count: frame.byteCount)
                let written = connection.encode(frame, fragment.memory.bytes, into: bytes.memory)
                require(written == frame.byteCount, "\(written) bytes written, not \(frame.byteCount)")
                wire.append(contentsOf: bytes.memory)
            } catch { require(false, "not sent: \(error)") }
            start = end
        }
    }

    var received = scenario
    received.configuration = configuration
    received.acts = []
    received.delivery = .collected
    let record = Driver.run(received, wire, .random(seed: scenario.seed))
    require(record.messages == messages, "\(record); messages \(difference(record.messages, messages))")
}
