import Testing
import WebSocketCore
import WebSocketTesting

/// The same bytes, however they are cut into reads, are the same events, output and ending.
@Suite("Ten thousand streams, each cut in several ways")
struct DifferentialTests {
    private static let streams = 10_000

    /// A stream of frames from the peer, mostly allowed, sometimes spoilt.
    private static func stream(_ random: inout SeededGenerator, to role: Role) -> [UInt8] {
        var bytes: [UInt8] = []
        var isInsideMessage = false
        for _ in 0..<(1 + random.next() % 8) {
            var frame: FrameBytes
            switch random.next() % 16 {
            case 0...6:
                let isFinal = random.next() % 2 == 0
                let isText = random.next() % 2 == 0
                let payload =
                    isText ? Array("aé€😀".utf8.prefix(Int(random.next() % 11))) : random.bytes(Int(random.next() % 40))
                frame = FrameBytes(
                    isInsideMessage ? .continuation : (isText ? .text : .binary), payload, isFinal: isFinal)
                isInsideMessage = !isFinal
            case 7...9: frame = .ping(random.bytes(Int(random.next() % 20)))
            case 10...11: frame = .pong(random.bytes(Int(random.next() % 20)))
            case 12: frame = .binary(random.bytes(126 + Int(random.next() % 300)), isFinal: !isInsideMessage)
            case 13: frame = .close(UInt16(truncatingIfNeeded: 995 + random.next() % 25), "bye")
            default: frame = FrameBytes(UInt8(random.next() % 16), random.bytes(Int(random.next() % 6)))
            }
            switch random.next() % 40 {
            case 0: frame.reserved = UInt8(random.next() % 8)
            case 1: frame.isFinal.toggle()
            case 2: frame.lengthForm = .twoBytes
            case 3: frame.claimedLength = random.next() >> (random.next() % 64)
            default: break
            }
            let sender = random.next() % 60 == 0 ? role : role.peer
            bytes += frame.from(sender, mask: MaskingKey(using: &random)).bytes
        }
        // Bytes changed, lost, added.
        if random.next() % 4 == 0, !bytes.isEmpty {
            for _ in 0..<(1 + random.next() % 3) {
                let index = Int(random.next() % UInt64(bytes.count))
                switch random.next() % 3 {
                case 0: bytes[index] ^= 1 << UInt8(random.next() % 8)
                case 1: if bytes.count > 1 { bytes.remove(at: index) }
                default: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: index)
                }
            }
        }
        return bytes
    }

    @Test("the transcript does not depend on how the bytes were cut", arguments: 0..<20)
    func cuts(batch: Int) {
        var limits = Limits(maxMessageBytes: 500, maxFrameBytes: 400)
        (limits.maxFragments, limits.maxConsecutiveEmptyFragments) = (5, 2)
        (limits.controlFramesPerSecond, limits.controlFrameBurst) = (1, 4)
        var failed = 0
        var delivered = 0
        for index in 0..<(Self.streams / 20) {
            let seed = UInt64(batch * Self.streams / 20 + index)
            var random = SeededGenerator(seed: seed)
            let role: Role = random.next() % 2 == 0 ? .server : .client
            let bytes = Self.stream(&random, to: role)
            let whole = Transcript(of: bytes, to: role, limits: limits)
            let most = [2, 7, 30, 90][Int(seed % 4)]
            for delivery in [Transcript.Delivery.byteByByte, .pieces(upTo: most, seed: seed)] {
                let other = Transcript(of: bytes, to: role, in: delivery, limits: limits)
                if other != whole {
                    Issue.record("seed \(seed), \(role), \(delivery): \(other.events) is not \(whole.events)")
                }
            }
            if whole.violation != nil { failed += 1 }
            delivered += whole.messages.count
        }
        // The streams are worth their time only if some are refused and some are not.
        #expect(failed > 50 && failed < 450)
        #expect(delivered > 100)
    }
}
