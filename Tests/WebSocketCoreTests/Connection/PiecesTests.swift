import Testing
import WebSocketTesting

@testable import WebSocketCore

private let roles: [Role] = [.client, .server]

/// What became of an endpoint once its stream has ended too.
private func ending(_ endpoint: inout TestEndpoint) -> Closure.Ending? {
    endpoint.receiveEndOfStream()
    return endpoint.connection.closure?.ending
}

@Suite("Messages that are delivered in pieces (RFC 6455 §5.4)")
struct PiecesTests {
    private static func limits(collected: Int = 100, streamed: Int? = 1 << 20) -> Limits {
        var limits = Limits(maxMessageBytes: collected)
        limits.maxStreamedBytes = streamed
        return limits
    }

    private static func endpoint(
        _ role: Role = .server, _ limits: Limits = Self.limits(), _ delivery: Delivery = .inPieces,
        deflate: DeflateSettings? = nil
    ) -> TestEndpoint {
        var endpoint = TestEndpoint(role: role, limits: limits, deflate: deflate)
        endpoint.connection.delivery = delivery
        return endpoint
    }

    /// The message that the pieces make up, if there is one and they end as they should.
    private static func joined(_ events: [EndpointEvent]) -> EndpointEvent? {
        var bytes: [UInt8] = []
        for (index, event) in events.enumerated() {
            let isLastEvent = index == events.count - 1
            switch event {
            case .message: return events.count == 1 ? event : nil
            case .piece(let kind, let piece, let isLast):
                bytes += piece
                guard isLast == isLastEvent, isLast || !piece.isEmpty else { return nil }
                if isLast { return .message(kind, bytes) }
            case .awaitsDelivery, .pong, .outputShutDown, .closed: return nil
            }
        }
        return nil
    }

    private static let message = [UInt8]((0..<1_000).map { UInt8(truncatingIfNeeded: $0 &* 7) })

    /// One frame, and fragments of several sizes, some of them empty.
    private static let cuts: [[Int]] = [[], [1], [999], [500, 500], [125, 126, 127, 700], [0, 10], [10, 1_000]]

    private static func frames(_ cuts: [Int], _ kind: Opcode = .binary, from role: Role) -> [UInt8] {
        let bounds = [0] + cuts + [Self.message.count]
        return zip(bounds, bounds.dropFirst()).enumerated().flatMap { index, range in
            FrameBytes(
                index == 0 ? kind : .continuation, Array(Self.message[range.0..<range.1]),
                isFinal: index == bounds.count - 2
            ).from(role).bytes
        }
    }

    @Test("join to what was sent, at once and byte by byte", arguments: roles, cuts)
    func joins(role: Role, cuts: [Int]) {
        let wire = Self.frames(cuts, from: role.peer)
        var atOnce = Self.endpoint(role)
        atOnce.receive(wire)
        #expect(Self.joined(atOnce.events) == .binary(Self.message))
        var bytewise = Self.endpoint(role)
        bytewise.receiveByteByByte(wire)
        #expect(Self.joined(bytewise.events) == .binary(Self.message))
        let isOpen = bytewise.connection.isOpen
        #expect(isOpen)
    }

    @Test("a ping between fragments is answered, a message behind the last one is another one")
    func between() {
        var endpoint = Self.endpoint()
        endpoint.receive(FrameBytes.binary([1], isFinal: false).from(.client).bytes)
        endpoint.receive(FrameBytes.ping([9]).from(.client).bytes)
        #expect(endpoint.takeOutput() == FrameBytes.pong([9]).bytes)
        endpoint.receive(FrameBytes.continuation([2]).from(.client).bytes + FrameBytes.text("a").from(.client).bytes)
        #expect(
            endpoint.events == [
                .piece(.binary, [1], isLast: false), .piece(.binary, [2], isLast: true), .text("a"),
            ])
    }

    @Test("a text is validated across pieces")
    func text() {
        let euro = Array("€".utf8)
        var endpoint = Self.endpoint()
        endpoint.receive(FrameBytes(Opcode.text, [euro[0]], isFinal: false).from(.client).bytes)
        endpoint.receive(FrameBytes.continuation(Array(euro[1...])).from(.client).bytes)
        #expect(Self.joined(endpoint.events) == .text("€"))

        var broken = Self.endpoint()
        broken.receive(FrameBytes(Opcode.text, [euro[0]], isFinal: false).from(.client).bytes)
        broken.receive(FrameBytes.continuation([0x41]).from(.client).bytes)
        #expect(ending(&broken) == .failed(ProtocolViolation(.textNotUTF8)))

        var unfinished = Self.endpoint()
        unfinished.receive(FrameBytes(Opcode.text, [euro[0]], isFinal: false).from(.client).bytes)
        unfinished.receive(FrameBytes.continuation([]).from(.client).bytes)
        #expect(ending(&unfinished) == .failed(ProtocolViolation(.textNotUTF8)))
    }

    @Test("more than maxStreamedBytes fails the connection, from the header of the frame that goes beyond it")
    func limit() {
        let limits = Self.limits(streamed: 1_000)
        var exact = Self.endpoint(.server, limits)
        exact.receive(Self.frames([400], from: .client))
        #expect(Self.joined(exact.events) == .binary(Self.message))

        var beyond = Self.endpoint(.server, limits)
        beyond.receive(FrameBytes.binary(Self.message, isFinal: false).from(.client).bytes)
        beyond.receive(Array(FrameBytes.continuation([1]).from(.client).bytes.prefix(6)))
        #expect(ending(&beyond) == .failed(ProtocolViolation(.messageTooLarge(limit: 1_000))))

        var frame = Self.endpoint(.server, limits)
        frame.receive(Array(FrameBytes.binary([UInt8](repeating: 0, count: 1_001)).from(.client).bytes.prefix(8)))
        let tooLarge = ProtocolViolation(.frameTooLarge(bytes: 1_001, limit: 1_000))
        #expect(ending(&frame) == .failed(tooLarge))
    }

    @Test("maxFragments counts what is collected, not what is passed on; empty fragments are counted all the same")
    func fragments() {
        var limits = Self.limits()
        limits.maxFragments = 2
        var endpoint = Self.endpoint(.server, limits)
        endpoint.receive(Self.frames([1, 2, 3, 4, 5], from: .client))
        #expect(Self.joined(endpoint.events) == .binary(Self.message))

        limits.maxConsecutiveEmptyFragments = 1
        var empty = Self.endpoint(.server, limits)
        empty.receive(FrameBytes.binary([], isFinal: false).from(.client).bytes)
        empty.receive(FrameBytes.continuation([], isFinal: false).from(.client).bytes)
        #expect(ending(&empty) == .failed(ProtocolViolation(.tooManyEmptyFragments(limit: 1))))
    }

    @Test("undecided, a message that is not here as a whole waits, and nothing of it is consumed")
    func undecided() {
        let wire = Self.frames([500], from: .client)
        var endpoint = Self.endpoint(.server, Self.limits(), .undecided)
        endpoint.receive(FrameBytes.text("whole").from(.client).bytes + wire)
        #expect(endpoint.takeEvents() == [.text("whole"), .awaitsDelivery])
        #expect(endpoint.unreadBytes == wire.count)
        endpoint.connection.delivery = .inPieces
        endpoint.receive([])
        #expect(Self.joined(endpoint.takeEvents()) == .binary(Self.message))

        endpoint.connection.delivery = .undecided
        endpoint.receive(wire)
        #expect(endpoint.takeEvents() == [.awaitsDelivery])
        endpoint.connection.delivery = .collected
        endpoint.receive([])
        #expect(ending(&endpoint) == .failed(ProtocolViolation(.messageTooLarge(limit: 100))))
    }

    @Test("undecided, a whole frame that is too large to be collected waits as well")
    func undecidedFrame() {
        var endpoint = Self.endpoint(.server, Self.limits(), .undecided)
        endpoint.receive(Self.frames([], from: .client))
        #expect(endpoint.takeEvents() == [.awaitsDelivery])
        endpoint.connection.delivery = .inPieces
        endpoint.receive([])
        #expect(Self.joined(endpoint.takeEvents()) == .binary(Self.message))
    }

    @Test("what was collected so far is the first piece", arguments: [1, 50, 99])
    func switching(collected: Int) {
        let message = [UInt8](0..<100)
        var endpoint = Self.endpoint(.server, Self.limits(), .collected)
        let wire = FrameBytes.binary(message).from(.client).bytes
        endpoint.receive(Array(wire.prefix(6 + collected)))
        #expect(endpoint.events.isEmpty)
        endpoint.connection.delivery = .inPieces
        endpoint.receive(Array(wire.dropFirst(6 + collected)))
        #expect(
            endpoint.events == [
                .piece(.binary, Array(message[..<collected]), isLast: false),
                .piece(.binary, Array(message[collected...]), isLast: true),
            ])
    }

    @Test("the time for the next piece begins with each piece")
    func time() {
        var endpoint = Self.endpoint()
        endpoint.receive(FrameBytes.binary([1], isFinal: false).from(.client).bytes)
        endpoint.advance(by: .seconds(29))
        endpoint.receive(FrameBytes.continuation([1], isFinal: false).from(.client).bytes)
        endpoint.advance(by: .seconds(29))
        let isOpen = endpoint.connection.isOpen
        #expect(isOpen)
        endpoint.advance(by: .seconds(1))
        #expect(
            ending(&endpoint) == .failed(ProtocolViolation(.messageTooSlow(limit: .seconds(30)))))
    }
}

@Suite("Compressed messages that are delivered in pieces (RFC 7692 §7.2.2)")
struct CompressedPiecesTests {
    private static let settings = DeflateSettings(agreement: .init(), configuration: .init(minimumBytes: 0))

    private static func receive(_ message: [UInt8], streamed: Int, byteByByte: Bool) throws -> TestEndpoint {
        var sender = TestEndpoint(role: .client, deflate: Self.settings)
        try sender.send(message, as: .binary)
        var limits = Limits(maxMessageBytes: 100)
        limits.maxStreamedBytes = streamed
        var receiver = TestEndpoint(role: .server, limits: limits, deflate: Self.settings)
        receiver.connection.delivery = .inPieces
        let wire = sender.takeOutput()
        if byteByByte { receiver.receiveByteByByte(wire) } else { receiver.receive(wire) }
        return receiver
    }

    @Test("a bomb becomes many small pieces", arguments: [true, false])
    func bomb(byteByByte: Bool) throws {
        let message = [UInt8](repeating: 0x41, count: 4 << 20)
        let receiver = try Self.receive(message, streamed: 4 << 20, byteByByte: byteByByte)
        var count = 0
        var isOver = false
        for event in receiver.events {
            switch event {
            case .piece(_, let piece, let isLast):
                #expect(piece.count <= 64 << 10 + 256 * 1_032 && !isOver)
                count += piece.count
                isOver = isLast
            case .message(_, let rest):
                count += rest.count
                isOver = true
            case _: Issue.record("\(event)")
            }
        }
        #expect(count == message.count && isOver)
        #expect(receiver.events.count > 10)
    }

    @Test("more than maxStreamedBytes fails the connection", arguments: [true, false])
    func limit(byteByByte: Bool) throws {
        var receiver = try Self.receive(
            [UInt8](repeating: 0x41, count: 1 << 20), streamed: 1 << 20 - 1, byteByByte: byteByByte)
        let violation = ProtocolViolation(.messageTooLarge(limit: 1 << 20 - 1))
        #expect(ending(&receiver) == .failed(violation))
    }

    @Test("the message after it uses the same context")
    func context() throws {
        var sender = TestEndpoint(role: .client, deflate: Self.settings)
        let message = Array("the same words, the same words, the same words".utf8)
        var limits = Limits(maxMessageBytes: 10)
        limits.maxStreamedBytes = 1_000
        var receiver = TestEndpoint(role: .server, limits: limits, deflate: Self.settings)
        receiver.connection.delivery = .inPieces
        for _ in 0..<3 {
            try sender.send(message, as: .text)
            receiver.receive(sender.takeOutput())
            var received: [UInt8] = []
            for event in receiver.takeEvents() {
                switch event {
                case .piece(_, let piece, _), .message(_, let piece): received += piece
                case _: Issue.record("\(event)")
                }
            }
            #expect(received == message)
        }
    }
}
