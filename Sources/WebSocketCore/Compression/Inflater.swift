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
public struct Inflater: ~Copyable, Sendable {
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

    private var stream: ZlibStream<Inflation>
    private var position = Position.betweenBlocks

    /// Allocates the decompressor.
    ///
    /// - Parameter windowBits: base-2 logarithm of the window in bytes, 8 to 15. It must not be smaller than the
    ///   sender's; a larger one is always right. A sender that refers back further than its window is refused only
    ///   where the bytes are gone: what the same call has written is still at hand, however small the window.
    /// - Returns: `nil` if memory is short or the argument lies outside its range.
    public init?(windowBits: Int) {
        guard 8...15 ~= windowBits, let stream = ZlibStream<Inflation>(windowBits: windowBits) else { return nil }
        self.stream = stream
    }

    /// Forgets everything inflated so far, and any error: the next message starts with an empty window
    /// (`*_no_context_takeover`, RFC 7692 §7.1.1). Call it between messages.
    public mutating func reset() {
        self.stream.reset()
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
        var outcome = payload.isEmpty ? .done : self.inflate(payload, into: &output, limit: limit)
        if isFinal, outcome == .done { outcome = self.inflateTail() }
        if outcome != .done { self.position = .lost }
        return outcome
    }

    /// Inflates until nothing more comes of `payload`.
    private mutating func inflate(_ payload: RawSpan, into output: inout [UInt8], limit: Int) -> Outcome {
        var rest = payload
        while true {
            let input = rest
            let allowed = limit > output.count ? limit - output.count : 0
            var progress = ZlibProgress.none
            if allowed == 0 {
                // The output may not grow: what more there is goes to a byte that nobody keeps.
                progress = self.stream.stepWithoutOutput(input)
                if progress.produced > 0 { return .tooBig }
            } else {
                let room = Self.makeRoom(in: &output, allowed: allowed, input: input.byteCount)
                output.append(addingCapacity: room) { progress = self.stream.step(input, into: &$0) }
            }

            rest = rest.extracting(droppingFirst: progress.consumed)
            switch progress.status {
            case Z_OK:
                self.notePosition()
                // Room left over means that zlib has nothing more to write before it gets more to read.
                if rest.isEmpty, progress.hasRoomLeft { return .done }
            case Z_STREAM_END:
                self.startNewStream()
                if rest.isEmpty { return .done }
            case Z_BUF_ERROR where rest.isEmpty:
                return .done  // The call before had filled its room to the last byte with all there was.
            default:  // zlib's codes are integers: `Z_DATA_ERROR`, `Z_MEM_ERROR` and what it has no reason to return.
                return .corrupt
            }
            // A turn that did nothing would be repeated for ever.
            guard progress.consumed > 0 || progress.produced > 0 else { return .corrupt }
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
        let tail: [4 of UInt8] = [0x00, 0x00, 0xFF, 0xFF]
        let progress = self.stream.stepWithoutOutput(tail.span.rawBytes)
        guard progress.produced == 0, progress.consumed == tail.count else { return .corrupt }
        switch progress.status {
        case Z_OK: self.notePosition()
        case Z_STREAM_END: self.startNewStream()
        default: return .corrupt  // zlib's codes are integers; see above.
        }
        return self.position == .betweenBlocks ? .done : .corrupt
    }
}

// MARK: - zlib

extension Inflater {
    /// The first allocation is a guess from the size of the input, between these bounds; later ones double.
    private static let firstAllocation = 64...(16 << 10)

    /// Makes sure that `output` has spare capacity, and says how much of it may be used.
    private static func makeRoom(in output: inout [UInt8], allowed: Int, input: Int) -> Int {
        if output.capacity == output.count {
            let first = min(max(2 * input, Self.firstAllocation.lowerBound), Self.firstAllocation.upperBound)
            output.reserveCapacity(output.count + min(allowed, max(first, output.count)))
        }
        return min(output.capacity - output.count, allowed)
    }

    /// Between two blocks all bits of the last byte are used, and no final block has begun.
    private mutating func notePosition() {
        self.position = self.stream.dataType == 128 ? .betweenBlocks : .insideBlock
    }

    /// A block with BFINAL = 1 has ended zlib's stream; in permessage-deflate another one follows, on the next byte,
    /// and may refer back to before it. `inflateResetKeep` keeps the window, unlike `inflateReset`, and costs next to
    /// nothing, unlike carrying the window over as a dictionary, which a peer could ask for with every second byte.
    private mutating func startNewStream() {
        self.stream.resetKeepingWindow()
        self.position = .betweenBlocks
    }
}
