import CBenchLibraries
import Glibc

/// What a client sends that compresses its messages: text like JSON, compressed beforehand.
///
/// With context takeover (RFC 7692 §7.1.1) a message refers to those before it. So the same messages are compressed
/// twice in one stream: the first time for a connection that has just been opened, the second time for every repetition
/// after that. Together they are longer than zlib's window, so that none finds itself there.
///
///     opening     m0 m1 m2 … mn   ──▶   repeated   m0 m1 m2 … mn   m0 m1 …
struct DeflateScript {
    /// Frames that are sent in one write, and how many they are.
    struct Step {
        var frames: [UInt8] = []
        var messages = 0
    }

    let opening: [Step]
    let repeated: [Step]
    /// The messages of the opening, before they were compressed.
    let plain: [[UInt8]]
    /// Bytes of all messages by bytes of all frames.
    let ratio: Double

    /// - Parameters:
    ///   - payloadBytes: of each message, before it is compressed.
    ///   - inFlight: messages in one step.
    ///   - keepsContext: whether messages refer to those before them.
    init(payloadBytes: Int, inFlight: Int, keepsContext: Bool) throws(BenchError) {
        let least = max(4, (48 << 10) / max(1, payloadBytes))
        let count = (least + inFlight - 1) / inFlight * inFlight
        var text = RecordText(seed: 7)
        let plain = (0..<count).map { _ in text.next(bytes: payloadBytes) }

        // zlib wants it to stay where it is.
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        defer { stream.deallocate() }
        guard aloft_begin_deflate(stream, 6, 15, 8) != 0 else { throw .system(call: "deflateInit2", errno: ENOMEM) }
        defer { deflateEnd(stream) }
        func steps() -> [Step] {
            var steps: [Step] = []
            for (index, message) in plain.enumerated() {
                if index % inFlight == 0 { steps.append(Step()) }
                if !keepsContext { deflateReset(stream) }
                let frame = FrameWindow.frame(
                    Self.compressed(message, stream), firstByte: 0xC1, mask: [0x37, 0xFA, 0x21, UInt8(index & 0xFF)])
                steps[steps.count - 1].frames += frame
                steps[steps.count - 1].messages += 1
            }
            return steps
        }
        self.plain = plain
        self.opening = steps()
        self.repeated = steps()
        self.ratio =
            Double(count * payloadBytes) / Double(self.repeated.reduce(0) { $0 + $1.frames.count })
    }

    /// A message as RFC 7692 §7.2.1 has it: flushed, without the last four bytes.
    private static func compressed(_ message: [UInt8], _ stream: UnsafeMutablePointer<z_stream>) -> [UInt8] {
        var message = message
        var output = [UInt8](repeating: 0, count: message.count + 1_024)
        let left = message.withUnsafeMutableBufferPointer { input in
            output.withUnsafeMutableBufferPointer { room in
                stream.pointee.next_in = input.baseAddress
                stream.pointee.avail_in = UInt32(input.count)
                stream.pointee.next_out = room.baseAddress
                stream.pointee.avail_out = UInt32(room.count)
                deflate(stream, Z_SYNC_FLUSH)
                return Int(stream.pointee.avail_out)
            }
        }
        return Array(output.dropLast(left + 4))
    }
}

/// Records as a service would send them, from a simple generator of pseudo-random numbers.
struct RecordText {
    private var state: UInt32

    init(seed: UInt32) { self.state = seed }

    private static let words = [
        "alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliett", "kilo", "lima",
        "mike", "november", "oscar", "papa", "quebec", "romeo", "sierra", "tango", "uniform", "victor", "whiskey",
    ]

    private mutating func number(below bound: UInt32) -> UInt32 {
        self.state = self.state &* 1_664_525 &+ 1_013_904_223
        return (self.state >> 8) % bound
    }

    private mutating func word() -> String { Self.words[Int(self.number(below: UInt32(Self.words.count)))] }

    /// So many bytes of ASCII.
    mutating func next(bytes: Int) -> [UInt8] {
        var text = "["
        while text.utf8.count < bytes {
            text += "{\"id\":\(self.number(below: 1_000_000)),\"name\":\"\(self.word()) \(self.word())\","
            text += "\"price\":\(self.number(below: 1_000)).\(self.number(below: 100)),"
            text += "\"state\":\"\(self.word())\",\"isOpen\":\(self.number(below: 2) == 0 ? "true" : "false")},"
        }
        return Array(text.utf8.prefix(bytes))
    }
}
