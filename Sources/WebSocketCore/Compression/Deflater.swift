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
public struct Deflater: ~Copyable {
    /// zlib keeps a pointer back to its `z_stream`, so the stream lives at one address for as long as the deflater does.
    private let stream: UnsafeMutablePointer<z_stream>

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
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        // Zeroed: no allocator of ours, no input, no output. Freed here if zlib refuses, in `deinit` otherwise.
        stream.initialize(to: z_stream())
        // Negative window bits ask zlib for raw DEFLATE, without header or checksum.
        guard aloft_deflateInit2(stream, CInt(level), -CInt(windowBits), CInt(memoryLevel)) == Z_OK else {
            stream.deallocate()
            return nil
        }
        self.stream = stream
    }

    deinit {
        // Nobody else holds the pointer: the struct cannot be copied and the pointer never leaves it.
        _ = deflateEnd(self.stream)
        self.stream.deallocate()
    }

    /// Forgets everything compressed so far: the next message can be inflated without the ones before it
    /// (`*_no_context_takeover`, RFC 7692 §7.1.1). Call it between messages, never between fragments of one.
    public mutating func reset() {
        // Fails only for a stream that was never initialised.
        _ = deflateReset(self.stream)
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
        // The pointer is used inside this closure only; zlib reads `avail_in` bytes from it and writes none.
        payload.withUnsafeBytes { bytes in
            var rest = bytes[...]
            while !rest.isEmpty {
                let slice = UnsafeRawBufferPointer(rebasing: rest.prefix(Int(UInt32.max)))
                rest = rest.dropFirst(slice.count)
                self.compress(slice, flush: rest.isEmpty ? Z_SYNC_FLUSH : Z_NO_FLUSH, into: &output)
            }
        }
        if isFinal { output.removeLast(Self.flushTail) }
    }

    /// The length of `00 00 FF FF`: what a sync flush ends with.
    private static let flushTail = 4

    /// zlib repeats the flush marker if a call leaves it not one byte of room; it asks for more than 6.
    private static let minimumRoom = 64

    /// Compresses at most `UInt32.max` bytes, the most zlib takes in one call.
    private mutating func compress(_ slice: UnsafeRawBufferPointer, flush: CInt, into output: inout [UInt8]) {
        // zlib declares its input mutable but only reads it. It is valid until this method returns, and unset then.
        self.stream.pointee.next_in = UnsafeMutablePointer(
            mutating: slice.baseAddress?.assumingMemoryBound(to: UInt8.self)
        )
        self.stream.pointee.avail_in = UInt32(slice.count)
        defer { self.stream.pointee.next_in = nil }

        var roomLeft: UInt32 = 0
        repeat {
            if output.capacity - output.count < Self.minimumRoom {
                let guess = Int(self.stream.pointee.avail_in) / 2 + Self.minimumRoom
                output.reserveCapacity(output.count + max(guess, output.count))
            }
            let room = min(output.capacity - output.count, Int(UInt32.max))
            output.append(addingCapacity: room) { span in
                // zlib writes at most `avail_out` bytes from the start of the uninitialised room and says how many.
                span.withUnsafeMutableBufferPointer { buffer, initialised in
                    self.stream.pointee.next_out = buffer.baseAddress
                    self.stream.pointee.avail_out = UInt32(clamping: buffer.count)
                    // `Z_BUF_ERROR` says that a flush was complete already: the loop ends, as room is left.
                    let status = deflate(self.stream, flush)
                    precondition(status == Z_OK || status == Z_BUF_ERROR, "the deflate stream was corrupted")
                    roomLeft = self.stream.pointee.avail_out
                    initialised = buffer.count - Int(roomLeft)
                    self.stream.pointee.next_out = nil
                }
            }
        } while roomLeft == 0
    }
}

// zlib keeps no thread-local state and the struct is the only owner of its stream, so it may move between threads.
extension Deflater: @unchecked Sendable {}
