import Testing
import WebSocketTesting

@testable import WebSocketCore

private let roles: [Role] = [.client, .server]

/// What became of an endpoint once its stream has ended too.
private func ending(_ endpoint: inout TestEndpoint) -> Closure.Ending? {
    endpoint.receiveEndOfStream()
    return endpoint.connection.closure?.ending
}

@Suite("A connection's time: deadlines, keep-alive, giving up")
struct WebSocketConnectionTimeTests {
    private static let keepAlive = KeepAlive.Configuration(
        interval: .seconds(10), pongTimeout: .seconds(5), jitterPercent: 0)

    @Test("without keep-alive and without a message in progress there is no deadline", arguments: roles)
    func noDeadline(role: Role) throws {
        var endpoint = TestEndpoint(role: role)
        #expect(endpoint.connection.deadline == nil)
        endpoint.receive(FrameBytes.text("a").from(role.peer).bytes)
        try endpoint.send("b")
        #expect(endpoint.connection.deadline == nil)
    }

    @Test("the deadline is the earliest of all", arguments: roles)
    func earliest(role: Role) {
        var endpoint = TestEndpoint(role: role, keepAlive: Self.keepAlive)
        #expect(endpoint.connection.deadline == Timestamp.zero + .seconds(10))
        endpoint.receive(FrameBytes.text("a", isFinal: false).from(role.peer).bytes)
        #expect(endpoint.connection.deadline == Timestamp.zero + .seconds(10))
        endpoint.close(.normal)
        #expect(endpoint.connection.deadline == Timestamp.zero + .seconds(5))

        var slow = TestEndpoint(role: role, keepAlive: KeepAlive.Configuration(interval: .seconds(100)))
        slow.receive(FrameBytes.text("a", isFinal: false).from(role.peer).bytes)
        #expect(slow.connection.deadline == Timestamp.zero + .seconds(30))
    }

    @Test("the deadline of a message begins with a frame that is not whole, too", arguments: roles)
    func partialFrame(role: Role) {
        var endpoint = TestEndpoint(role: role)
        endpoint.receive(Array(FrameBytes.text("abc").from(role.peer).bytes.dropLast()))
        #expect(endpoint.connection.deadline == Timestamp.zero + .seconds(30))
    }

    @Test("a silent peer gets a ping and then its end", arguments: roles)
    func silentPeer(role: Role) {
        var endpoint = TestEndpoint(role: role, keepAlive: Self.keepAlive)
        endpoint.advance(by: .seconds(10))
        #expect(FrameBytes.frames(in: endpoint.takeOutput()).map(\.opcode) == [9])
        endpoint.advance(by: .seconds(4))
        #expect(endpoint.isClosed == false)
        endpoint.advance(by: .seconds(1))
        #expect(endpoint.isClosed == true)
        #expect(endpoint.connection.closure?.ending == .timedOut(.keepAlive))
        let frames = FrameBytes.frames(in: endpoint.takeOutput())
        #expect(frames.map(\.opcode) == [8])
        #expect(frames.first?.payload.prefix(2) == [0x03, 0xE9])
        #expect(endpoint.connection.deadline == nil)
    }

    @Test("a peer that answers, with a pong or with anything, lives", arguments: roles)
    func livingPeer(role: Role) {
        for answer in [FrameBytes.pong([1]), .text("a"), .ping()] {
            var endpoint = TestEndpoint(role: role, keepAlive: Self.keepAlive)
            for _ in 0..<20 {
                endpoint.advance(by: .seconds(10))
                endpoint.receive(answer.from(role.peer).bytes)
                endpoint.advance(by: .seconds(5))
            }
            #expect(endpoint.isClosed == false)
        }
    }

    @Test("the first bytes of a frame are a sign of life once, not for ever", arguments: roles)
    func leftOverBytes(role: Role) {
        for count in 1...3 {
            var endpoint = TestEndpoint(role: role, keepAlive: Self.keepAlive)
            endpoint.receive(Array(FrameBytes.ping([1, 2, 3]).from(role.peer).bytes.prefix(count)))
            #expect(endpoint.unreadBytes == count)
            endpoint.advance(by: .seconds(10))
            endpoint.advance(by: .seconds(5))
            #expect(endpoint.connection.closure?.ending == .timedOut(.keepAlive), "\(count) bytes")
        }
    }

    @Test("half a frame that grows is a sign of life", arguments: roles)
    func growingFrame(role: Role) {
        let bytes = FrameBytes.ping([1, 2, 3, 4, 5, 6]).from(role.peer).bytes
        var endpoint = TestEndpoint(role: role, keepAlive: Self.keepAlive)
        for byte in bytes.dropLast() {
            endpoint.advance(by: .seconds(10))
            endpoint.receive([byte])
            endpoint.advance(by: .seconds(5))
        }
        #expect(endpoint.isClosed == false)
    }

    @Test("while this end does not read, the peer's silence is no fault", arguments: roles)
    func notReading(role: Role) {
        var endpoint = TestEndpoint(role: role, keepAlive: Self.keepAlive)
        endpoint.connection.setReading(false, now: endpoint.now)
        for _ in 0..<100 { endpoint.advance(by: .seconds(5)) }
        #expect(endpoint.isClosed == false)
        endpoint.connection.setReading(true, now: endpoint.now)
        for _ in 0..<4 { endpoint.advance(by: .seconds(10)) }
        #expect(endpoint.connection.closure?.ending == .timedOut(.keepAlive))
    }

    @Test("a message that waits because this end does not read is not late, nor when it reads again", arguments: roles)
    func notReadingMessage(role: Role) {
        var endpoint = TestEndpoint(role: role)
        endpoint.receive(FrameBytes.text("a", isFinal: false).from(role.peer).bytes)
        endpoint.connection.setReading(false, now: endpoint.now)
        for _ in 0..<20 { endpoint.advance(by: .seconds(10)) }
        #expect(endpoint.connection.isOpen == true)
        endpoint.connection.setReading(true, now: endpoint.now)
        endpoint.advance(by: .seconds(1))
        #expect(endpoint.connection.isOpen == true)
        endpoint.receive(FrameBytes.continuation([0x62]).from(role.peer).bytes)
        #expect(endpoint.takeEvents() == [.text("ab")])
    }

    @Test("the time of a message goes on where it stopped when this end stopped reading", arguments: roles)
    func notReadingPausesTheClock(role: Role) {
        var endpoint = TestEndpoint(role: role)
        endpoint.receive(FrameBytes.text("a", isFinal: false).from(role.peer).bytes)
        endpoint.advance(by: .seconds(1))
        endpoint.connection.setReading(false, now: endpoint.now)
        endpoint.advance(by: .milliseconds(28_900))
        endpoint.connection.setReading(true, now: endpoint.now)
        // 29 of the 30 seconds are left.
        endpoint.advance(by: .milliseconds(28_999))
        #expect(endpoint.connection.isOpen == true)
        endpoint.advance(by: .milliseconds(1))
        #expect(endpoint.connection.isOpen == false)
    }

    @Test("a pong that had come already is not missed when this end reads again", arguments: roles)
    func notReadingPong(role: Role) {
        var endpoint = TestEndpoint(role: role, keepAlive: Self.keepAlive)
        endpoint.advance(by: .seconds(10))
        #expect(FrameBytes.frames(in: endpoint.takeOutput()).map(\.opcode) == [9])
        endpoint.connection.setReading(false, now: endpoint.now)
        endpoint.advance(by: .milliseconds(4_999))
        endpoint.connection.setReading(true, now: endpoint.now)
        endpoint.advance(by: .milliseconds(1))
        #expect(endpoint.connection.isOpen == true)
    }

    @Test("control frames that came while this end did not read were not sent all at once", arguments: roles)
    func notReadingControlFrames(role: Role) {
        let limits = Limits()
        let held = 10
        let count = limits.controlFrameBurst + held * limits.controlFramesPerSecond
        for extra in [0, 1] {
            var endpoint = TestEndpoint(role: role)
            endpoint.connection.setReading(false, now: endpoint.now)
            endpoint.advance(by: .seconds(held))
            endpoint.connection.setReading(true, now: endpoint.now)
            for _ in 0..<(count + extra) { endpoint.receive(FrameBytes.pong().from(role.peer).bytes) }
            #expect(endpoint.connection.isOpen == (extra == 0))
        }
    }

    @Test("once its timer has fired, the deadline lies ahead: no driver spins", arguments: roles, [true, false])
    func noSpin(role: Role, isReading: Bool) {
        var endpoint = TestEndpoint(role: role, keepAlive: KeepAlive.Configuration())
        endpoint.receive(FrameBytes.text("a", isFinal: false).from(role.peer).bytes)
        endpoint.connection.setReading(isReading, now: endpoint.now)
        var turns = 0
        while let deadline = endpoint.connection.deadline, turns < 50 {
            turns += 1
            endpoint.advance(by: deadline.duration(since: endpoint.now))
            let next = endpoint.connection.deadline ?? .distantFuture
            #expect(next > endpoint.now, "turn \(turns)")
            if next <= endpoint.now { return }
        }
    }

    @Test("giving up sends a Close frame where none was sent, and ends", arguments: roles)
    func giveUp(role: Role) {
        var open = TestEndpoint(role: role)
        open.connection.giveUp(.write)
        open.receive([])
        #expect(FrameBytes.frames(in: open.takeOutput()).map(\.opcode) == [8])
        #expect(open.isClosed == true)
        #expect(open.connection.closure?.ending == .timedOut(.write))
        #expect(open.connection.closure?.sent?.code == .goingAway)

        var closing = TestEndpoint(role: role)
        closing.close(.normal)
        _ = closing.takeOutput()
        closing.connection.giveUp(.write)
        closing.receive([])
        let sent = closing.takeOutput()
        #expect(sent.isEmpty)
        #expect(closing.connection.closure?.ending == .timedOut(.write))
        #expect(closing.connection.closure?.sent == Close(.normal))
    }

    @Test("giving up does not rewrite an ending that is certain", arguments: roles)
    func giveUpLate(role: Role) {
        var failed = TestEndpoint(role: role)
        failed.receive([0xFF])
        failed.connection.giveUp(.write)
        failed.receive([])
        #expect(failed.isClosed == true)
        #expect(failed.connection.closure?.ending == .failed(ProtocolViolation(.reservedOpcode(15))))

        var closed = TestEndpoint(role: role)
        closed.receive(FrameBytes.close(1000).from(role.peer).bytes)
        closed.connection.giveUp(.write)
        closed.receive([])
        #expect(closed.isClosed == true)
        #expect(closed.connection.closure?.ending == .clean)

        var ended = TestEndpoint(role: role)
        ended.transportEnded(.broken("reset"))
        ended.connection.giveUp(.write)
        ended.receive([])
        #expect(ended.connection.closure?.ending == .abnormal(.broken("reset")))
    }

    @Test("a timer that is too early, or fires twice, does nothing", arguments: roles)
    func idleTimer(role: Role) {
        var endpoint = TestEndpoint(role: role, keepAlive: Self.keepAlive)
        for _ in 0..<10 { endpoint.advance(by: .zero) }
        endpoint.advance(by: .seconds(9))
        let before = endpoint.takeOutput()
        #expect(before.isEmpty)
        endpoint.advance(by: .seconds(1))
        for _ in 0..<10 { endpoint.advance(by: .zero) }
        #expect(FrameBytes.frames(in: endpoint.takeOutput()).map(\.opcode) == [9])
    }
}

@Suite("A connection's states: everything in every phase")
struct WebSocketConnectionStateTests {
    enum Phase: CaseIterable {
        case open, insideMessage, closing, discarding, closed, broken
    }

    private static func endpoint(_ role: Role, in phase: Phase) -> TestEndpoint {
        var endpoint = TestEndpoint(role: role)
        switch phase {
        case .open: break
        case .insideMessage: endpoint.receive(FrameBytes.text("a", isFinal: false).from(role.peer).bytes)
        case .closing: endpoint.close(.goingAway, "first")
        case .discarding: endpoint.receive([0xFF])
        case .closed: endpoint.receive(FrameBytes.close(1000).from(role.peer).bytes)
        case .broken: endpoint.transportEnded(.broken("reset"))
        }
        _ = endpoint.takeOutput()
        _ = endpoint.takeEvents()
        return endpoint
    }

    @Test("close counts where nothing has ended yet, and once", arguments: roles, Phase.allCases)
    func close(role: Role, phase: Phase) {
        var endpoint = Self.endpoint(role, in: phase)
        endpoint.close(.internalError, "second")
        endpoint.close(.normal, "third")
        let sent = FrameBytes.frames(in: endpoint.takeOutput()).map { $0.from(.server) }
        #expect(sent == (phase == .open || phase == .insideMessage ? [.close(1011, "second")] : []))
    }

    @Test("messages and pings are sent where nothing has ended yet", arguments: roles, Phase.allCases)
    func send(role: Role, phase: Phase) {
        var endpoint = Self.endpoint(role, in: phase)
        let isOpen = phase == .open || phase == .insideMessage
        let result = Result { () throws(SendError) in try endpoint.send("a") }
        switch result {
        case .success: #expect(isOpen)
        case .failure(let error): #expect(!isOpen && error == .closed)
        }
        endpoint.ping(1)
        #expect(FrameBytes.frames(in: endpoint.takeOutput()).map(\.opcode) == (isOpen ? [1, 9] : []))
    }

    @Test("the end of the transport ends every phase, and is told once", arguments: roles, Phase.allCases)
    func transportEnded(role: Role, phase: Phase) {
        var endpoint = Self.endpoint(role, in: phase)
        let wasClosed = endpoint.isClosed
        endpoint.transportEnded(.broken("reset"))
        endpoint.transportEnded(.endOfStream)
        endpoint.receive(FrameBytes.text("late").from(role.peer).bytes)
        #expect(endpoint.isClosed == true)
        let events = endpoint.takeEvents()
        #expect(events.count == (wasClosed ? 0 : 1))
        let expected: Closure.Ending =
            switch phase {
            case .open, .insideMessage, .closing, .broken: .abnormal(.broken("reset"))
            case .discarding: .failed(ProtocolViolation(.reservedOpcode(15)))
            case .closed: .clean
            }
        #expect(endpoint.connection.closure?.ending == expected)
        #expect(endpoint.connection.deadline == nil)
    }

    @Test("nothing is written any more once the transport has ended", arguments: roles)
    func nothingWritten(role: Role) {
        var connection = WebSocketConnection(role: role, configuration: ConnectionConfiguration(), now: .zero)
        connection.ping(1)
        connection.close(Close(.normal), now: .zero)
        connection.transportEnded(.endOfStream)
        var bytes: [UInt8] = []
        var offset = 0
        let step = bytes.withUnsafeMutableBytes { connection.next(in: $0, from: &offset, now: .zero) }
        #expect(step == .closeTransport)
        let next = bytes.withUnsafeMutableBytes { connection.next(in: $0, from: &offset, now: .zero) }
        #expect(next == .needMoreBytes)
    }

    @Test("all the time in the world ends every phase but the open ones", arguments: roles, Phase.allCases)
    func endOfTime(role: Role, phase: Phase) {
        var endpoint = Self.endpoint(role, in: phase)
        for _ in 0..<5 { endpoint.advance(by: .seconds(Int64.max)) }
        #expect(endpoint.isClosed == (phase != .open))
    }

    @Test("an unfinished message is told of once it is finished, and taken once", arguments: roles)
    func takeMessage(role: Role) {
        var connection = WebSocketConnection(role: role, configuration: ConnectionConfiguration(), now: .zero)
        var bytes =
            FrameBytes.text("a", isFinal: false).from(role.peer).bytes
            + FrameBytes.continuation([0x62]).from(role.peer).bytes
        var offset = 0
        let step = bytes.withUnsafeMutableBytes { connection.next(in: $0, from: &offset, now: .zero) }
        #expect(step == .assembledMessage(.text))
        #expect(offset == bytes.count)
        let message = connection.takeMessage()
        #expect(message == [0x61, 0x62])
        let again = connection.takeMessage()
        #expect(again.isEmpty)
    }

    @Test("a whole message is lent from the read buffer, unmasked where it lies", arguments: roles)
    func lent(role: Role) {
        var connection = WebSocketConnection(role: role, configuration: ConnectionConfiguration(), now: .zero)
        var bytes: [UInt8] = [0xAA, 0xAA] + FrameBytes.text("Hello").from(role.peer).bytes + [0x81]
        var offset = 2
        let step = bytes.withUnsafeMutableBytes { connection.next(in: $0, from: &offset, now: .zero) }
        let start = role == .server ? 8 : 4
        #expect(step == .message(.text, start..<(start + 5)))
        #expect(Array(bytes[start..<(start + 5)]) == Array("Hello".utf8))
        #expect(offset == start + 5)
        let held = connection.takeMessage()
        #expect(held.isEmpty)
    }

    @Test("the span and the pointer are two doors to the same room")
    func span() {
        var connection = WebSocketConnection(role: .client, configuration: ConnectionConfiguration(), now: .zero)
        var bytes = FrameBytes.text("Hello").bytes
        var mutable = bytes.mutableSpan
        var raw = mutable.mutableBytes
        var offset = 0
        let step = connection.next(in: &raw, from: &offset, now: .zero)
        #expect(step == .message(.text, 2..<7))
    }

    @Test("an application may close while it is handed a message", arguments: roles)
    func closeDuringDelivery(role: Role) {
        var connection = WebSocketConnection(role: role, configuration: ConnectionConfiguration(), now: .zero)
        var bytes = FrameBytes.text("a").from(role.peer).bytes + FrameBytes.text("b").from(role.peer).bytes
        var offset = 0
        let key = { MaskingKey(word: 1) }
        var steps: [Step] = []
        for _ in 0..<4 {
            steps.append(bytes.withUnsafeMutableBytes { connection.next(in: $0, from: &offset, now: .zero) })
            if steps.count == 1 { connection.close(Close(.normal), now: .zero) }
            if steps.last == .write { connection.writeControlFrames(maskingKey: key) { _, _ in } }
        }
        let header = role == .server ? 6 : 2
        #expect(
            steps == [
                .message(.text, header..<(header + 1)), .write,
                .message(.text, (2 * header + 1)..<(2 * header + 2)), .needMoreBytes,
            ])
    }
}

@Suite("What a connection holds is bounded, whatever arrives")
struct WebSocketConnectionMemoryTests {
    @Test("what is left unread is never more than a header or an unfinished control frame", arguments: roles)
    func unread(role: Role) {
        var random = SeededGenerator(seed: 11)
        let frames: [FrameBytes] = [
            .binary(random.bytes(70_000)), .ping(random.bytes(125)), .text("a", isFinal: false),
            .pong(random.bytes(125)),
            .continuation(Array(repeating: 0x41, count: 300)), .binary([]),
            .close(1000, String(repeating: "r", count: 123)),
        ]
        for size in [1, 2, 7, 130, 1000] {
            var endpoint = TestEndpoint(role: role)
            var rest = frames.flatMap { $0.from(role.peer).bytes }[...]
            var most = 0
            while !rest.isEmpty, !endpoint.isClosed {
                let piece = rest.prefix(size)
                rest = rest.dropFirst(size)
                endpoint.receive(Array(piece))
                most = max(most, endpoint.unreadBytes)
            }
            #expect(most <= 139)
            #expect(endpoint.events.count >= 4)
        }
    }

    @Test("a million empty fragments are refused at the seventeenth", arguments: roles)
    func emptyFragments(role: Role) {
        var endpoint = TestEndpoint(role: role)
        let empty = FrameBytes.continuation([], isFinal: false).from(role.peer).bytes
        let thousand = Array(repeatElement(empty, count: 1000).joined())
        endpoint.receive(FrameBytes.binary([1], isFinal: false).from(role.peer).bytes)
        var refusedAfter: Int?
        for index in 0..<1000 {
            endpoint.receive(thousand)
            if refusedAfter == nil, !endpoint.connection.isOpen { refusedAfter = index }
        }
        #expect(refusedAfter == 0)
        // More than is thrown away in patience: it is over.
        #expect(endpoint.isClosed == true)
        #expect(endpoint.connection.closure?.ending == .failed(ProtocolViolation(.tooManyEmptyFragments(limit: 16))))
        #expect(endpoint.unreadBytes < 1_000_000 * empty.count)
    }

    @Test("fragments of one byte are refused at the limit of fragments", arguments: roles)
    func tinyFragments(role: Role) {
        var limits = Limits()
        limits.maxFragments = 1000
        var endpoint = TestEndpoint(role: role, limits: limits)
        let one = FrameBytes.continuation([1], isFinal: false).from(role.peer).bytes
        endpoint.receive(FrameBytes.binary([1], isFinal: false).from(role.peer).bytes)
        endpoint.receive(Array(repeatElement(one, count: 999).joined()))
        #expect(endpoint.connection.isOpen == true)
        endpoint.receive(one)
        let ending = ending(&endpoint)
        #expect(ending == .failed(ProtocolViolation(.tooManyFragments(limit: 1000))))
    }

    @Test("a flood of pings is refused, its answers bounded, also if all come in one read", arguments: roles)
    func pingFlood(role: Role) {
        let ping = FrameBytes.ping(Array(repeating: 1, count: 125)).from(role.peer).bytes
        var endpoint = TestEndpoint(role: role)
        endpoint.receive(Array(repeatElement(ping, count: 5000).joined()))
        #expect(endpoint.connection.isOpen == false)
        let output = endpoint.takeOutput()
        #expect(output.count <= (Limits().controlFrameBurst + 1) * (125 + 6))
    }

    @Test("a driver that does not write is asked again before anything else is read", arguments: roles)
    func writesFirst(role: Role) {
        var connection = WebSocketConnection(role: role, configuration: ConnectionConfiguration(), now: .zero)
        let ping = FrameBytes.ping([1]).from(role.peer).bytes
        var bytes = Array(repeatElement(ping, count: 50).joined())
        var offset = 0
        for _ in 0..<50 {
            let step = bytes.withUnsafeMutableBytes { connection.next(in: $0, from: &offset, now: .zero) }
            #expect(step == .write)
            #expect(offset == ping.count)
        }
    }

    @Test("a message holds less than twice its bytes while it is collected", arguments: roles)
    func collected(role: Role) {
        var connection = WebSocketConnection(role: role, configuration: ConnectionConfiguration(), now: .zero)
        let part = [UInt8](repeating: 7, count: 1000)
        for index in 0..<100 {
            let frame = FrameBytes(index == 0 ? .binary : .continuation, part, isFinal: index == 99)
            var bytes = frame.from(role.peer).bytes
            var offset = 0
            _ = bytes.withUnsafeMutableBytes { connection.next(in: $0, from: &offset, now: .zero) }
        }
        let message = connection.takeMessage()
        #expect(message.count == 100_000)
        #expect(message.capacity <= 200_064)
    }

    @Test("header lies cost nothing: the largest length allowed allocates nothing", arguments: roles)
    func headerOnly(role: Role) {
        let limits = Limits(maxMessageBytes: .max)
        var connection = WebSocketConnection(
            role: role, configuration: ConnectionConfiguration(limits: limits), now: .zero)
        var bytes = FrameBytes(0x2, [], claimedLength: UInt64(Int64.max)).from(role.peer).bytes
        var offset = 0
        let step = bytes.withUnsafeMutableBytes { connection.next(in: $0, from: &offset, now: .zero) }
        #expect(step == .needMoreBytes)
        let held = connection.takeMessage()
        #expect(held.capacity == 0)
    }

    // MARK: Whole messages, the short way

    private static func server(deflate: DeflateSettings? = nil) -> WebSocketConnection {
        WebSocketConnection(
            role: .server, configuration: ConnectionConfiguration(keepAlive: nil), deflate: deflate, now: .zero)
    }

    /// What the short way writes into so much room; `nil` if it does not.
    private static func whole(
        _ connection: borrowing WebSocketConnection, _ payload: [UInt8], _ kind: MessageKind = .binary, room: Int
    ) -> [UInt8]? {
        var memory = [UInt8](repeating: 0xEE, count: room)
        let count = memory.withUnsafeMutableBytes {
            connection.encodeWhole(payload.span.bytes, as: kind, into: $0)
        }
        #expect(memory[count...].allSatisfy { $0 == 0xEE })
        return count == 0 ? nil : Array(memory[..<count])
    }

    @Test("A whole message is written the short way as it is the long way", arguments: [MessageKind.text, .binary])
    func encodesWhole(kind: MessageKind) {
        let server = Self.server()
        for count in [0, 1, 125, 126, 127, 65_535] {
            let payload = [UInt8](repeating: 0x41, count: count)
            let frame = FrameBytes(kind == .text ? .text : .binary, payload).bytes
            #expect(Self.whole(server, payload, kind, room: count + 4) == frame)
            #expect(Self.whole(server, payload, kind, room: count + 1_000) == frame)
            #expect(Self.whole(server, payload, kind, room: count + 3) == nil)
            #expect(Self.whole(server, payload, kind, room: 0) == nil)
        }
        #expect(Self.whole(server, [UInt8](repeating: 0, count: 65_536), room: 70_000) == nil)
    }

    @Test("The short way is not for clients, compression, between fragments, or behind a Close frame")
    func encodesWholeNotAlways() throws {
        let client = WebSocketConnection(
            role: .client, configuration: ConnectionConfiguration(keepAlive: nil), now: .zero)
        #expect(Self.whole(client, [1], room: 100) == nil)
        let deflate = DeflateSettings(agreement: PerMessageDeflate.Agreement(), configuration: .init())
        #expect(Self.whole(Self.server(deflate: deflate), [1], room: 100) == nil)
        var server = Self.server()
        _ = try server.frame(for: [1].span.bytes, as: .binary, position: .first, maskingKey: nil)
        #expect(Self.whole(server, [1], room: 100) == nil)
        _ = try server.frame(for: [1].span.bytes, as: .binary, position: .last, maskingKey: nil)
        #expect(Self.whole(server, [1], room: 100) == [0x82, 1, 1])
        server.close(Close(.normal), now: .zero)
        #expect(Self.whole(server, [1], room: 100) == nil)
    }
}
