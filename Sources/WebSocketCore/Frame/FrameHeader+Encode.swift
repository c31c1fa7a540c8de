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
        // In bounds: every store below ends within `headerBytes`, which the line above has compared with the room; it is 2 at
        // least, so there is an address. Stores need no alignment.
        let base = unsafe destination.baseAddress.unsafelyUnwrapped
        let first = (self.isFinal ? 0x80 : 0) | self.reservedBits.rawValue | self.opcode.rawValue
        let maskBit: UInt8 = self.maskingKey == nil ? 0 : 0x80
        unsafe base.storeBytes(of: first, as: UInt8.self)
        var end: Int
        if self.payloadBytes < 126 {
            unsafe base.storeBytes(
                of: maskBit | UInt8(truncatingIfNeeded: self.payloadBytes), toByteOffset: 1, as: UInt8.self)
            end = 2
        } else if self.payloadBytes < 65_536 {
            unsafe base.storeBytes(of: maskBit | 126, toByteOffset: 1, as: UInt8.self)
            let length = UInt16(truncatingIfNeeded: self.payloadBytes).bigEndian
            unsafe base.storeBytes(of: length, toByteOffset: 2, as: UInt16.self)
            end = 4
        } else {
            unsafe base.storeBytes(of: maskBit | 127, toByteOffset: 1, as: UInt8.self)
            unsafe base.storeBytes(of: self.payloadBytes.bigEndian, toByteOffset: 2, as: UInt64.self)
            end = 10
        }
        if let maskingKey = self.maskingKey {
            unsafe base.storeBytes(of: maskingKey.word.littleEndian, toByteOffset: end, as: UInt32.self)
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
        // In bounds: `encode` compares with the room. Alive: the destination for this call, which the caller promises.
        let start = unsafe self.encode(into: destination)
        let count = payload.byteCount
        precondition(self.payloadBytes == UInt64(count) && destination.count &- start >= count, "no room for a frame")
        // In bounds: the line above has compared the room behind the header with `count`. Alive: both for this call.
        let target = unsafe UnsafeMutableRawBufferPointer(rebasing: destination[start..<(start &+ count)])
        unsafe payload.withUnsafeBytes { unsafe target.copyMemory(from: $0) }
        unsafe self.maskingKey?.apply(to: target)
        return start &+ count
    }

    /// Writes a whole, unmasked frame of a message, if its header takes four bytes at most and there is room for them: what
    /// ``encode(_:into:)`` would do, in fewer steps.
    ///
    /// - Returns: the number of bytes written; 0 if there are more than 65 535, or no room.
    @inline(__always)
    static func encodeShort(
        _ payload: RawSpan, as kind: MessageKind, into destination: UnsafeMutableRawBufferPointer
    ) -> Int {
        let count = payload.byteCount
        // In bounds: every store below ends within `count` + 4 bytes, for which there is room.
        guard count <= 0xFFFF, count &+ 4 <= destination.count, let base = destination.baseAddress else { return 0 }
        unsafe base.storeBytes(of: 0x80 | kind.rawValue, as: UInt8.self)
        let headerBytes: Int
        if count < 126 {
            unsafe base.storeBytes(of: UInt8(truncatingIfNeeded: count), toByteOffset: 1, as: UInt8.self)
            headerBytes = 2
        } else {
            unsafe base.storeBytes(of: 126, toByteOffset: 1, as: UInt8.self)
            unsafe base.storeBytes(
                of: UInt16(truncatingIfNeeded: count).bigEndian, toByteOffset: 2, as: UInt16.self)
            headerBytes = 4
        }
        // Alive: the payload's pointer stays inside the closure.
        unsafe payload.withUnsafeBytes { bytes in
            if let start = bytes.baseAddress {
                unsafe (base + headerBytes).copyMemory(from: start, byteCount: count)
            }
        }
        return headerBytes &+ count
    }
}
