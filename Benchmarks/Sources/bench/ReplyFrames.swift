/// Finds the frames in the bytes that a server sends (RFC 6455 §5.2), of whatever length they are.
struct ReplyFrames {
    private enum Expectation {
        case firstByte
        case length
        /// So many bytes of the extended length are still to come.
        case extendedLength(left: Int)
        case payload
    }

    private var expectation = Expectation.firstByte
    private var firstByte: UInt8 = 0
    private var left: UInt64 = 0

    /// Takes in `bytes`.
    /// - Parameter payload: called with each piece of the payload of text and binary messages.
    /// - Parameter ended: called where such a message ends.
    mutating func received(
        _ bytes: UnsafeRawBufferPointer, payload: (UnsafeRawBufferPointer) -> Void,
        ended: () throws(BenchError) -> Void
    ) throws(BenchError) {
        var position = 0
        while position < bytes.count {
            if case .payload = self.expectation {
                let count = Int(min(self.left, UInt64(bytes.count - position)))
                if self.isData { payload(UnsafeRawBufferPointer(rebasing: bytes[position..<position + count])) }
                position += count
                self.left -= UInt64(count)
            } else {
                self.takeHeader(bytes[position])
                position += 1
            }
            if case .payload = self.expectation, self.left == 0 {
                self.expectation = .firstByte
                if self.isData, self.firstByte & 0x80 != 0 { try ended() }
            }
        }
    }

    /// The same for bytes in an array.
    mutating func received(
        _ bytes: [UInt8], payload: (UnsafeRawBufferPointer) -> Void, ended: () throws(BenchError) -> Void
    ) throws(BenchError) {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
        defer { memory.deallocate() }
        memory.copyBytes(from: bytes)
        try self.received(UnsafeRawBufferPointer(memory), payload: payload, ended: ended)
    }

    /// Control frames are not what is waited for.
    private var isData: Bool { self.firstByte & 0x08 == 0 }

    private mutating func takeHeader(_ byte: UInt8) {
        switch self.expectation {
        case .firstByte:
            self.firstByte = byte
            self.expectation = .length
        case .length:
            self.left = UInt64(byte & 0x7F)
            if self.left < 126 {
                self.expectation = .payload
            } else {
                self.expectation = .extendedLength(left: self.left == 126 ? 2 : 8)
                self.left = 0
            }
        case .extendedLength(let count):
            self.left = self.left << 8 | UInt64(byte)
            self.expectation = count > 1 ? .extendedLength(left: count - 1) : .payload
        case .payload: break
        }
    }
}
