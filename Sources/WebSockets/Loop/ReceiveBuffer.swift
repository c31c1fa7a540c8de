/// The memory a loop's connections read from, one at a time: bytes are copied here once and unmasked in place, so that
/// whoever else holds the transport's buffer is not disturbed and messages are delivered as views.
final class ReceiveBuffer {
    /// More than one read brings.
    static let byteCount = 80 << 10

    private let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: ReceiveBuffer.byteCount, alignment: 64)
    @exclusivity(unchecked) private var isLent = false

    deinit { self.memory.deallocate() }

    /// Lends `count` bytes of memory, which `fill` has filled, for the time of `body`.
    func lend<Result>(
        _ count: Int, filledBy fill: (UnsafeMutableRawBufferPointer) -> Void,
        _ body: (UnsafeMutableRawBufferPointer) -> Result
    ) -> Result {
        // Somebody further up the stack reads already, or the bytes are unusually many: memory of their own.
        if self.isLent || count > self.memory.count {
            let own = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, count), alignment: 64)
            defer { own.deallocate() }
            let bytes = UnsafeMutableRawBufferPointer(rebasing: own[..<count])
            fill(bytes)
            return body(bytes)
        }
        self.isLent = true
        defer { self.isLent = false }
        let bytes = UnsafeMutableRawBufferPointer(rebasing: self.memory[..<count])
        fill(bytes)
        return body(bytes)
    }
}
