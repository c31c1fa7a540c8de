import Testing
import WebSocketCore
import WebSocketTesting

@Suite("RFC 7692 §7.1.1 Context takeover, §7.1.2 LZ77 sliding window")
struct Section7Context {
    /// Text that compresses better the more of it was sent before.
    private static func text(_ index: Int) -> [UInt8] {
        Array(
            "{\"type\":\"said\",\"member\":{\"id\":\"c\(index)\",\"name\":\"Ada\"},\"text\":\"message \(index)\"}".utf8)
    }

    @Test("With context takeover a message may refer to the one before (§7.1.1)", arguments: Role.both)
    func takeover(role: Role) {
        let messages = deflated(Self.text(1), Self.text(2), Self.text(3))
        #expect(messages[1].count < messages[0].count / 2)
        let transcript = received(
            compressed(.text, messages[0]), compressed(.text, messages[1]), compressed(.text, messages[2]), by: role)
        expectMessages(transcript, (1...3).map { .message(.text, Self.text($0)) })
    }

    @Test("Uncompressed messages do not enter the window (§7.1.1)", arguments: Role.both)
    func uncompressedBetween(role: Role) {
        let messages = deflated(Self.text(1), Self.text(2))
        let transcript = received(
            compressed(.text, messages[0]), .text("between"), .text("and ", isFinal: false), .continuation([0x21]),
            compressed(.text, messages[1]), by: role)
        expectMessages(
            transcript,
            [.message(.text, Self.text(1)), .text("between"), .text("and !"), .message(.text, Self.text(2))])
    }

    @Test("Without context takeover a message that refers to the one before is corrupt (§7.1.1)", arguments: Role.both)
    func noTakeover(role: Role) {
        let messages = deflated(Self.text(1), Self.text(2))
        let transcript = received(
            compressed(.text, messages[0]), compressed(.text, messages[1]), by: role,
            deflate: settings(noContextTakeover: true))
        expectFailed(transcript, .corruptDeflateData, 1007)
        #expect(transcript.messages == [.message(.text, Self.text(1))])
    }

    @Test("Each direction has its own agreement (§7.1.1)")
    func directions() throws {
        let settings = DeflateSettings(
            agreement: PerMessageDeflate.Agreement(serverNoContextTakeover: true, clientNoContextTakeover: false),
            configuration: PerMessageDeflate.Configuration(minimumBytes: 0))
        var server = TestEndpoint(role: .server, deflate: settings)
        var client = TestEndpoint(role: .client, deflate: settings)
        for index in 1...3 {
            try server.send(Self.text(index), as: .text)
            try client.send(Self.text(index), as: .text)
        }
        let fromServer = FrameBytes.frames(in: server.takeOutput()).map(\.payload.count)
        let fromClient = FrameBytes.frames(in: client.takeOutput()).map(\.payload.count)
        #expect(fromServer[0] == fromClient[0])
        #expect(fromServer[2] > fromServer[0] / 2)
        #expect(fromClient[2] < fromClient[0] / 2)
    }

    @Test(
        "A sender that gave up context takeover makes each message readable by itself (§7.1.1.1)",
        arguments: Role.both)
    func independentMessages(role: Role) throws {
        var endpoint = TestEndpoint(role: role, deflate: settings(noContextTakeover: true))
        for index in 1...3 { try endpoint.send(Self.text(index), as: .text) }
        for (index, frame) in FrameBytes.frames(in: endpoint.takeOutput()).enumerated() {
            let alone = received(frame, by: role.peer)
            expectMessages(alone, [.message(.text, Self.text(index + 1))])
        }
    }

    @Test(
        "Every agreement carries every message, in order, both ways (§7.1)",
        arguments: [true, false], [9, 10, 12, 15])
    func roundTrip(noContextTakeover: Bool, windowBits: Int) throws {
        let settings = settings(noContextTakeover: noContextTakeover, windowBits: windowBits)
        var pair = WiredPair(deflate: settings, wire: .pieces(upTo: 700), seed: UInt64(windowBits))
        var random = SeededGenerator(seed: UInt64(windowBits))
        var expected: [EndpointEvent] = []
        for size in [0, 1, 100, 255, 256, 257, 511, 512, 513, 5000, 40_000] {
            // Repetitions at every distance, far beyond the smallest windows.
            let block = random.bytes(max(1, size / 3))
            let message = Array((block + block + block).prefix(size))
            expected.append(.binary(message))
            try pair.client.send(message, as: .binary)
            try pair.server.send(message, as: .binary)
            pair.run()
        }
        #expect(pair.server.takeEvents() == expected)
        #expect(pair.client.takeEvents() == expected)
    }

    @Test("Fragments of compressed messages carry over, whatever their sizes (§6.1)", arguments: UInt64(0)..<10)
    func fragments(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var pair = WiredPair(
            deflate: settings(noContextTakeover: seed % 2 == 0), wire: .pieces(upTo: 50), seed: seed)
        var expected: [EndpointEvent] = []
        for index in 0..<10 {
            let message = Self.text(index) + random.bytes(Int(random.next() % 100))
            expected.append(.binary(message))
            var rest = message[...]
            var position = FramePosition.first
            let compress = random.next() % 4 != 0
            while !rest.isEmpty {
                let part = rest.prefix(Int(random.next() % 60))
                rest = rest.dropFirst(part.count)
                if rest.isEmpty { position = position == .first ? .whole : .last }
                try pair.client.send(Array(part), as: .binary, position: position, compress: compress)
                position = .middle
            }
            pair.run()
        }
        #expect(pair.server.takeEvents() == expected, "seed \(seed)")
    }

    @Test("The sender keeps within the agreed window (§7.1.2)", arguments: [9, 10, 11, 15])
    func windowKept(windowBits: Int) throws {
        // The same random block twice, at a distance beyond the window: only a larger window would find it again.
        var random = SeededGenerator(seed: 5)
        let block = random.bytes(300)
        let message = block + random.bytes(1 << windowBits) + block
        func sent(_ bits: Int) throws -> Int {
            var server = TestEndpoint(role: .server, deflate: settings(windowBits: bits, level: 9))
            try server.send(message, as: .binary)
            return server.takeOutput().count
        }
        let count = try sent(windowBits)
        #expect(count >= message.count)
        if windowBits < 15 {
            let larger = try sent(15)
            #expect(larger < message.count - 200)
        }
    }

    @Test(
        "An end that agreed to a window of 8 bits sends uncompressed messages, and inflates what comes (§7.1.2)",
        arguments: Role.both)
    func eightBits(role: Role) throws {
        var endpoint = TestEndpoint(role: role, deflate: settings(windowBits: 8))
        let message = [UInt8](repeating: 0x41, count: 5000)
        try endpoint.send(message, as: .binary)
        try endpoint.send(message, as: .binary, position: .first)
        try endpoint.send(message, as: .binary, position: .last)
        let frames = FrameBytes.frames(in: endpoint.takeOutput())
        #expect(frames.map(\.reserved) == [0, 0, 0])
        #expect(frames.allSatisfy { $0.payload == message })

        let hello = compressed(.text, [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00])
        let shared = compressed(.text, [0xF2, 0x00, 0x11, 0x00, 0x00])
        expectMessages(
            received(hello, shared, by: role, deflate: settings(windowBits: 8)), [.text("Hello"), .text("Hello")])
    }

    @Test("Each direction has its own window (§7.1.2)")
    func windowsOfDirections() throws {
        let settings = settings(windowBits: 15, clientWindowBits: 8)
        var client = TestEndpoint(role: .client, deflate: settings)
        var server = TestEndpoint(role: .server, deflate: settings)
        try client.send([UInt8](repeating: 1, count: 100), as: .binary)
        try server.send([UInt8](repeating: 1, count: 100), as: .binary)
        #expect(FrameBytes.frames(in: client.takeOutput()).map(\.reserved) == [0])
        #expect(FrameBytes.frames(in: server.takeOutput()).map(\.reserved) == [4])
    }

    @Test("Long conversations with context takeover stay in step (§7.1.1)", arguments: [true, false])
    func longConversation(noContextTakeover: Bool) throws {
        var pair = WiredPair(deflate: settings(noContextTakeover: noContextTakeover))
        for index in 0..<500 {
            try pair.client.send(Self.text(index), as: .text)
            try pair.server.send(Self.text(index), as: .text)
            if index % 7 == 0 { try pair.client.send(Self.text(index), as: .text, compress: false) }
            pair.run()
        }
        let expected = (0..<500).flatMap { index in
            Array(repeating: EndpointEvent.message(.text, Self.text(index)), count: index % 7 == 0 ? 2 : 1)
        }
        #expect(pair.server.takeEvents() == expected)
        #expect(pair.client.takeEvents().count == 500)
    }
}
