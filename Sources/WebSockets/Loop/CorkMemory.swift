/// Where what is sent during a burst is collected, by the one connection of the loop that consumes a burst. It leaves in
/// one write when the burst ends.
final class CorkMemory {
    static let byteCount = 64 << 10

    private let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: CorkMemory.byteCount, alignment: 64)
    @exclusivity(unchecked) private var isLent = false

    deinit { self.memory.deallocate() }

    /// Lends the memory; nothing if somebody further up the stack has it. Then it must not be given back either.
    func take() -> UnsafeMutableRawBufferPointer {
        if self.isLent { return UnsafeMutableRawBufferPointer(start: nil, count: 0) }
        self.isLent = true
        return self.memory
    }

    func give(_ memory: UnsafeMutableRawBufferPointer) {
        if memory.baseAddress != nil { self.isLent = false }
    }
}
