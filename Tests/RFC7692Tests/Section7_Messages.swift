import Testing
import WebSocketCore
import WebSocketTesting

@Suite("RFC 7692 §7.2 Compression and decompression of messages")
struct Section7Messages {
    private static let hello = Array("Hello".utf8)

    // MARK: §7.2.3 Examples

    @Test("A message compressed using one compressed DEFLATE block (§7.2.3.1)")
    func oneBlock() {
        let whole: [UInt8] = [0xC1, 0x07, 0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]
        #expect(compressed(.text, Array(whole.dropFirst(2))).bytes == whole)
        for role in Role.both {
            expectMessages(received(compressed(.text, Array(whole.dropFirst(2))), by: role), [.text("Hello")])
            let fragments = received(
                compressed(.text, [0xF2, 0x48, 0xCD], isFinal: false), .continuation([0xC9, 0xC9, 0x07, 0x00]), by: role
            )
            expectMessages(fragments, [.text("Hello")])
        }
    }

    @Test("Sharing the LZ77 sliding window (§7.2.3.2)", arguments: Role.both)
    func sharedWindow(role: Role) {
        let first = compressed(.text, [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00])
        let again = compressed(.text, [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00])
        let shared = compressed(.text, [0xF2, 0x00, 0x11, 0x00, 0x00])
        expectMessages(received(first, shared, shared, again, by: role), Array(repeating: .text("Hello"), count: 4))
    }

    @Test("A DEFLATE block with no compression (§7.2.3.3)", arguments: Role.both)
    func storedBlock(role: Role) {
        let payload: [UInt8] = [0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x00]
        expectMessages(received(compressed(.text, payload), by: role), [.text("Hello")])
        #expect(stored(Self.hello) == payload)
    }

    @Test("A DEFLATE block with BFINAL set to 1 (§7.2.3.4)", arguments: Role.both)
    func finalBlock(role: Role) {
        let final = compressed(.text, [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00])
        expectMessages(received(final, by: role), [.text("Hello")])
        // The window lives on behind it, and more messages of all kinds may follow.
        let shared = compressed(.text, [0xF2, 0x00, 0x11, 0x00, 0x00])
        let plain = compressed(.text, [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00])
        expectMessages(
            received(final, final, shared, plain, .text("Hello"), final, by: role),
            Array(repeating: .text("Hello"), count: 6))
    }

    @Test("Two DEFLATE blocks in one message (§7.2.3.5)", arguments: Role.both)
    func twoBlocks(role: Role) {
        let payload: [UInt8] = [0xF2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xCA, 0xC9, 0xC9, 0x07, 0x00]
        expectMessages(received(compressed(.text, payload), by: role), [.text("Hello")])
    }

    @Test("Generating an empty fragment: the byte 0x00 is an empty message (§7.2.3.6)", arguments: Role.both)
    func empty(role: Role) {
        expectMessages(
            received(compressed(.text, [0x00]), compressed(.binary, [0x00]), by: role), [.text(""), .binary([])])
        let last = received(
            compressed(.text, [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00, 0x00, 0xFF, 0xFF], isFinal: false),
            .continuation([0x00]), by: role)
        expectMessages(last, [.text("Hello")])
    }

    @Test("What is sent for the examples is what the RFC prints (§7.2.3.1, §7.2.3.2, §7.2.3.6)")
    func examplesSent() throws {
        var server = TestEndpoint(role: .server, deflate: settings(level: 6))
        try server.send("Hello")
        #expect(server.takeOutput() == [0xC1, 0x07, 0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00])
        try server.send("Hello")
        #expect(server.takeOutput() == [0xC1, 0x05, 0xF2, 0x00, 0x11, 0x00, 0x00])
        try server.send("")
        #expect(server.takeOutput() == [0xC1, 0x01, 0x00])
        try server.send([], as: .text, position: .first)
        try server.send([], as: .text, position: .last)
        #expect(server.takeOutput() == [0x41, 0x00, 0x80, 0x01, 0x00])
    }

    // MARK: §7.2.1 Compression, §7.2.2 Decompression

    @Test("The last fragment does not end with 00 00 FF FF (§7.2.1)", arguments: 0...9)
    func tailRemoved(level: Int) throws {
        var random = SeededGenerator(seed: UInt64(level))
        var server = TestEndpoint(role: .server, deflate: settings(level: level))
        for size in [1, 5, 100, 1000, 70_000] {
            try server.send(random.bytes(size), as: .binary)
            try server.send([UInt8](repeating: 1, count: size), as: .binary)
            for frame in FrameBytes.frames(in: server.takeOutput()) {
                #expect(frame.reserved == 4)
                #expect(frame.payload.suffix(4) != [0x00, 0x00, 0xFF, 0xFF])
            }
        }
    }

    @Test("A message that its sender ended with the four bytes is understood (§7.2.2)", arguments: Role.both)
    func tailKept(role: Role) {
        let payload: [UInt8] = [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00, 0x00, 0xFF, 0xFF]
        expectMessages(received(compressed(.text, payload), by: role), [.text("Hello")])
        expectMessages(received(compressed(.text, payload + [0x00]), by: role), [.text("Hello")])
    }

    @Test("A message that is empty before the tail is appended is an empty message (§7.2.2)", arguments: Role.both)
    func noPayload(role: Role) {
        expectMessages(received(compressed(.text, []), .text("a"), by: role), [.text(""), .text("a")])
        let fragments = received(compressed(.binary, [], isFinal: false), .continuation([0x00]), by: role)
        expectMessages(fragments, [.binary([])])
    }

    @Test("Any number of stored blocks, empty ones too, make a message (§7.2.2)", arguments: Role.both)
    func manyBlocks(role: Role) {
        var random = SeededGenerator(seed: 3)
        let bytes = random.bytes(3000)
        expectMessages(received(compressed(.binary, stored(bytes, blockBytes: 1)), by: role), [.binary(bytes)])
        let empty: [UInt8] = Array(repeatElement([0x00, 0x00, 0x00, 0xFF, 0xFF], count: 2000).joined()) + [0x00]
        expectMessages(received(compressed(.binary, empty), by: role), [.binary([])])
    }

    @Test(
        "Data that does not inflate fails the connection (§7.2.2)", arguments: Role.both,
        [
            [0x06], [0x07, 0x00],  // block type 3
            [0x00, 0x05, 0x00, 0x00, 0x00, 0x48],  // a length that is not the complement's
            [0x62, 0x01, 0x01, 0x00],  // a distance to before the beginning
            [0xFF, 0xFF, 0xFF, 0xFF, 0xFF], [0x05, 0xE0, 0x81, 0x08, 0x00],
            [0xF2], [0xF2, 0x48, 0xCD],  // cut short
            [0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65],  // a stored block cut short
        ] as [[UInt8]])
    func corrupt(role: Role, payload: [UInt8]) {
        let transcript = received(compressed(.binary, payload), by: role)
        expectFailed(transcript, .corruptDeflateData, 1007)
        #expect(transcript.messages.isEmpty)
    }

    @Test("A message cut at any byte is refused, or is a message that had ended there", arguments: Role.both)
    func truncated(role: Role) {
        let text = Array("Truncated, truncated, truncated and then truncated again.".utf8)
        let payload = deflated(text)[0]
        for count in 1..<(payload.count - 1) {
            let transcript = received(compressed(.text, Array(payload.prefix(count))), by: role)
            #expect(transcript.violation == .corruptDeflateData, "\(count) bytes")
        }
        expectMessages(received(compressed(.text, payload), by: role), [.message(.text, text)])
    }

    @Test("Random bytes never trap nor hang", arguments: UInt64(0)..<200)
    func noise(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let role: Role = seed % 2 == 0 ? .client : .server
        var payload = seed % 3 == 0 ? random.bytes(Int(random.next() % 300)) : deflated(random.bytes(200))[0]
        if !payload.isEmpty {
            payload[Int(random.next() % UInt64(payload.count))] ^= UInt8(truncatingIfNeeded: random.next())
        }
        let limits = Limits(maxMessageBytes: 100_000)
        let transcript = received(compressed(.binary, payload), .binary([1]), by: role, limits: limits)
        #expect(transcript.messages.count == 2 || transcript.violation != nil, "seed \(seed)")
    }

    // MARK: The text inside

    @Test("Text must be valid UTF-8 after it is inflated (RFC 6455 §8.1)", arguments: Role.both)
    func utf8(role: Role) {
        for text in [[0xFF], [0x41, 0xC3], [0xED, 0xA0, 0x80], [0xC3, 0x28]] as [[UInt8]] {
            for payload in [stored(text), deflated(text)[0]] {
                expectFailed(received(compressed(.text, payload), by: role), .textNotUTF8, 1007)
                expectMessages(received(compressed(.binary, payload), by: role), [.binary(text)])
            }
        }
        let valid = Array("κόσμε 😀".utf8)
        for payload in [stored(valid), deflated(valid)[0]] {
            expectMessages(received(compressed(.text, payload), by: role), [.message(.text, valid)])
        }
    }

    @Test("A code point may lie in two fragments and two blocks (RFC 6455 §5.6)", arguments: Role.both)
    func straddling(role: Role) {
        let payload = stored(Array("é€😀".utf8), blockBytes: 1)
        for cut in 0...payload.count {
            let transcript = received(
                compressed(.text, Array(payload[..<cut]), isFinal: false), .continuation(Array(payload[cut...])),
                by: role)
            expectMessages(transcript, [.text("é€😀")])
        }
    }

    @Test(
        "Invalid text is refused as soon as it is inflated, not at the end of the message (RFC 6455 §8.1)",
        arguments: Role.both)
    func failsEarly(role: Role) {
        var endpoint = TestEndpoint(role: role, deflate: settings())
        endpoint.receive(
            compressed(.text, [0x00, 0x01, 0x00, 0xFE, 0xFF, 0xFF], isFinal: false).from(role.peer).bytes)
        #expect(endpoint.connection.isOpen == false)
    }

    // MARK: Limits

    @Test("The limit of a message holds for what is inflated: a bomb is refused (§8)", arguments: Role.both)
    func bomb(role: Role) {
        let bomb = deflated([UInt8](repeating: 0, count: 4 << 20), level: 9)[0]
        #expect(bomb.count < 8000)
        let limits = Limits(maxMessageBytes: 100_000)
        expectFailed(
            received(compressed(.binary, bomb), by: role, limits: limits), .messageTooLarge(limit: 100_000), 1009)
        let half = bomb.count / 2
        let fragments = received(
            compressed(.binary, Array(bomb[..<half]), isFinal: false), .continuation(Array(bomb[half...])), by: role,
            limits: limits)
        expectFailed(fragments, .messageTooLarge(limit: 100_000), 1009)
        // It is refused long before its last byte.
        var endpoint = TestEndpoint(role: role, limits: limits, deflate: settings())
        let bytes = compressed(.binary, bomb).from(role.peer).bytes
        endpoint.receive(Array(bytes.prefix(bytes.count / 4)))
        #expect(endpoint.connection.isOpen == false)
    }

    @Test("A message of exactly the limit is accepted, one byte more is not (§8)", arguments: Role.both)
    func exactLimit(role: Role) {
        for size in [1, 100, 16_384, 16_385, 50_000] {
            let bytes = [UInt8](repeating: 7, count: size)
            let payload = deflated(bytes)[0]
            let exact = Limits(maxMessageBytes: size, maxFrameBytes: 100_000)
            expectMessages(received(compressed(.binary, payload), by: role, limits: exact), [.binary(bytes)])
            let less = Limits(maxMessageBytes: size - 1, maxFrameBytes: 100_000)
            expectFailed(
                received(compressed(.binary, payload), by: role, limits: less), .messageTooLarge(limit: size - 1), 1009)
        }
    }

    @Test(
        "What cannot be compressed may be a little longer on the wire than the message may be (§8)",
        arguments: Role.both)
    func incompressible(role: Role) {
        for size in [1, 1_000, 65_536, 1 << 20] {
            var random = SeededGenerator(seed: UInt64(size))
            let bytes: [UInt8] = (0..<size).map { _ in random.next() }
            let payload = deflated(bytes)[0]
            #expect(payload.count > size)
            let limits = Limits(maxMessageBytes: size)
            expectMessages(received(compressed(.binary, payload), by: role, limits: limits), [.binary(bytes)])
            let frame = FrameBytes.binary(bytes + [0])
            expectFailed(
                received(frame, by: role, limits: limits), .frameTooLarge(bytes: UInt64(size + 1), limit: size), 1009)
        }
    }

    @Test("A message that inflates to less than it seemed takes no more memory than it has bytes", arguments: Role.both)
    func emptyBlocks(role: Role) {
        var endpoint = TestEndpoint(role: role, deflate: .init(agreement: .init(), configuration: .init()))
        let blocks = [UInt8]((0..<1638).flatMap { _ in [0x00, 0x00, 0x00, 0xFF, 0xFF] as [UInt8] })
        endpoint.receive(compressed(.binary, blocks).from(role.peer).bytes)
        guard case .message(.binary, let bytes)? = endpoint.events.first else {
            Issue.record("no message")
            return
        }
        #expect(bytes.isEmpty && bytes.capacity <= 128)
    }

    @Test("The limit of a frame holds for what travels (§8)", arguments: Role.both)
    func frameLimit(role: Role) {
        let limits = Limits(maxMessageBytes: 1000, maxFrameBytes: 10)
        let payload = deflated([UInt8](repeating: 7, count: 500))[0]
        #expect(payload.count <= 10)
        expectMessages(
            received(compressed(.binary, payload), by: role, limits: limits), [.binary(Array(repeating: 7, count: 500))]
        )
        let long = stored(Array(repeating: 7, count: 20))
        expectFailed(
            received(compressed(.binary, long), by: role, limits: limits), .frameTooLarge(bytes: 26, limit: 10), 1009)
    }

    @Test("The limits of fragments hold for compressed messages too (RFC 6455 §10.4)", arguments: Role.both)
    func fragmentLimits(role: Role) {
        var limits = Limits()
        (limits.maxFragments, limits.maxConsecutiveEmptyFragments) = (4, 2)
        let first = compressed(.binary, [0x00, 0x00, 0x00, 0xFF, 0xFF], isFinal: false)
        let block = FrameBytes.continuation([0x00, 0x00, 0x00, 0xFF, 0xFF], isFinal: false)
        expectMessages(received(first, block, block, .continuation([0x00]), by: role, limits: limits), [.binary([])])
        expectFailed(
            received(first, block, block, block, .continuation([0x00]), by: role, limits: limits),
            .tooManyFragments(limit: 4), 1009)
        let empty = FrameBytes.continuation([], isFinal: false)
        expectFailed(
            received(first, empty, empty, empty, by: role, limits: limits), .tooManyEmptyFragments(limit: 2), 1008)
    }

    @Test("After a refusal nothing is inflated any more (RFC 6455 §7.1.7)", arguments: Role.both)
    func nothingAfter(role: Role) {
        let transcript = received(
            compressed(.text, [0x06]), compressed(.text, [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]), by: role)
        expectFailed(transcript, .corruptDeflateData, 1007)
        #expect(transcript.messages.isEmpty)
    }
}
