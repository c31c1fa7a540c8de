// How the core reads bytes: through spans, which know how many there are. What the standard library's spans do not offer
// without `unsafe` yet is here, checked.

extension RawSpan {
    /// The byte at `index`, which must lie in `0..<byteCount`.
    @inlinable
    @inline(__always)
    func byte(at index: Int) -> UInt8 {
        // In bounds: this load compares the offset with the count. Any bits are a `UInt8`.
        unsafe self.unsafeLoad(fromByteOffset: index, as: UInt8.self)
    }

    /// The number in the bytes from `offset` on, in the processor's order, however they are aligned. All of them must lie in
    /// `0..<byteCount`.
    @inlinable
    @inline(__always)
    func load<Number: FixedWidthInteger & BitwiseCopyable>(at offset: Int, as type: Number.Type) -> Number {
        // In bounds: this load compares the offset and the size with the count. Any bits are an integer.
        unsafe self.unsafeLoadUnaligned(fromByteOffset: offset, as: type)
    }

    /// `range` as text. Bytes that are not UTF-8 become U+FFFD.
    func text(_ range: Range<Int>) -> String {
        // Alive and in bounds: the pointer names all of a checked part of the span, and stays inside the closure.
        unsafe self.extracting(range).withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
    }
}

extension Span where Element == UInt8 {
    /// The same bytes, raw. The standard library's `bytes` is unsafe because other elements may have padding.
    @inlinable
    package var rawBytes: RawSpan {
        @_lifetime(copy self)
        @inline(__always)
        get {
            // Initialized: a `UInt8` has no padding.
            unsafe self.bytes
        }
    }
}

extension Array {
    /// A copy in memory exactly as large.
    func copied() -> [Element] {
        // Alive and in bounds: the pointer names all elements, and stays inside the closure.
        unsafe self.withUnsafeBufferPointer { unsafe Array($0) }
    }
}

extension [UInt8] {
    /// A copy of `bytes`, in memory exactly as large.
    init(copying bytes: RawSpan) {
        // Alive and in bounds: the pointer names all of the span, and stays inside the closure.
        self = unsafe bytes.withUnsafeBytes { unsafe Array($0) }
    }

    /// Appends a copy of `bytes`.
    mutating func append(contentsOf bytes: RawSpan) {
        // As above. Not aliased: nothing can hold a span of this array while it is changed.
        unsafe bytes.withUnsafeBytes { unsafe self.append(contentsOf: $0) }
    }
}
