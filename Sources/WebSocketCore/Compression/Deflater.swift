import CZlib

/// Compresses messages for permessage-deflate (RFC 7692 §7.2.1): raw DEFLATE, one stream per direction of a connection.
///
///     message ──▶ deflate, sync flush ──▶ …blocks… 00 │ 00 00 FF FF
///                                                     └ stripped from a message's last fragment
///
/// A deflater costs `1 << (windowBits + 2)` bytes for its window plus `1 << (memoryLevel + 9)` bytes for its hash
/// chains and pending output, allocated at once: 256 KiB with 15 and 8, 4 KiB with 9 and 1 (zlib's zconf.h), plus about
/// 6 KiB. A connection without compression holds none.
///
/// The stream remembers what it compressed (context takeover): the peer must inflate messages in the order in which
/// they were compressed here. It is moved, never copied, and may be used from one thread at a time.
public struct Deflater: ~Copyable, Sendable {
    private var stream: ZlibStream<Deflation>

    /// Allocates the compressor.
    ///
    /// - Parameters:
    ///   - level: effort, 0 (stores only) or 1 (fastest) to 9 (smallest).
    ///   - windowBits: base-2 logarithm of the window in bytes, 9 to 15. The peer's inflater needs a window at least as
    ///     large. zlib cannot produce a raw stream for a window of 8 bits.
    ///   - memoryLevel: 1 (least memory) to 9 (fastest).
    /// - Returns: `nil` if memory is short or an argument lies outside its range.
    public init?(level: Int, windowBits: Int, memoryLevel: Int) {
        guard 0...9 ~= level, 9...15 ~= windowBits, 1...9 ~= memoryLevel else { return nil }
        guard let stream = ZlibStream<Deflation>(level: level, windowBits: windowBits, memoryLevel: memoryLevel) else {
            return nil
        }
        self.stream = stream
    }

    /// Forgets everything compressed so far: the next message can be inflated without the ones before it
    /// (`*_no_context_takeover`, RFC 7692 §7.1.1). Call it between messages, never between fragments of one.
    public mutating func reset() {
        self.stream.reset()
    }

    /// Appends one compressed message, or one compressed fragment of a message, to `output`.
    ///
    /// What is appended can be inflated at once by the peer. A final fragment loses its trailing `00 00 FF FF`
    /// (RFC 7692 §7.2.1); if it is empty it becomes the single byte `00` (§7.2.3.6). A fragment that is not final
    /// keeps those four bytes; if it is empty nothing is appended.
    ///
    /// - Parameters:
    ///   - payload: the bytes to compress, of any length.
    ///   - isFinal: whether the message ends here.
    ///   - output: grows geometrically, and by at most a little more than `payload` if that cannot be compressed.
    /// - Complexity: O(`payload.byteCount`), at a cost per byte that rises with the level.
    public mutating func compress(_ payload: RawSpan, isFinal: Bool, into output: inout [UInt8]) {
        guard !payload.isEmpty else {
            // Every call ends with a flush, so the stream stands on a byte boundary and `00` begins a stored block.
            if isFinal { output.append(0x00) }
            return
        }
        var rest = payload
        var progress = ZlibProgress.none
        repeat {
            if output.capacity - output.count < Self.minimumRoom {
                let guess = rest.byteCount / 2 + Self.minimumRoom
                output.reserveCapacity(output.count + max(guess, output.count))
            }
            let input = rest
            output.append(addingCapacity: output.capacity - output.count) { room in
                progress = self.stream.step(input, into: &room)
            }
            // `Z_BUF_ERROR` says that a flush was complete already: the loop ends, as room is left.
            precondition(
                progress.status == Z_OK || progress.status == Z_BUF_ERROR, "the deflate stream was corrupted")
            rest = rest.extracting(droppingFirst: progress.consumed)
        } while !rest.isEmpty || !progress.hasRoomLeft
        if isFinal { output.removeLast(Self.flushTail) }
    }

    /// The length of `00 00 FF FF`: what a sync flush ends with.
    private static let flushTail = 4

    /// zlib repeats the flush marker if a call leaves it not one byte of room; it asks for more than 6.
    private static let minimumRoom = 64
}
