import WebSocketCore

/// Bytes that are being consumed, and how far.
struct Burst {
    let bytes: UnsafeMutableRawBufferPointer
    var offset = 0
    let time: Timestamp
    /// Frames that were pulled, at least; the beginning of one counts.
    var frames = 0
    /// Those of them that were no messages, nor parts of one.
    var controlFrames = 0
    /// Where what is sent meanwhile is collected, and how many bytes have been. Nothing where the transport collects.
    var cork = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    var corked = 0

    /// Where the next bytes go. `corked` never exceeds the memory.
    var room: UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(
            start: self.cork.baseAddress.map { $0 + self.corked }, count: self.cork.count &- self.corked)
    }

    /// Everything that was collected, which stays there until something else is.
    mutating func takeCorked() -> UnsafeRawBufferPointer {
        let bytes = UnsafeRawBufferPointer(start: self.cork.baseAddress, count: self.corked)
        self.corked = 0
        return bytes
    }
}
