#if os(Linux)
import Testing

@testable import LinuxTransport

@Suite("Bytes that wait to be sent")
struct OutputBufferTests {
    @Test("come out as they went in, however they are appended and taken", arguments: 0..<8)
    func model(seed: Int) {
        var random = Seeded(state: UInt64(seed) + 1)
        let buffer = OutputBuffer()
        var model: [UInt8] = []
        var next: UInt8 = 0
        for _ in 0..<300 {
            if random.below(3) > 0 {
                let count = random.below(random.below(10) == 0 ? 20_000 : 300)
                let bytes = (0..<count).map { _ in
                    next &+= 1
                    return next
                }
                if random.below(2) == 0 {
                    bytes.withUnsafeBytes { buffer.append($0) }
                } else {
                    // More room than is filled.
                    let room = buffer.room(for: count + 50)
                    #expect(room.count == count + 50)
                    bytes.withUnsafeBytes { room.copyMemory(from: $0) }
                    buffer.append(count)
                }
                model += bytes
            } else {
                let count = min(model.count, random.below(40_000))
                buffer.removeFirst(count)
                model.removeFirst(count)
            }
            #expect(buffer.count == model.count)
            guard Array(buffer.bytes) == model else {
                Issue.record("other bytes")
                return
            }
        }
        // No more memory than twice what was ever held at one time.
        #expect(buffer.capacity < 1 << 22)
    }

    @Test("a pool keeps no more than 4 MiB, and no large buffer")
    func pool() {
        var pool = OutputBufferPool()
        let large = OutputBuffer()
        _ = large.room(for: OutputBufferPool.largest + 1)
        pool.give(large)
        #expect(pool.count == 0 && pool.byteCount == 0)
        let buffers = (0..<2_000).map { _ in OutputBuffer() }
        for buffer in buffers {
            buffer.append(7)
            pool.give(buffer)
        }
        #expect(pool.count == 1_024 && pool.byteCount == OutputBufferPool.mostBytes)
        let taken = (0..<2_000).map { _ in pool.take() }
        #expect(taken.allSatisfy { $0.count == 0 })
        #expect(Set(taken.map(ObjectIdentifier.init)).count == 2_000)
        #expect(pool.count == 0 && pool.byteCount == 0)
    }
}

/// Numbers that a test can repeat.
struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        self.state ^= self.state << 13
        self.state ^= self.state >> 7
        self.state ^= self.state << 17
        return self.state
    }

    mutating func below(_ limit: Int) -> Int { Int(self.next() % UInt64(limit)) }
}
#endif
