import NIOCore
import Synchronization
public import WebSocketCore

// Large messages in pieces: what is in memory is a piece, not the message.

extension WebSocket {
    /// Receives the next message piece by piece, however large it is, and lets the peer wait while `body` is busy.
    ///
    ///     try await socket.withNextMessage { message in
    ///         while let piece = try await message.next() { try file.write(piece) }
    ///     }
    ///
    /// A message larger than `Limits.maxMessageBytes` needs `Limits.maxStreamedBytes` to allow it; such a message then
    /// waits until a task receives, with this or with `receive`, which fails the connection with 1009.
    ///
    /// What `body` leaves of the message is thrown away when it comes.
    ///
    /// - Parameter body: is given the message; runs where the caller runs.
    /// - Returns: what `body` returned, or `nil` when the connection was closed with 1000, 1001 or no code before a message
    ///   began.
    /// - Throws: ``WebSocketError/alreadyReceiving`` if another task receives, ``WebSocketError/closed(_:)`` and
    ///   `CancellationError` as `receive` does, and what `body` throws.
    nonisolated(nonsending)
        public func withNextMessage<Result>(
            _ body: nonisolated(nonsending) (inout MessageReader) async throws -> Result
        ) async throws -> Result?
    {
        let engine = self.engine
        guard let consumer = engine.asyncConsumer else { throw WebSocketError.alreadyReceiving }
        let receiver: PieceReceiver? = await self.onLoop { consumer.beginPieces(engine) }
        guard let receiver else { throw WebSocketError.alreadyReceiving }
        // Also if `body` throws: the next message is another matter.
        defer { engine.loop.run { consumer.endPieces(engine, receiver) } }
        switch await self.nextPiece(consumer, receiver) {
        case .piece(let piece):
            var reader = MessageReader(self, consumer, receiver, first: piece)
            return try await body(&reader)
        case .closure(let closure):
            try Self.checkEnd(closure)
            return nil
        case .cancelled: throw CancellationError()
        }
    }

    nonisolated(nonsending)
        fileprivate func nextPiece(
            _ consumer: AsyncConsumer, _ receiver: PieceReceiver
        ) async -> PieceReceiver.Found
    {
        if Task.isCancelled { return .cancelled }
        // Its loop may not exist any more.
        if !self.engine.loop.isHere, self.tasks.remote.isAbandoned.load(ordering: .relaxed),
            let closure = self.tasks.closureSeenFromElsewhere
        {
            return .closure(closure)
        }
        let engine = self.engine
        let cancellation = Cancellation()
        return await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                engine.loop.run {
                    if cancellation.hasCome {
                        continuation.resume(returning: .cancelled)
                    } else {
                        consumer.awaitPiece(engine, receiver, continuation)
                    }
                }
            }
        } onCancel: {
            cancellation.come()
            engine.loop.eventLoop.execute { receiver.cancel() }
        }
    }

    /// Does something on the connection's loop, at once if the task is there.
    nonisolated(nonsending)
        private func onLoop<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result
    {
        let loop = self.engine.loop
        return await withUnsafeContinuation { continuation in
            loop.run { continuation.resume(returning: body()) }
        }
    }

    /// Sends a message piece by piece: each is on its way before the next one is made (RFC 6455 §5.4).
    ///
    ///     try await socket.withMessageWriter(as: .binary) { message in
    ///         while let piece = try file.read(upToCount: 64 << 10) { try await message.write(piece) }
    ///     }
    ///
    /// Messages of other tasks wait until this one is complete, `trySend` refuses them meanwhile; pings and their answers
    /// go in between. To send another message with this socket from within `body` would wait for itself.
    ///
    /// - Parameters:
    ///   - kind: text or binary. The pieces of a text may be cut anywhere, together they must be UTF-8.
    ///   - body: writes the message; it is complete when it returns. If it throws after it has written something, the
    ///     connection is closed with 1011: the peer never takes what it got for a whole message.
    /// - Returns: what `body` returned.
    /// - Throws: ``WebSocketError/closing`` if the end of the message cannot be sent any more, `CancellationError`, and
    ///   what `body` throws.
    nonisolated(nonsending)
        public func withMessageWriter<Result>(
            as kind: MessageKind, _ body: nonisolated(nonsending) (inout MessageWriter) async throws -> Result
        ) async throws -> Result
    {
        var writer = MessageWriter(self, kind)
        do {
            let result = try await body(&writer)
            try await writer.finish()
            return result
        } catch {
            if writer.hasBegun {
                let engine = self.engine
                engine.loop.eventLoop.execute {
                    engine.close(Close(.internalError, reason: "the message was not finished"))
                    engine.tasks?.resumeSenders()
                }
            }
            throw error
        }
    }
}

/// A message that is received piece by piece: ``WebSocket/withNextMessage(_:)``.
public struct MessageReader: ~Copyable {
    private let socket: WebSocket
    private let consumer: AsyncConsumer
    private let receiver: PieceReceiver
    private var first: MessagePiece?
    private var isOver = false

    /// Whether it is text or binary.
    public let kind: MessageKind

    init(_ socket: WebSocket, _ consumer: AsyncConsumer, _ receiver: PieceReceiver, first: MessagePiece) {
        self.socket = socket
        self.consumer = consumer
        self.receiver = receiver
        self.first = first
        self.kind = first.kind
    }

    /// The next bytes of the message: as many as have come, 512 KiB at most, never none. A character of a text may begin
    /// in one piece and end in the next; together they have been checked to be UTF-8.
    ///
    /// - Returns: `nil` when the message was complete.
    /// - Throws: ``WebSocketError/messageCutShort(_:)`` when the connection ended before the message did, however
    ///   politely; `CancellationError`.
    nonisolated(nonsending)
        public mutating func next() async throws -> [UInt8]?
    {
        while !self.isOver {
            let piece: MessagePiece
            if let first = self.first.take() {
                piece = first
            } else {
                switch await self.socket.nextPiece(self.consumer, self.receiver) {
                case .piece(let next): piece = next
                case .closure(let closure): throw WebSocketError.messageCutShort(closure)
                case .cancelled: throw CancellationError()
                }
            }
            self.isOver = piece.isLast
            if !piece.bytes.isEmpty { return piece.bytes }
        }
        return nil
    }
}

/// A message that is sent piece by piece: ``WebSocket/withMessageWriter(as:_:)``.
public struct MessageWriter: ~Copyable {
    private let socket: WebSocket
    private let kind: MessageKind
    fileprivate private(set) var hasBegun = false

    init(_ socket: WebSocket, _ kind: MessageKind) {
        self.socket = socket
        self.kind = kind
    }

    /// Sends the next bytes of the message, as one fragment. Suspends only while more than the high-water mark waits to be
    /// written, and before the first one while another task sends a message in pieces.
    ///
    /// - Parameter bytes: any number; none sends nothing.
    /// - Throws: ``WebSocketError/closing`` if nothing can be sent any more, `CancellationError`.
    nonisolated(nonsending)
        public mutating func write(_ bytes: [UInt8]) async throws
    {
        if bytes.isEmpty { return }
        try await self.socket.send(bytes, as: self.kind, position: self.hasBegun ? .middle : .first)
        self.hasBegun = true
    }

    /// Sends the next part of a text.
    ///
    /// - Parameter text: any text; an empty one sends nothing.
    /// - Throws: as ``write(_:)-([UInt8])`` does.
    nonisolated(nonsending)
        public mutating func write(_ text: String) async throws
    {
        try await self.write(Array(text.utf8))
    }

    /// Everything was written.
    nonisolated(nonsending)
        fileprivate mutating func finish() async throws
    {
        try await self.socket.send([], as: self.kind, position: self.hasBegun ? .last : .whole)
        self.socket.engine.loop.run { [socket] in socket.tasks.resumeSenders() }
    }
}
