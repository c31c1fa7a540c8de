import CZlib

/// Decompresses messages for permessage-deflate (RFC 7692 §7.2.2): raw DEFLATE, one stream per direction.
///
///     payload of a message ──▶ …blocks… 00 │ 00 00 FF FF ──▶ inflate ──▶ message
///                                          └ appended at the end of the message
///
/// Any blocks are understood: stored, several in a message, and final ones (BFINAL = 1, §7.2.3.4), after which the
/// DEFLATE stream starts anew while the window, and with it context takeover, lives on.
///
/// An inflater costs about 7 KiB, plus `1 << windowBits` bytes once a message was inflated. A connection without
/// compression holds none. It is moved, never copied, and may be used from one thread at a time.
public struct Inflater: ~Copyable {
    /// How an attempt to inflate ended. After anything but ``done`` the stream is lost: every later call says
    /// ``corrupt`` until ``Inflater/reset()``.
    public enum Outcome: Sendable, Hashable {
        /// All of the payload was inflated; if it was final, the message is complete.
        case done
        /// The message is larger than the limit. `output` holds exactly as many bytes as the limit allows.
        case tooBig
        /// The payload is not DEFLATE data, refers back to bytes that are no longer at hand, or ends inside a block.
        /// (Or zlib found no memory for its window.)
        case corrupt
    }

    /// Where the stream stands between two calls.
    private enum Position {
        /// Before a block that would start on a byte boundary.
        case betweenBlocks
        /// Within a block or the byte that holds its first bits.
        case insideBlock
        /// Behind an error.
        case lost
    }

    /// zlib keeps a pointer back to its `z_stream`, so the stream lives at one address for as long as the inflater does.
    private let stream: UnsafeMutablePointer<z_stream>
    private var position = Position.betweenBlocks

    /// Allocates the decompressor.
    ///
    /// - Parameter windowBits: base-2 logarithm of the window in bytes, 8 to 15. It must not be smaller than the
    ///   sender's; a larger one is always right. A sender that refers back further than its window is refused only
    ///   where the bytes are gone: what the same call has written is still at hand, however small the window.
    /// - Returns: `nil` if memory is short or the argument lies outside its range.
    public init?(windowBits: Int) {
        guard 8...15 ~= windowBits else { return nil }
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        // Zeroed: no allocator of ours, no input, no output. Freed here if zlib refuses, in `deinit` otherwise.
        stream.initialize(to: z_stream())
        // Negative window bits ask zlib for raw DEFLATE, without header or checksum.
        guard aloft_inflateInit2(stream, -CInt(windowBits)) == Z_OK else {
            stream.deallocate()
            return nil
        }
        self.stream = stream
    }

    deinit {
        // Nobody else holds the pointer: the struct cannot be copied and the pointer never leaves it.
        _ = inflateEnd(self.stream)
        self.stream.deallocate()
    }

    /// Forgets everything inflated so far, and any error: the next message starts with an empty window
    /// (`*_no_context_takeover`, RFC 7692 §7.1.1). Call it between messages.
    public mutating func reset() {
        // Fails only for a stream that was never initialised.
        _ = inflateReset(self.stream)
        self.position = .betweenBlocks
    }

    /// Inflates one compressed message, or the next piece of one, and appends it to `output`.
    ///
    /// Pieces may be cut anywhere, at fragment boundaries or not. A final piece is followed by `00 00 FF FF`, which the
    /// sender stripped (RFC 7692 §7.2.2). Where a message has ended at the end of a block already, with a sender that
    /// strips nothing or whose empty messages have no payload at all, nothing is missing and nothing is added.
    ///
    /// - Parameters:
    ///   - payload: the compressed bytes, of any length.
    ///   - isFinal: whether the message ends here.
    ///   - output: never grows beyond `limit` bytes, nor its capacity beyond about twice its count, or 16 KiB where the
    ///     payload inflates to less than it seemed.
    ///   - limit: the most bytes that `output` may hold, those included that it holds already.
    /// - Complexity: O(`payload.byteCount` + bytes appended).
    public mutating func inflate(
        _ payload: RawSpan, isFinal: Bool, into output: inout [UInt8], limit: Int
    ) -> Outcome {
        guard self.position != .lost else { return .corrupt }
        var outcome = Outcome.done
        // The pointer is used inside this closure only; zlib reads `avail_in` bytes from it and writes none.
        payload.withUnsafeBytes { bytes in
            var rest = bytes[...]
            while !rest.isEmpty, outcome == .done {
                let slice = UnsafeRawBufferPointer(rebasing: rest.prefix(Int(UInt32.max)))
                rest = rest.dropFirst(slice.count)
                outcome = self.inflate(slice, into: &output, limit: limit)
            }
        }
        if isFinal, outcome == .done { outcome = self.inflateTail() }
        if outcome != .done { self.position = .lost }
        return outcome
    }

    /// Inflates at most `UInt32.max` bytes, the most zlib takes in one call, until nothing more comes of them.
    private mutating func inflate(
        _ slice: UnsafeRawBufferPointer, into output: inout [UInt8], limit: Int
    ) -> Outcome {
        self.setInput(slice)
        defer { self.setInput(nil) }
        while true {
            let availableInput = self.stream.pointee.avail_in
            let allowed = limit > output.count ? limit - output.count : 0
            let room = allowed == 0 ? 1 : Self.makeRoom(in: &output, allowed: allowed, input: Int(availableInput))
            var step = Step(status: Z_OK, produced: 0)
            if allowed == 0 {
                // The output may not grow: what more there is goes to a byte that nobody keeps.
                step = self.inflateOneByte()
                if step.produced > 0 { return .tooBig }
            } else {
                output.append(addingCapacity: room) { span in
                    // zlib writes at most `room` bytes from the start of the uninitialised memory and says how many.
                    span.withUnsafeMutableBufferPointer { buffer, initialised in
                        step = self.step(writingTo: buffer)
                        initialised = step.produced
                    }
                }
            }

            let consumed = availableInput - self.stream.pointee.avail_in
            switch step.status {
            case Z_OK:
                self.notePosition()
                // Room left over means that zlib has nothing more to write before it gets more to read.
                if self.stream.pointee.avail_in == 0, step.produced < room { return .done }
            case Z_STREAM_END:
                self.startNewStream()
                if self.stream.pointee.avail_in == 0 { return .done }
            case Z_BUF_ERROR where self.stream.pointee.avail_in == 0:
                return .done  // The call before had filled its room to the last byte with all there was.
            default:  // zlib's codes are integers: `Z_DATA_ERROR`, `Z_MEM_ERROR` and what it has no reason to return.
                return .corrupt
            }
            // A turn that did nothing would be repeated for ever.
            guard consumed > 0 || step.produced > 0 else { return .corrupt }
        }
    }

    /// Appends what the sender stripped. In a valid message it completes an empty stored block: nothing comes of it,
    /// and the stream stands between two blocks afterwards.
    private mutating func inflateTail() -> Outcome {
        switch self.position {
        case .betweenBlocks: return .done
        case .lost: return .corrupt
        case .insideBlock: break
        }
        // The four bytes live on the stack for the length of the closure, within which alone zlib reads them.
        let isComplete = withUnsafeBytes(of: UInt32(0x0000_FFFF).bigEndian) { tail in
            self.setInput(tail)
            defer { self.setInput(nil) }
            let step = self.inflateOneByte()
            guard step.produced == 0, self.stream.pointee.avail_in == 0 else { return false }
            switch step.status {
            case Z_OK: self.notePosition()
            case Z_STREAM_END: self.startNewStream()
            default: return false  // zlib's codes are integers; see above.
            }
            return self.position == .betweenBlocks
        }
        return isComplete ? .done : .corrupt
    }
}

// MARK: - zlib

extension Inflater {
    private struct Step {
        var status: CInt
        var produced: Int
    }

    /// The first allocation is a guess from the size of the input, between these bounds; later ones double.
    private static let firstAllocation = 64...(16 << 10)

    /// Makes sure that `output` has spare capacity, and says how much of it may be used.
    private static func makeRoom(in output: inout [UInt8], allowed: Int, input: Int) -> Int {
        if output.capacity == output.count {
            let first = min(max(2 * input, Self.firstAllocation.lowerBound), Self.firstAllocation.upperBound)
            output.reserveCapacity(output.count + min(allowed, max(first, output.count)))
        }
        return min(output.capacity - output.count, allowed, Int(UInt32.max))
    }

    private mutating func setInput(_ bytes: UnsafeRawBufferPointer?) {
        // zlib declares its input mutable but only reads it. Whoever sets it unsets it before the memory goes away.
        self.stream.pointee.next_in = UnsafeMutablePointer(
            mutating: bytes?.baseAddress?.assumingMemoryBound(to: UInt8.self)
        )
        self.stream.pointee.avail_in = UInt32(clamping: bytes?.count ?? 0)
    }

    private mutating func step(writingTo room: UnsafeMutableBufferPointer<UInt8>) -> Step {
        let size = UInt32(clamping: room.count)
        // zlib writes at most `avail_out` bytes, all within `room`, which outlives the call; unset afterwards.
        self.stream.pointee.next_out = room.baseAddress
        self.stream.pointee.avail_out = size
        let status = CZlib.inflate(self.stream, Z_SYNC_FLUSH)
        self.stream.pointee.next_out = nil
        return Step(status: status, produced: Int(size - self.stream.pointee.avail_out))
    }

    private mutating func inflateOneByte() -> Step {
        var byte: UInt8 = 0
        // The byte lives on the stack for the length of the closure.
        return withUnsafeMutablePointer(to: &byte) { pointer in
            self.step(writingTo: UnsafeMutableBufferPointer(start: pointer, count: 1))
        }
    }

    /// `data_type` says after every call how many bits of the last byte are unused (0 to 7), plus 64 within a final
    /// block, plus 128 right after the end of a block (zlib.h at `inflate`).
    private mutating func notePosition() {
        self.position = self.stream.pointee.data_type == 128 ? .betweenBlocks : .insideBlock
    }

    /// A block with BFINAL = 1 has ended zlib's stream; in permessage-deflate another one follows, on the next byte,
    /// and may refer back to before it. `inflateResetKeep` keeps the window, unlike `inflateReset`, and costs next to
    /// nothing, unlike carrying the window over as a dictionary, which a peer could ask for with every second byte.
    private mutating func startNewStream() {
        _ = inflateResetKeep(self.stream)
        self.position = .betweenBlocks
    }
}

// zlib keeps no thread-local state and the struct is the only owner of its stream, so it may move between threads.
extension Inflater: @unchecked Sendable {}
