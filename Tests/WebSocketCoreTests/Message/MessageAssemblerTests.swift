import Testing
import WebSocketTesting

@testable import WebSocketCore

@Suite("Assembling messages (RFC 6455 §5.4)")
struct MessageAssemblerTests {
    private enum Outcome: Equatable {
        case message(MessageKind, [UInt8])
        case refused(ProtocolViolation.Reason, atFrame: Int)
    }

    /// Runs the fragments of one message through `assembler`, each payload in pieces of `piece` bytes.
    private static func assemble(
        _ kind: MessageKind, _ fragments: [[UInt8]], limits: Limits = Limits(), piece: Int = .max,
        compressed: Bool = false,
        _ assembler: inout MessageAssembler
    ) -> Outcome {
        for (index, fragment) in fragments.enumerated() {
            let header = FrameHeader(
                opcode: index == 0 ? (kind == .text ? .text : .binary) : .continuation,
                isFinal: index == fragments.count - 1, reservedBits: compressed && index == 0 ? .rsv1 : [],
                payloadBytes: fragment.count)
            do throws(ProtocolViolation) {
                try assembler.beginFrame(header, now: .zero, limits: limits)
                var rest = fragment[...]
                while !rest.isEmpty {
                    let bytes = Array(rest.prefix(piece))
                    rest = rest.dropFirst(bytes.count)
                    try assembler.append(bytes.span.bytes, deflate: ConnectionDeflate.keeping, limits: limits)
                }
                if header.isFinal {
                    let kind = try assembler.finish(deflate: ConnectionDeflate.keeping, limits: limits)
                    return .message(kind, assembler.take())
                }
            } catch { return .refused(error.reason, atFrame: index) }
        }
        return .refused(.continuationWithoutMessage, atFrame: fragments.count)
    }

    private static func assemble(
        _ kind: MessageKind, _ fragments: [[UInt8]], limits: Limits = Limits(), piece: Int = .max
    ) -> Outcome {
        var assembler = MessageAssembler()
        return Self.assemble(kind, fragments, limits: limits, piece: piece, &assembler)
    }

    @Test("joins fragments in order, in pieces of any size", arguments: [1, 2, 3, 1000])
    func joins(piece: Int) {
        let fragments: [[UInt8]] = [[1, 2, 3], [], [4], [5, 6, 7, 8, 9], []]
        #expect(Self.assemble(.binary, fragments, piece: piece) == .message(.binary, [1, 2, 3, 4, 5, 6, 7, 8, 9]))
        let text = [Array("κό".utf8), Array("σμε".utf8)]
        #expect(Self.assemble(.text, text, piece: piece) == .message(.text, Array("κόσμε".utf8)))
    }

    @Test("keeps the limit of the whole message exactly", arguments: 0...4)
    func messageLimit(limit: Int) {
        let limits = Limits(maxMessageBytes: limit)
        let fragments: [[UInt8]] = [[1], [2, 3], [4]]
        let refusedAt = limit == 0 ? 0 : (limit < 3 ? 1 : 2)
        let expected: Outcome =
            limit == 4
            ? .message(.binary, [1, 2, 3, 4]) : .refused(.messageTooLarge(limit: limit), atFrame: refusedAt)
        #expect(Self.assemble(.binary, fragments, limits: limits) == expected)
    }

    @Test("counts the fragments", arguments: [(1, true), (3, true), (4, false)])
    func fragmentLimit(count: Int, isAccepted: Bool) {
        var limits = Limits()
        limits.maxFragments = 3
        let outcome = Self.assemble(.binary, Array(repeating: [1], count: count), limits: limits)
        #expect(
            outcome
                == (isAccepted
                    ? .message(.binary, Array(repeating: 1, count: count))
                    : .refused(.tooManyFragments(limit: 3), atFrame: 3)))
    }

    @Test("counts the empty fragments in a row, the last one not")
    func emptyFragments() {
        var limits = Limits()
        limits.maxConsecutiveEmptyFragments = 2
        #expect(Self.assemble(.binary, [[], [], []], limits: limits) == .message(.binary, []))
        #expect(Self.assemble(.binary, [[], [], [1], [], [], [2]], limits: limits) == .message(.binary, [1, 2]))
        #expect(
            Self.assemble(.binary, [[1], [], [], [], [2]], limits: limits)
                == .refused(.tooManyEmptyFragments(limit: 2), atFrame: 3))
    }

    @Test("validates text as it grows and at its end")
    func text() {
        #expect(Self.assemble(.text, [[0xC3], [0xA9]]) == .message(.text, [0xC3, 0xA9]))
        #expect(Self.assemble(.text, [[0xC3], [0x41], [0x41]]) == .refused(.textNotUTF8, atFrame: 1))
        #expect(Self.assemble(.text, [[0x41], [0xC3]]) == .refused(.textNotUTF8, atFrame: 1))
        #expect(Self.assemble(.binary, [[0x41], [0xC3]]) == .message(.binary, [0x41, 0xC3]))
    }

    @Test("serves one message after another, whatever the one before was")
    func reuse() {
        var assembler = MessageAssembler()
        for round in 0..<3 {
            let outcome = Self.assemble(.text, [[0x41], [0xC3, 0xA9]], &assembler)
            #expect(outcome == .message(.text, [0x41, 0xC3, 0xA9]), "round \(round)")
            #expect(Self.assemble(.binary, [[0xFF], []], &assembler) == .message(.binary, [0xFF]))
        }
        let rest = assembler.take()
        #expect(rest.isEmpty)
    }

    @Test("a message in progress has a deadline, from its first byte on")
    func deadline() throws {
        var assembler = MessageAssembler()
        let limits = Limits()
        #expect(assembler.deadline(limits) == nil)
        let first = FrameHeader(opcode: .binary, isFinal: false, payloadBytes: 0)
        try assembler.beginFrame(first, now: Timestamp(nanoseconds: 7), limits: limits)
        let due = Timestamp(nanoseconds: 7) + limits.assemblyTimeout
        #expect(assembler.deadline(limits) == due)
        let more = FrameHeader(opcode: .continuation, isFinal: true, payloadBytes: 0)
        try assembler.beginFrame(more, now: Timestamp(nanoseconds: 1000), limits: limits)
        #expect(assembler.deadline(limits) == due)
        let kind = try assembler.finish(deflate: ConnectionDeflate.keeping, limits: limits)
        #expect(kind == .binary)
        #expect(assembler.deadline(limits) == nil)
    }

    @Test("holds less than twice what came, and never room beyond the limit")
    func memory() {
        for size in [1, 100, 1000, 5000, 60_000, 100_000] {
            let limits = Limits(maxMessageBytes: 100_000)
            var assembler = MessageAssembler()
            let fragments =
                [[UInt8]](repeating: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], count: size / 10)
                + [[UInt8](repeating: 0, count: size % 10)]
            guard case .message(_, let message) = Self.assemble(.binary, fragments, limits: limits, &assembler) else {
                Issue.record("refused \(size)")
                continue
            }
            #expect(message.count == size)
            // The allocator rounds up, so the bounds are not exact for the smallest and for the limit.
            #expect(message.capacity <= max(64, 2 * size + 64))
            #expect(message.capacity <= 100_000 + 64)
        }
    }

    @Test("a header does not make it allocate what the header promises")
    func noPreallocation() throws {
        var assembler = MessageAssembler()
        let limits = Limits(maxMessageBytes: .max)
        let header = FrameHeader(opcode: .binary, isFinal: true, payloadBytes: .max)
        try assembler.beginFrame(header, now: .zero, limits: limits)
        let held = assembler.take()
        #expect(held.capacity == 0)
    }

    @Test("inflates a compressed message, however it is cut", arguments: [1, 2, 1000])
    func compressed(piece: Int) {
        var assembler = MessageAssembler()
        let hello: [UInt8] = [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]
        for cut in 0...hello.count {
            let fragments = [Array(hello[..<cut]), Array(hello[cut...])]
            let outcome = Self.assemble(.text, fragments, piece: piece, compressed: true, &assembler)
            #expect(outcome == .message(.text, Array("Hello".utf8)))
        }
        let limits = Limits(maxMessageBytes: 4)
        let outcome = Self.assemble(.text, [hello], limits: limits, piece: piece, compressed: true, &assembler)
        #expect(outcome == .refused(.messageTooLarge(limit: 4), atFrame: 0))
    }
}
