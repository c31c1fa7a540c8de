import WebSocketCore

/// The body of a response that refuses a WebSocket, as far as it is kept (RFC 9112 §6).
struct RejectionBody {
    private enum Framing {
        case length(left: Int)
        /// A line with a chunk's size is being read: its hexadecimal digits, then anything up to LF.
        case chunkSize(UInt64, isInDigits: Bool)
        case chunk(left: UInt64)
        /// The line end behind a chunk.
        case chunkEnd
        case untilEnd
        case complete
    }

    /// What is kept of it; the rest is thrown away.
    static let maxBytes = 64 << 10

    private(set) var bytes: [UInt8] = []
    private var framing: Framing

    init(of head: ResponseHead) {
        if head.status == 204 || head.status == 304 {
            self.framing = .complete
        } else if head.fields.contains("Transfer-Encoding", token: "chunked") {
            self.framing = .chunkSize(0, isInDigits: true)
        } else if head.fields.count(of: "Transfer-Encoding") == 0, let length = head.contentLength {
            self.framing = length == 0 ? .complete : .length(left: length)
        } else {
            self.framing = .untilEnd
        }
    }

    /// Whether nothing more will be kept.
    var isComplete: Bool {
        if case .complete = self.framing { true } else { self.bytes.count >= Self.maxBytes }
    }

    mutating func append(_ received: UnsafeRawBufferPointer) {
        var rest = received[...]
        while !rest.isEmpty, !self.isComplete {
            switch self.framing {
            case .length(let left):
                let count = self.keep(&rest, atMost: UInt64(left))
                self.framing = count == left ? .complete : .length(left: left - count)
            case .chunkSize(let size, let isInDigits):
                guard let byte = rest.popFirst() else { return }
                self.readSize(byte, size, isInDigits)
            case .chunk(let left):
                let count = UInt64(self.keep(&rest, atMost: left))
                self.framing = count == left ? .chunkEnd : .chunk(left: left - count)
            case .chunkEnd:
                if rest.popFirst() == 0x0A { self.framing = .chunkSize(0, isInDigits: true) }
            case .untilEnd: _ = self.keep(&rest, atMost: .max)
            case .complete: return
            }
        }
    }

    private mutating func readSize(_ byte: UInt8, _ size: UInt64, _ isInDigits: Bool) {
        let digit: UInt64? =
            switch byte {
            case 0x30...0x39: UInt64(byte - 0x30)
            case 0x41...0x46: UInt64(byte - 0x41 + 10)
            case 0x61...0x66: UInt64(byte - 0x61 + 10)
            case _: nil
            }
        if byte == 0x0A {
            // The last chunk is empty; a trailer is of no interest.
            self.framing = size == 0 ? .complete : .chunk(left: size)
        } else if isInDigits, let digit {
            // So long a chunk is not kept whole anyway.
            let larger = size.multipliedReportingOverflow(by: 16)
            self.framing = .chunkSize(larger.overflow ? .max : larger.partialValue | digit, isInDigits: true)
        } else {
            self.framing = .chunkSize(size, isInDigits: false)
        }
    }

    /// Takes as many bytes of `rest` as belong to the body, and says how many.
    private mutating func keep(_ rest: inout Slice<UnsafeRawBufferPointer>, atMost count: UInt64) -> Int {
        let taken = rest.prefix(Int(clamping: count))
        rest = rest.dropFirst(taken.count)
        self.bytes.append(contentsOf: taken.prefix(Self.maxBytes - self.bytes.count))
        return taken.count
    }
}
