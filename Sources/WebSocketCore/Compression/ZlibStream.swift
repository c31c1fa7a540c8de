import CZlib

/// One stream of zlib's, in one direction: all the memory of ours that zlib ever sees.
///
/// zlib keeps a pointer back to its `z_stream`, so that lies at one address for as long as the stream exists. The pointers to
/// input and output are set for the length of one call. It is moved, never copied.
@safe
struct ZlibStream<Direction: ZlibDirection>: ~Copyable {
    fileprivate let state: UnsafeMutablePointer<z_stream>

    fileprivate init?(_ initialize: (UnsafeMutablePointer<z_stream>) -> CInt) {
        // Initialized: to zeros, which are no allocator of ours, no input and no output.
        let state = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        unsafe state.initialize(to: z_stream())
        guard unsafe initialize(state) == Z_OK else {
            // Not aliased: zlib, which has refused, keeps nothing.
            unsafe state.deallocate()
            return nil
        }
        unsafe self.state = state
    }

    deinit {
        // Not aliased: the struct cannot be copied, the pointer never leaves it, and zlib frees here what it has of its own.
        unsafe Direction.end(self.state)
        unsafe self.state.deallocate()
    }

    /// Forgets everything. It fails only for a stream that was never initialised.
    mutating func reset() {
        // Alive: until `deinit`.
        unsafe Direction.reset(self.state)
    }

    /// Takes from `input` and appends to `output` what comes of it, in one call: at most `UInt32.max` bytes of each.
    ///
    /// A compressor flushes once all of `input` was given, so that what is written can be read at once.
    mutating func step(_ input: RawSpan, into output: inout OutputSpan<UInt8>) -> ZlibProgress {
        // Initialized: as many bytes behind those that were there as `step` says that zlib has written.
        unsafe output.withUnsafeMutableBufferPointer { memory, initialized in
            let progress = unsafe self.step(
                input, into: UnsafeMutableBufferPointer(rebasing: memory[initialized...]))
            initialized += progress.produced
            return progress
        }
    }

    /// The same with room for one byte, which nobody keeps.
    mutating func stepWithoutOutput(_ input: RawSpan) -> ZlibProgress {
        var byte: UInt8 = 0
        // Alive and in bounds: one byte on the stack for the length of the closure.
        return unsafe withUnsafeMutablePointer(to: &byte) { pointer in
            unsafe self.step(input, into: UnsafeMutableBufferPointer(start: pointer, count: 1))
        }
    }

    private mutating func step(_ input: RawSpan, into room: UnsafeMutableBufferPointer<UInt8>) -> ZlibProgress {
        // Alive: the input inside this closure, the room in the caller's; zlib gets both here and has neither afterwards.
        unsafe input.withUnsafeBytes { bytes in
            let offered = UInt32(clamping: bytes.count)
            let size = UInt32(clamping: room.count)
            // In bounds: zlib reads at most `avail_in` bytes, writes at most `avail_out`, and says how many are left.
            // Not written to: zlib declares its input mutable but only reads it.
            unsafe self.state.pointee.next_in = UnsafeMutablePointer(
                mutating: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
            unsafe self.state.pointee.avail_in = offered
            unsafe self.state.pointee.next_out = room.baseAddress
            unsafe self.state.pointee.avail_out = size
            let status = unsafe Direction.step(
                self.state, bytes.count == Int(offered) ? Z_SYNC_FLUSH : Z_NO_FLUSH)
            let (inputLeft, roomLeft) = unsafe (self.state.pointee.avail_in, self.state.pointee.avail_out)
            unsafe self.state.pointee.next_in = nil
            unsafe self.state.pointee.avail_in = 0
            unsafe self.state.pointee.next_out = nil
            unsafe self.state.pointee.avail_out = 0
            return ZlibProgress(
                status: status, consumed: Int(offered - inputLeft), produced: Int(size - roomLeft),
                hasRoomLeft: roomLeft > 0)
        }
    }
}

extension ZlibStream<Deflation> {
    /// A compressor of raw DEFLATE.
    ///
    /// - Parameters:
    ///   - level: 0 to 9.
    ///   - windowBits: 9 to 15.
    ///   - memoryLevel: 1 to 9.
    /// - Returns: `nil` if memory is short.
    init?(level: Int, windowBits: Int, memoryLevel: Int) {
        // Alive: the state lives until `deinit`. Negative window bits ask zlib for raw DEFLATE, without header or checksum.
        unsafe self.init { unsafe aloft_deflateInit2($0, CInt(level), -CInt(windowBits), CInt(memoryLevel)) }
    }
}

extension ZlibStream<Inflation> {
    /// A decompressor of raw DEFLATE.
    ///
    /// - Parameter windowBits: 8 to 15.
    /// - Returns: `nil` if memory is short.
    init?(windowBits: Int) {
        // Alive: as above.
        unsafe self.init { unsafe aloft_inflateInit2($0, -CInt(windowBits)) }
    }

    /// Begins anew with the same window.
    mutating func resetKeepingWindow() {
        // Alive: until `deinit`.
        _ = unsafe inflateResetKeep(self.state)
    }

    /// Where it stands: how many bits of the last byte are unused (0 to 7), plus 64 within a final block, plus 128 right after
    /// the end of a block (zlib.h at `inflate`).
    var dataType: CInt {
        // Alive and initialized: until `deinit`, since `init`.
        unsafe self.state.pointee.data_type
    }
}

/// What zlib does in one direction. The stream is alive and initialized: only ``ZlibStream`` calls these.
protocol ZlibDirection {
    static func end(_ stream: UnsafeMutablePointer<z_stream>)
    static func reset(_ stream: UnsafeMutablePointer<z_stream>)
    static func step(_ stream: UnsafeMutablePointer<z_stream>, _ flush: CInt) -> CInt
}

enum Deflation: ZlibDirection {
    // Alive, all three: see above.
    static func end(_ stream: UnsafeMutablePointer<z_stream>) { _ = unsafe deflateEnd(stream) }
    static func reset(_ stream: UnsafeMutablePointer<z_stream>) { _ = unsafe deflateReset(stream) }
    static func step(_ stream: UnsafeMutablePointer<z_stream>, _ flush: CInt) -> CInt { unsafe deflate(stream, flush) }
}

enum Inflation: ZlibDirection {
    // Alive, all three: see above.
    static func end(_ stream: UnsafeMutablePointer<z_stream>) { _ = unsafe inflateEnd(stream) }
    static func reset(_ stream: UnsafeMutablePointer<z_stream>) { _ = unsafe inflateReset(stream) }
    /// `flush` makes no difference: it writes as much as it can in any case.
    static func step(_ stream: UnsafeMutablePointer<z_stream>, _ flush: CInt) -> CInt {
        unsafe inflate(stream, Z_SYNC_FLUSH)
    }
}

/// How one call to zlib ended.
struct ZlibProgress {
    /// What zlib returned: `Z_OK`, `Z_STREAM_END` or an error.
    var status: CInt
    /// How many bytes of the input were taken.
    var consumed: Int
    /// How many bytes were written.
    var produced: Int
    /// Whether zlib has left some of the room that it was offered.
    var hasRoomLeft: Bool

    /// Before the first call.
    static let none = ZlibProgress(status: Z_OK, consumed: 0, produced: 0, hasRoomLeft: true)
}

// Not shared: zlib keeps no thread-local state and the struct is the only owner of its own, so it may move between threads.
extension ZlibStream: @unchecked Sendable {}
