#if os(Linux)
/// Bytes that wait to be sent: appended at the end, taken from the beginning.
final class OutputBuffer {
    @exclusivity(unchecked) private var memory: UnsafeMutableRawBufferPointer
    @exclusivity(unchecked) private var start = 0
    @exclusivity(unchecked) private var end = 0

    static let leastCapacity = 4 << 10

    init() { self.memory = .allocate(byteCount: Self.leastCapacity, alignment: 16) }

    deinit { self.memory.deallocate() }

    var capacity: Int { self.memory.count }

    var count: Int { self.end &- self.start }

    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: self.memory[self.start..<self.end]) }

    /// Room for `count` bytes behind the last one; ``append(_:)`` says how many were filled.
    func room(for count: Int) -> UnsafeMutableRawBufferPointer {
        if self.memory.count &- self.end < count { self.makeRoom(count) }
        return UnsafeMutableRawBufferPointer(rebasing: self.memory[self.end..<(self.end &+ count)])
    }

    func append(_ count: Int) { self.end &+= count }

    func append(_ bytes: UnsafeRawBufferPointer) {
        self.room(for: bytes.count).copyMemory(from: bytes)
        self.end &+= bytes.count
    }

    func removeFirst(_ count: Int) {
        self.start &+= count
        if self.start == self.end { self.removeAll() }
    }

    func removeAll() {
        self.start = 0
        self.end = 0
    }

    @inline(never)
    private func makeRoom(_ count: Int) {
        let held = self.count
        // What was taken leaves room at the beginning, which is worth a move if it is most of the memory.
        if held + count <= self.memory.count, held <= self.start {
            self.memory.copyMemory(from: self.bytes)
        } else {
            let larger = UnsafeMutableRawBufferPointer.allocate(
                byteCount: max(held + count, self.memory.count * 2), alignment: 16)
            larger.copyMemory(from: self.bytes)
            self.memory.deallocate()
            self.memory = larger
        }
        self.start = 0
        self.end = held
    }
}

/// Empty buffers of one loop, so that a connection that replies allocates nothing, and one that is idle keeps nothing.
///
/// A message to a thousand connections takes a thousand at once: given back to the system they would have to be had from it
/// again for the next message, page by page.
struct OutputBufferPool {
    private var buffers: [OutputBuffer] = []
    /// What they hold.
    private(set) var byteCount = 0

    /// Bytes that are kept, and the largest buffer that is worth keeping.
    static let mostBytes = 4 << 20
    static let largest = 2 << 20

    /// How many buffers are kept.
    var count: Int { self.buffers.count }

    mutating func take() -> OutputBuffer {
        guard let buffer = self.buffers.popLast() else { return OutputBuffer() }
        self.byteCount &-= buffer.capacity
        return buffer
    }

    mutating func give(_ buffer: OutputBuffer) {
        guard buffer.capacity <= Self.largest, self.byteCount &+ buffer.capacity <= Self.mostBytes else { return }
        buffer.removeAll()
        self.byteCount &+= buffer.capacity
        self.buffers.append(buffer)
    }
}
#endif
