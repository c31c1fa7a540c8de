#if os(Linux)
/// Where the sockets of one loop read to, one after the other: what a message lies in while it is delivered.
struct ReceiveMemory: ~Copyable {
    /// Bytes before the ones that were read, for the beginning of a frame that came earlier.
    static let headroom = 256
    /// The most that one socket reads in one turn of the loop: ``ReadSize``.
    static let byteCount = 512 << 10

    private let memory = UnsafeMutableRawBufferPointer.allocate(
        byteCount: ReceiveMemory.headroom + ReceiveMemory.byteCount, alignment: 64)

    init() {}

    deinit { self.memory.deallocate() }

    /// Behind the headroom.
    var body: UnsafeMutableRawBufferPointer { UnsafeMutableRawBufferPointer(rebasing: self.memory[Self.headroom...]) }
}
#endif
