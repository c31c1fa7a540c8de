import Testing
import WebSocketTesting

@testable import WebSocketCore

@Suite("Memory that connections lend each other (RFC 7692 §7.1.1)")
struct WorkingMemoryTests {
    private static let text = Array(String(repeating: "the same again, ", count: 100).utf8)

    private static func settings(dropsContext: Bool = true, windowBits: Int = 15) -> DeflateSettings {
        DeflateSettings(
            agreement: PerMessageDeflate.Agreement(
                serverNoContextTakeover: dropsContext, clientNoContextTakeover: dropsContext,
                serverMaxWindowBits: windowBits, clientMaxWindowBits: windowBits),
            configuration: PerMessageDeflate.Configuration(minimumBytes: 0))
    }

    private static func connection(
        _ role: Role, _ pool: WorkingMemory, _ settings: DeflateSettings
    ) -> WebSocketConnection {
        WebSocketConnection(
            role: role, configuration: ConnectionConfiguration(keepAlive: nil), deflate: settings, memory: pool,
            now: .zero)
    }

    /// The frames that `connection` sends for `text`, whole or as two fragments.
    private static func send(_ connection: inout WebSocketConnection, inTwo: Bool) throws -> [UInt8] {
        let half = Self.text.count / 2
        let pieces: [(ArraySlice<UInt8>, FramePosition)] =
            inTwo ? [(Self.text[..<half], .first), (Self.text[half...], .last)] : [(Self.text[...], .whole)]
        var bytes: [UInt8] = []
        for (piece, position) in pieces {
            let payload = Array(piece)
            let key = connection.role == .client ? MaskingKey(word: 7) : nil
            let frame = try connection.frame(
                for: payload.span.bytes, as: .text, position: position, maskingKey: key)
            var encoded = [UInt8](repeating: 0, count: frame.byteCount)
            _ = encoded.withUnsafeMutableBytes { connection.encode(frame, payload.span.bytes, into: $0) }
            bytes += encoded
        }
        return bytes
    }

    /// Gives `bytes` to `connection`, as many at a time, and returns the messages.
    private static func receive(
        _ connection: inout WebSocketConnection, _ bytes: [UInt8], pieceBytes: Int = .max
    ) -> [[UInt8]] {
        var messages: [[UInt8]] = []
        var held: [UInt8] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            held += rest.prefix(pieceBytes)
            rest = rest.dropFirst(pieceBytes)
            var offset = 0
            loop: while true {
                let step = held.withUnsafeMutableBytes { connection.next(in: $0, from: &offset, now: .zero) }
                switch step {
                case .assembledMessage: messages.append(connection.takeMessage())
                case .message(_, let range): messages.append(Array(held[range]))
                default: break loop
                }
            }
            held.removeFirst(offset)
        }
        return messages
    }

    @Test("many connections use one context after the other, and each message stands alone", arguments: [false, true])
    func shared(inTwo: Bool) throws {
        let pool = WorkingMemory()
        var sent: Set<[UInt8]> = []
        for _ in 0..<20 {
            var server = Self.connection(.server, pool, Self.settings())
            for _ in 0..<3 {
                let bytes = try Self.send(&server, inTwo: inTwo)
                var client = Self.connection(.client, pool, Self.settings())
                #expect(Self.receive(&client, bytes, pieceBytes: 7) == [Self.text])
                sent.insert(bytes)
            }
        }
        // Nothing of an earlier message is in a later one.
        #expect(sent.count == 1)
        // One to compress and one to inflate have done it all.
        #expect(pool.idleCount == 2)
    }

    @Test("messages in progress on several connections have contexts of their own, of which few are kept")
    func overlapping() throws {
        let pool = WorkingMemory(maxIdle: 2)
        var first = Self.connection(.client, pool, Self.settings())
        let bytes = try Self.send(&first, inTwo: false)
        #expect(pool.idleCount == 1)
        let half = bytes.count / 2
        var connections: [WebSocketConnectionBox] = []
        for _ in 0..<5 {
            let box = WebSocketConnectionBox(Self.connection(.server, pool, Self.settings()))
            #expect(Self.receive(&box.connection, Array(bytes[..<half])).isEmpty)
            connections.append(box)
        }
        for box in connections {
            #expect(Self.receive(&box.connection, Array(bytes[half...])) == [Self.text])
        }
        #expect(pool.idleCount == 3)
    }

    @Test("a connection that keeps its context gives none away")
    func takeover() throws {
        let pool = WorkingMemory()
        var client = Self.connection(.client, pool, Self.settings(dropsContext: false))
        var server = Self.connection(.server, pool, Self.settings(dropsContext: false))
        let first = try Self.send(&client, inTwo: false)
        let second = try Self.send(&client, inTwo: false)
        #expect(second.count < first.count)
        #expect(Self.receive(&server, first + second) == [Self.text, Self.text])
        #expect(pool.idleCount == 0)
    }

    @Test("windows of different sizes are different contexts")
    func parameters() throws {
        let pool = WorkingMemory()
        for windowBits in [9, 15, 9, 15] {
            var client = Self.connection(.client, pool, Self.settings(windowBits: windowBits))
            var server = Self.connection(.server, pool, Self.settings(windowBits: windowBits))
            #expect(Self.receive(&server, try Self.send(&client, inTwo: false)) == [Self.text])
        }
        #expect(pool.idleCount == 4)
    }

    @Test("a context whose message was corrupt is not lent again as it is")
    func corrupt() throws {
        let pool = WorkingMemory()
        var client = Self.connection(.client, pool, Self.settings())
        let good = try Self.send(&client, inTwo: false)
        let bad = FrameBytes(.text, [0xFF, 0xFF, 0xFF], reserved: 4).from(.client).bytes
        for _ in 0..<3 {
            var broken = Self.connection(.server, pool, Self.settings())
            #expect(Self.receive(&broken, bad).isEmpty)
            let isOpen = broken.isOpen
            #expect(!isOpen)
            var server = Self.connection(.server, pool, Self.settings())
            #expect(Self.receive(&server, good) == [Self.text])
        }
    }

    @Test("a prepared message is compressed once, and its frame is what the connection would send itself")
    func prepared() throws {
        let message = PreparedMessage(Self.text.span.bytes, as: .text)
        #expect(message.byteCount == Self.text.count)
        #expect(message.withPayload { $0.withUnsafeBytes { Array($0) } } == Self.text)
        for windowBits in [15, 9, 15, 12, 9] {
            let pool = WorkingMemory()
            let settings = Self.settings(windowBits: windowBits)
            var server = Self.connection(.server, pool, settings)
            let frame = try #require(try server.preparedFrame(of: message))
            #expect(frame == (try Self.send(&server, inTwo: false)))
            var client = Self.connection(.client, pool, settings)
            #expect(Self.receive(&client, frame) == [Self.text])
        }
        // A second connection with a window known by now needs no context.
        let pool = WorkingMemory()
        let server = Self.connection(.server, pool, Self.settings(windowBits: 12))
        _ = try server.preparedFrame(of: message)
        #expect(pool.idleCount == 0)
    }

    @Test("a prepared message goes uncompressed where that was not negotiated or it is short")
    func preparedUncompressed() throws {
        let message = PreparedMessage("Hello")
        let server = WebSocketConnection(
            role: .server, configuration: ConnectionConfiguration(keepAlive: nil), now: .zero)
        #expect(try server.preparedFrame(of: message) == FrameBytes.text("Hello").bytes)
        let settings = DeflateSettings(
            agreement: PerMessageDeflate.Agreement(serverNoContextTakeover: true), configuration: .init())
        let compressing = Self.connection(.server, WorkingMemory(), settings)
        #expect(try compressing.preparedFrame(of: message) == FrameBytes.text("Hello").bytes)
    }

    @Test("a client, and a server that keeps its context, make a frame of their own")
    func preparedForNobodyElse() throws {
        let message = PreparedMessage(Self.text.span.bytes, as: .text)
        let client = Self.connection(.client, WorkingMemory(), Self.settings())
        #expect(try client.preparedFrame(of: message) == nil)
        let keeping = Self.connection(.server, WorkingMemory(), Self.settings(dropsContext: false))
        #expect(try keeping.preparedFrame(of: message) == nil)
    }

    @Test("a prepared message does not come between fragments, nor behind a Close frame")
    func preparedRefused() throws {
        let message = PreparedMessage("Hello")
        var server = WebSocketConnection(
            role: .server, configuration: ConnectionConfiguration(keepAlive: nil), now: .zero)
        _ = try server.frame(for: [1].span.bytes, as: .binary, position: .first, maskingKey: nil)
        #expect(throws: SendError.messageInProgress) { try server.preparedFrame(of: message) }
        server.close(Close(.normal), now: .zero)
        #expect(throws: SendError.closed) { try server.preparedFrame(of: message) }
    }
}

@Suite("Memory of large messages")
struct MessageMemoryTests {
    /// A message in two frames, of which the first has so many bytes.
    private static func receive(_ count: Int, _ memory: WorkingMemory) -> [UInt8] {
        var connection = WebSocketConnection(
            role: .server, configuration: ConnectionConfiguration(keepAlive: nil), memory: memory, now: .zero)
        let payload = [UInt8](repeating: 7, count: count)
        var bytes =
            FrameBytes(.binary, payload, isFinal: false).from(.client).bytes
            + FrameBytes.continuation([8]).from(.client).bytes
        var offset = 0
        let step = bytes.withUnsafeMutableBytes { connection.next(in: $0, from: &offset, now: .zero) }
        #expect(step == .assembledMessage(.binary))
        let message = connection.takeMessage()
        #expect(message == payload + [8])
        return message
    }

    private static func address(_ message: [UInt8]) -> UnsafeRawPointer? { message.withUnsafeBytes { $0.baseAddress } }

    @Test("is used for the next one")
    func used() {
        let memory = WorkingMemory()
        var address: UnsafeRawPointer?
        func first() -> [UInt8] {
            let message = Self.receive(100_000, memory)
            address = Self.address(message)
            return message
        }
        memory.give(first())
        #expect(Self.address(Self.receive(100_000, memory)) == address)
    }

    @Test("stays whose it is, if somebody has kept the message")
    func kept() {
        let memory = WorkingMemory()
        let first = Self.receive(100_000, memory)
        memory.give(first)
        let second = Self.receive(90_000, memory)
        #expect(Self.address(second) != Self.address(first))
        #expect(first == [UInt8](repeating: 7, count: 100_000) + [8])
    }

    @Test("is not kept beyond the limit, nor for short messages")
    func bounded() {
        let memory = WorkingMemory(maxMessageBytes: 300_000)
        var messages = (0..<3).map { _ in Self.receive(100_000, memory) }
        let addresses = Set(messages.map(Self.address))
        // Passed on, not copied: whoever else held it would have its memory kept from the others.
        while !messages.isEmpty { memory.give(messages.removeLast()) }
        let again = (0..<3).map { _ in Self.receive(100_000, memory) }
        #expect(addresses.contains(Self.address(again[0])))
        memory.give([UInt8](repeating: 0, count: 1_000))
        #expect(memory.takeMessage(for: 100_000).capacity == 0)
        memory.give([UInt8](repeating: 0, count: 50_000))
        #expect(memory.takeMessage(for: 1_000).capacity == 0)
        #expect(memory.takeMessage(for: 100_000).capacity >= 50_000)
    }
}

/// Keeps several connections, which cannot be copied, in an array.
private final class WebSocketConnectionBox {
    var connection: WebSocketConnection

    init(_ connection: consuming WebSocketConnection) { self.connection = connection }
}
