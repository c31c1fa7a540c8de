extension FrameHeader {
    /// How many bytes the header takes on the wire: 2 to 14.
    @inlinable
    public var headerBytes: Int {
        let length = self.payloadBytes < 126 ? 2 : (self.payloadBytes < 65_536 ? 4 : 10)
        return self.maskingKey == nil ? length : length &+ 4
    }

    /// Writes the header to the beginning of `destination`, its length in the fewest bytes (RFC 6455 §5.2).
    ///
    /// - Precondition: `destination` has room for ``headerBytes``.
    /// - Returns: the number of bytes written.
    @inlinable
    @discardableResult
    public func encode(into destination: UnsafeMutableRawBufferPointer) -> Int {
        let headerBytes = self.headerBytes
        precondition(destination.count >= headerBytes, "no room for a frame header")
        // Every store below lies within `headerBytes`, which the line above has compared.
        let base = destination.baseAddress.unsafelyUnwrapped
        let first = (self.isFinal ? 0x80 : 0) | self.reservedBits.rawValue | self.opcode.rawValue
        let maskBit: UInt8 = self.maskingKey == nil ? 0 : 0x80
        base.storeBytes(of: first, as: UInt8.self)
        var end: Int
        if self.payloadBytes < 126 {
            base.storeBytes(of: maskBit | UInt8(truncatingIfNeeded: self.payloadBytes), toByteOffset: 1, as: UInt8.self)
            end = 2
        } else if self.payloadBytes < 65_536 {
            base.storeBytes(of: maskBit | 126, toByteOffset: 1, as: UInt8.self)
            let length = UInt16(truncatingIfNeeded: self.payloadBytes).bigEndian
            base.storeBytes(of: length, toByteOffset: 2, as: UInt16.self)
            end = 4
        } else {
            base.storeBytes(of: maskBit | 127, toByteOffset: 1, as: UInt8.self)
            base.storeBytes(of: self.payloadBytes.bigEndian, toByteOffset: 2, as: UInt64.self)
            end = 10
        }
        if let maskingKey = self.maskingKey {
            base.storeBytes(of: maskingKey.word.littleEndian, toByteOffset: end, as: UInt32.self)
            end &+= 4
        }
        return end
    }

    /// Writes header and payload, masking the copy if the header has a key; the caller's bytes stay as they are.
    ///
    /// - Precondition: `payload` has as many bytes as the header says, and `destination` has room for both.
    /// - Returns: the number of bytes written.
    @inlinable
    @discardableResult
    public func encode(_ payload: RawSpan, into destination: UnsafeMutableRawBufferPointer) -> Int {
        let start = self.encode(into: destination)
        let count = payload.byteCount
        precondition(self.payloadBytes == UInt64(count) && destination.count &- start >= count, "no room for a frame")
        let target = UnsafeMutableRawBufferPointer(rebasing: destination[start..<(start &+ count)])
        payload.withUnsafeBytes { target.copyMemory(from: $0) }
        self.maskingKey?.apply(to: target)
        return start &+ count
    }
}
