/// The memory a loop's connections read from, one at a time: bytes are copied here once and unmasked in place, so that
/// whoever else holds the transport's buffer is not disturbed and messages are delivered as views.
final class ReceiveBuffer {
    private let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 80 << 10, alignment: 64)
    @exclusivity(unchecked) private var isLent = false

    deinit { self.memory.deallocate() }

    /// Puts `first` and `second` one after the other and lends the result for the time of `body`.
    func lend(
        _ first: [UInt8], _ second: UnsafeRawBufferPointer, _ body: (UnsafeMutableRawBufferPointer) -> Void
    ) {
        let count = first.count + second.count
        // Somebody further up the stack reads already, or the bytes are unusually many: memory of their own.
        if self.isLent || count > self.memory.count {
            let own = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, count), alignment: 64)
            defer { own.deallocate() }
            self.fill(own, first, second)
            body(UnsafeMutableRawBufferPointer(rebasing: own[..<count]))
            return
        }
        self.isLent = true
        defer { self.isLent = false }
        self.fill(self.memory, first, second)
        body(UnsafeMutableRawBufferPointer(rebasing: self.memory[..<count]))
    }

    /// `target` has room for both: the caller has compared.
    private func fill(
        _ target: UnsafeMutableRawBufferPointer, _ first: [UInt8], _ second: UnsafeRawBufferPointer
    ) {
        first.withUnsafeBytes { target.copyMemory(from: $0) }
        UnsafeMutableRawBufferPointer(rebasing: target[first.count...]).copyMemory(from: second)
    }
}
