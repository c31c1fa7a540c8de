public import WebSocketCore

/// The callback layer: what an application does with the messages of one connection, right on its event loop.
///
/// It is the fastest way: no task, no allocation and no copy for a message. In exchange nothing here may block, and the
/// bytes of a message are gone when the call returns. A generic parameter carries the type, so calls are direct.
///
///     struct Echo: MessageReceiver {
///         mutating func received(_ message: RawSpan, _ kind: MessageKind, _ socket: LoopSocket) {
///             socket.send(message, as: kind)
///         }
///     }
public protocol MessageReceiver: SendableMetatype {
    /// The opening handshake is over; messages may be sent. Does nothing by default.
    mutating func opened(_ socket: LoopSocket)

    /// A whole message came. Text has been checked to be UTF-8.
    mutating func received(_ message: RawSpan, _ kind: MessageKind, _ socket: LoopSocket)

    /// What waited to be written has gone down to half the high-water mark, having been above it. Does nothing by
    /// default.
    mutating func writable(_ socket: LoopSocket)

    /// It is over. The last call. Does nothing by default.
    mutating func closed(_ closure: Closure)
}

extension MessageReceiver {
    public mutating func opened(_ socket: LoopSocket) {}
    public mutating func writable(_ socket: LoopSocket) {}
    public mutating func closed(_ closure: Closure) {}
}

/// A connection as its callbacks see it, on its event loop. It must not leave the loop: ``webSocket`` may.
public struct LoopSocket {
    @usableFromInline let engine: SocketEngine

    @usableFromInline
    init(_ engine: SocketEngine) { self.engine = engine }

    /// Sends a message without waiting. Everything sent while one burst of bytes is delivered leaves in one write.
    ///
    /// Text must be valid UTF-8 (RFC 6455 §5.6); the bytes are copied before this returns.
    /// - Parameters:
    ///   - message: all bytes of the message.
    ///   - kind: whether they are text.
    ///   - compress: `false` leaves the message uncompressed where compression was negotiated.
    /// - Returns: what became of the message.
    @inlinable
    @discardableResult
    public func send(_ message: RawSpan, as kind: MessageKind, compress: Bool = true) -> SendStatus {
        self.engine.send(message, as: kind, compress: compress)
    }

    /// Sends a text message without waiting.
    @discardableResult
    public func send(_ text: String) -> SendStatus {
        var text = text
        return text.withUTF8 { self.engine.send(UnsafeRawBufferPointer($0).bytes, as: .text) }
    }

    /// Sends a message that many connections get, without waiting: it was encoded, and compressed, once for all.
    @discardableResult
    public func send(_ message: PreparedMessage) -> SendStatus { self.engine.send(message) }

    /// Begins the closing handshake. Nothing can be sent after it; only the first call counts.
    public func close(_ code: CloseCode? = .normal, reason: String = "") {
        self.engine.close(Close(code, reason: reason))
    }

    /// Drops the connection without a closing handshake.
    public func abort() { self.engine.abort() }

    /// How many bytes wait to be written.
    public var waitingBytes: Int { self.engine.waitingBytes }

    /// What the opening handshake has settled.
    public var info: SocketInfo { self.engine.info }

    /// The same connection for use by any task on any thread.
    public var webSocket: WebSocket { WebSocket(self.engine) }
}
