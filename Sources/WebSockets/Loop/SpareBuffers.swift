import NIOCore

/// Buffers that were written and can be filled again, so that a connection that replies allocates nothing, and one that
/// is idle keeps nothing.
struct SpareBuffers {
    private var buffers: [ByteBuffer] = []

    /// Buffers kept, and the largest that is worth keeping.
    private static let most = 16
    private static let largest = 256 << 10

    /// An empty buffer. One that somebody still holds is replaced by NIO when it is cleared.
    mutating func take() -> ByteBuffer {
        guard var buffer = self.buffers.popLast() else { return ByteBufferAllocator().buffer(capacity: 4 << 10) }
        buffer.clear(minimumCapacity: 4 << 10)
        return buffer
    }

    mutating func give(_ buffer: consuming ByteBuffer) {
        if self.buffers.count < Self.most, buffer.capacity <= Self.largest { self.buffers.append(buffer) }
    }
}
