public import WebSocketCore

/// What an endpoint's application and transport get to see.
public enum EndpointEvent: Sendable, Hashable {
    case message(MessageKind, [UInt8])
    /// A piece of a message: `WebSocketConnection.delivery`.
    case piece(MessageKind, [UInt8], isLast: Bool)
    /// A message waits until it is decided how it is delivered; ``TestEndpoint/receive(_:)`` reads on.
    case awaitsDelivery
    /// A pong came; `nil` if its payload is not eight bytes long.
    case pong(UInt64?)
    /// This end sends nothing more.
    case outputShutDown
    /// It is over.
    case closed(Closure)

    public static func text(_ text: String) -> EndpointEvent { .message(.text, Array(text.utf8)) }
    public static func binary(_ bytes: [UInt8]) -> EndpointEvent { .message(.binary, bytes) }
}

/// One end of a connection, driven by hand: bytes in, events and bytes out.
///
///     var server = TestEndpoint(role: .server)
///     server.receive(FrameBytes.text("Hello").from(.client).bytes)
///     server.events                // [.text("Hello")]
///     try server.send("Hi")
///     server.takeOutput()          // [0x81, 0x02, 0x48, 0x69]
public struct TestEndpoint: ~Copyable {
    public var connection: WebSocketConnection
    public private(set) var events: [EndpointEvent] = []
    /// The time the endpoint believes it is.
    public var now: Timestamp
    public private(set) var isOutputShutDown = false
    public private(set) var isClosed = false
    private var output: [UInt8] = []
    private var unread: [UInt8] = []
    private var random: SeededGenerator

    public init(
        role: Role, limits: Limits = Limits(), keepAlive: KeepAlive.Configuration? = nil,
        deflate: DeflateSettings? = nil, now: Timestamp = .zero, seed: UInt64 = 1
    ) {
        self.connection = WebSocketConnection(
            role: role, configuration: ConnectionConfiguration(limits: limits, keepAlive: keepAlive), deflate: deflate,
            now: now)
        self.now = now
        self.random = SeededGenerator(seed: seed)
    }

    /// Bytes came, all at once.
    public mutating func receive(_ bytes: [UInt8]) {
        self.unread += bytes
        self.step()
    }

    /// Bytes came, one read each.
    public mutating func receiveByteByByte(_ bytes: [UInt8]) {
        for byte in bytes { self.receive([byte]) }
    }

    /// The peer ended its side of the stream.
    public mutating func receiveEndOfStream() { self.transportEnded(.endOfStream) }

    public mutating func transportEnded(_ failure: Closure.TransportFailure) {
        self.connection.transportEnded(failure)
        self.step()
    }

    /// Sends a message.
    public mutating func send(
        _ bytes: [UInt8], as kind: MessageKind, position: FramePosition = .whole, compress: Bool = true
    ) throws(SendError) {
        let key = self.maskingKey()
        let frame = try self.connection.frame(
            for: bytes.span.rawBytes, as: kind, position: position, compress: compress, maskingKey: key)
        var encoded = [UInt8](repeating: 0, count: frame.byteCount)
        // In bounds: as large as the frame says. Alive: inside the closure.
        let count = unsafe encoded.withUnsafeMutableBytes {
            unsafe self.connection.encode(frame, bytes.span.rawBytes, into: $0)
        }
        self.output += encoded[..<count]
    }

    public mutating func send(_ text: String) throws(SendError) {
        try self.send(Array(text.utf8), as: .text)
    }

    public mutating func ping(_ payload: UInt64) {
        self.connection.ping(payload)
        self.step()
    }

    public mutating func close(_ code: CloseCode?, _ reason: String = "") {
        self.connection.close(Close(code, reason: reason), now: self.now)
        self.step()
    }

    /// Time passes, and the timer fires if it was due.
    public mutating func advance(by duration: Duration) {
        self.now = self.now + duration
        self.connection.timedOut(now: self.now, random: &self.random)
        self.step()
    }

    /// The bytes sent since the last call.
    public mutating func takeOutput() -> [UInt8] {
        defer { self.output = [] }
        return self.output
    }

    /// The events since the last call.
    public mutating func takeEvents() -> [EndpointEvent] {
        defer { self.events = [] }
        return self.events
    }

    /// Bytes that came and are no whole frame yet.
    public var unreadBytes: Int { self.unread.count }

    private mutating func maskingKey() -> MaskingKey? {
        self.connection.role == .client ? MaskingKey(using: &self.random) : nil
    }

    private mutating func step() {
        var offset = 0
        defer { self.unread.removeFirst(offset) }
        while !self.isClosed {
            // Alive, in bounds and initialized: all of the array, inside the closure.
            let step = unsafe self.unread.withUnsafeMutableBytes {
                unsafe self.connection.next(in: $0, from: &offset, now: self.now)
            }
            switch step {
            case .message(let kind, let range): self.events.append(.message(kind, Array(self.unread[range])))
            case .assembledMessage(let kind): self.events.append(.message(kind, self.connection.takeMessage()))
            case .piece(let kind, let range, let isLast):
                self.events.append(.piece(kind, Array(self.unread[range]), isLast: isLast))
            case .assembledPiece(let kind):
                self.events.append(.piece(kind, self.connection.takeMessage(), isLast: false))
            case .awaitsDelivery:
                self.events.append(.awaitsDelivery)
                return
            case .pong(let payload): self.events.append(.pong(payload))
            case .write: self.writeControlFrames()
            case .shutdownOutput:
                self.isOutputShutDown = true
                self.events.append(.outputShutDown)
            case .closeTransport:
                self.isClosed = true
                if let closure = self.connection.closure { self.events.append(.closed(closure)) }
            case .needMoreBytes: return
            }
        }
    }

    private mutating func writeControlFrames() {
        var random = self.random
        var written: [UInt8] = []
        let key: (() -> MaskingKey)? = self.connection.role == .client ? { MaskingKey(using: &random) } : nil
        // Alive: `write` is given memory for its call only.
        unsafe self.connection.writeControlFrames(maskingKey: key) { count, write in
            var frame = [UInt8](repeating: 0, count: count)
            // In bounds: as large as it may be. Alive: inside the closure.
            let end = unsafe frame.withUnsafeMutableBytes { unsafe write($0) }
            written += frame[..<end]
        }
        self.random = random
        self.output += written
    }
}
