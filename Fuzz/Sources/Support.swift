// What all targets share. Each target is one file beside this one, compiled together with it.

/// Stops the process, which libFuzzer reports as a finding together with the input, unless `condition` holds.
func require(_ condition: Bool, _ message: @autoclosure () -> String) {
    if !condition { fatalError("invariant broken: " + message()) }
}

/// Where two sequences begin to differ: enough of both to tell why, not all of it.
func difference<Element: Equatable>(_ found: [Element], _ expected: [Element]) -> String {
    let index = zip(found, expected).prefix { $0 == $1 }.count
    let (some, others) = (Array(found.dropFirst(index).prefix(3)), Array(expected.dropFirst(index).prefix(3)))
    return "from element \(index) on \(some), not \(others) (\(found.count) and \(expected.count) elements)"
}

/// What the process has allocated and not freed, in bytes, as AddressSanitizer counts it.
@_silgen_name("__sanitizer_get_current_allocated_bytes")
func allocatedBytes() -> Int

/// The first bytes of an input are choices, such as the role and the limits; the rest is what the core is fed.
struct Choices {
    private var input: ArraySlice<UInt8>

    init(_ start: UnsafePointer<UInt8>?, _ count: Int) {
        // libFuzzer's bytes are valid for the length of the call; this copies them.
        self.input = Array(UnsafeBufferPointer(start: start, count: count))[...]
    }

    /// The next choice; 0 when there is none left.
    mutating func next() -> UInt8 { self.input.popFirst() ?? 0 }

    /// One of `options`, which is not empty.
    mutating func next<Option>(of options: [Option]) -> Option { options[Int(self.next()) % options.count] }

    /// All that was not taken as a choice.
    var rest: [UInt8] { Array(self.input) }
}

/// Seeded by an input, so that an input always means the same.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt8) { self.state = UInt64(seed) }

    /// SplitMix64.
    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// How bytes arrive.
enum Cuts {
    case atOnce
    case byteByByte
    case random(seed: UInt8)

    /// Where the pieces of `count` bytes end, in order, `count` last. `also` are further places to cut at.
    func ends(_ count: Int, also: [Int] = []) -> [Int] {
        var ends = Set(also.filter { 0..<count ~= $0 })
        switch self {
        case .atOnce: break
        case .byteByByte: ends.formUnion(0..<count)
        case .random(let seed):
            var random = SeededGenerator(seed: seed)
            var end = 0
            while end < count {
                ends.insert(end)
                end += Int.random(in: 1...max(1, count / 2), using: &random)
            }
        }
        return ends.sorted() + [count]
    }
}

/// Memory of exactly as many bytes as asked for: AddressSanitizer sees an access to the first byte behind it, which the
/// spare capacity of an array would hide.
struct ExactBytes: ~Copyable {
    let memory: UnsafeMutableRawBufferPointer

    init(_ bytes: some Collection<UInt8>) {
        self.memory = .allocate(byteCount: bytes.count, alignment: 1)
        self.memory.copyBytes(from: bytes)
    }

    init(count: Int) { self.init(repeatElement(0, count: count)) }

    deinit { self.memory.deallocate() }

    var bytes: [UInt8] { Array(self.memory) }
}
