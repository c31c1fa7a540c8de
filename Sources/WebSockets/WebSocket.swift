import NIOCore
import Synchronization
public import WebSocketCore

/// An open WebSocket, for tasks: usable from any task on any thread.
///
///     for try await message in socket {          // owned messages
///         try await socket.send(message)
///     }
///
///     while try await socket.receive({ message, kind in   // borrowed: no copy, no allocation
///         socket.trySend(message, as: kind)
///     }) != nil {}
///
/// One task receives at a time. While nobody does, pings are answered and the peer's Close frame is as well, until
/// ``SocketSettings/maxUnreadBytes`` of messages wait; then nothing more is read, and the peer has to wait. Iteration ends when the peer closes with 1000, 1001 or no code, and throws ``WebSocketError/closed(_:)``
/// when the connection ended in any other way.
///
/// A task that runs on the connection's event loop, as the server's handlers do, gets its messages without a thread
/// switch; elsewhere each suspension costs one.
public final class WebSocket: Sendable, Identifiable {
    let engine: SocketEngine

    /// On the connection's loop.
    init(_ engine: SocketEngine) {
        self.engine = engine
        engine.makeTasks()
    }

    /// There since `init`, and the same for good.
    var tasks: SocketTasks {
        guard let tasks = self.engine.tasks else { preconditionFailure("no tasks") }
        return tasks
    }

    /// Equal for all handles of one connection.
    public var id: ObjectIdentifier { ObjectIdentifier(self.engine) }

    /// What the opening handshake has settled.
    public var info: SocketInfo { self.engine.info }

    /// The subprotocol both ends speak, if one was chosen.
    public var subprotocol: String? { self.info.subprotocol }

    // MARK: Receiving

    /// Lends the next message to `body`, without a copy where it lies whole in the receive buffer.
    ///
    /// The bytes must not be used after `body` returns; the compiler sees to it. Text has been checked to be UTF-8.
    /// - Returns: what `body` returned, or `nil` when the connection was closed with 1000, 1001 or no code.
    /// - Throws: ``WebSocketError``, `CancellationError`, and what `body` throws.
    @inlinable
    @inline(__always)
    nonisolated(nonsending)
        public func receive<Result>(_ body: (RawSpan, MessageKind) throws -> Result) async throws -> Result?
    {
        while true {
            switch self.take() {
            case .view(let kind, let bytes): return try body(bytes.bytes, kind)
            case .owned(let kind, let bytes):
                defer { self.recycle(bytes) }
                return try body(bytes.span.bytes, kind)
            case .nothing: break
            }
            switch try self.prepareToWait() {
            case .here: await withUnsafeContinuation { self.waitHere($0) }
            case .otherwise:
                switch try await self.awaitMessage() {
                case .message(let kind, let bytes): return try body(bytes.span.bytes, kind)
                case .end: return nil
                case .again: break
                }
            case .end: return nil
            }
        }
    }

    /// How a task has to wait for a message.
    @usableFromInline
    enum Wait {
        /// It is the handler's own, on the connection's loop.
        case here
        /// With ``awaitMessage()``.
        case otherwise
        /// There will be none.
        case end
    }

    /// What such a wait has come to.
    @usableFromInline
    enum Arrival {
        /// There is something to be taken, or has been.
        case again
        /// The task is not on the connection's loop, and is given a message of its own.
        case message(MessageKind, [UInt8])
        case end
    }

    /// The next message, if it is here already and the task is on the connection's loop.
    @usableFromInline
    func take() -> SocketEngine.Pulled {
        self.engine.loop.isHere ? self.engine.take() : .nothing
    }

    /// A message that was taken is not needed any more. On the loop.
    @usableFromInline
    func recycle(_ message: consuming [UInt8]) { self.engine.recycle(message) }

    // What follows stands apart, or in the caller, so that a task that waits keeps as little as possible: each frame counts
    // for each idle connection.

    /// - Throws: ``WebSocketError``, `CancellationError`.
    @usableFromInline
    func prepareToWait() throws -> Wait {
        guard self.engine.loop.isHere, let consumer = self.engine.asyncConsumer else { return .otherwise }
        if let closure = self.engine.closure {
            try Self.checkEnd(closure)
            return .end
        }
        if consumer.isWaitedFor { throw WebSocketError.alreadyReceiving }
        try Task.checkCancellation()
        // Nobody else can cancel the handler's own task than the consumer, which then ends this wait.
        return consumer.isHandlerRunning ? .here : .otherwise
    }

    @usableFromInline
    func waitHere(_ continuation: UnsafeContinuation<Void, Never>) {
        guard let consumer = self.engine.asyncConsumer else { preconditionFailure("nothing to wait for") }
        consumer.waitHere(self.engine, continuation)
    }

    /// Waits until there may be a message.
    /// - Throws: ``WebSocketError``, `CancellationError`.
    @usableFromInline
    @inline(never)
    nonisolated(nonsending)
        func awaitMessage() async throws -> Arrival
    {
        guard self.engine.loop.isHere else { return try await self.receiveElsewhere() }
        guard let consumer = self.engine.asyncConsumer else { throw WebSocketError.alreadyReceiving }
        await self.waitCancellably(consumer)
        return .again
    }

    @inline(never)
    nonisolated(nonsending)
        private func waitCancellably(_ consumer: AsyncConsumer) async
    {
        let engine = self.engine
        await withTaskCancellationHandler {
            await withUnsafeContinuation { consumer.waitHere(engine, $0) }
        } onCancel: {
            engine.loop.eventLoop.execute { consumer.cancelWait() }
        }
    }

    /// The next message, or `nil` when the connection was closed with 1000, 1001 or no code.
    nonisolated(nonsending)
        public func receive() async throws -> Message?
    {
        while true {
            if let message = self.takeMessage() { return message }
            switch try self.prepareToWait() {
            case .here: await withUnsafeContinuation { self.waitHere($0) }
            case .otherwise:
                switch try await self.awaitMessage() {
                case .message(let kind, let bytes): return Message(kind, bytes)
                case .end: return nil
                case .again: break
                }
            case .end: return nil
            }
        }
    }

    @inline(never)
    private func takeMessage() -> Message? {
        switch self.take() {
        case .view(let kind, let bytes): return Message(kind, bytes.bytes)
        case .owned(let kind, let bytes): return Message(kind, bytes)
        case .nothing: return nil
        }
    }

    @inline(never)
    nonisolated(nonsending)
        private func receiveElsewhere() async throws -> Arrival
    {
        let engine = self.engine
        guard let consumer = engine.asyncConsumer else { throw WebSocketError.alreadyReceiving }
        while true {
            try Task.checkCancellation()
            // Its loop may not exist any more.
            if self.tasks.remote.isAbandoned.load(ordering: .relaxed), let closure = self.tasks.closureSeenFromElsewhere
            {
                try Self.checkEnd(closure)
                return .end
            }
            let cancellation = Cancellation()
            let found = await withTaskCancellationHandler {
                await withUnsafeContinuation { (continuation: UnsafeContinuation<AsyncConsumer.Found, Never>) in
                    engine.loop.eventLoop.execute {
                        if let owned = consumer.takeOwned(engine) {
                            continuation.resume(returning: .message(owned))
                        } else if let closure = engine.closure {
                            continuation.resume(returning: .closure(closure))
                        } else if consumer.isWaitedFor {
                            continuation.resume(returning: .anotherReceiver)
                        } else if cancellation.hasCome {
                            continuation.resume(returning: .nothing)
                        } else {
                            consumer.waitElsewhere(engine, continuation)
                        }
                    }
                }
            } onCancel: {
                cancellation.come()
                engine.loop.eventLoop.execute { consumer.cancelWait() }
            }
            switch found {
            case .message(let owned): return .message(owned.kind, owned.bytes)
            case .closure(let closure):
                try Self.checkEnd(closure)
                return .end
            case .anotherReceiver: throw WebSocketError.alreadyReceiving
            case .nothing: continue
            }
        }
    }

    /// - Throws: ``WebSocketError/closed(_:)`` unless the connection was closed with 1000, 1001 or no code.
    static func checkEnd(_ closure: Closure) throws(WebSocketError) {
        guard closure.isClean else { throw .closed(closure) }
        switch closure.received?.code {
        case nil, .normal, .goingAway: break
        case .some: throw .closed(closure)
        }
    }

    // MARK: Sending

    // None of it is inlined: who waits for a message would keep room for what sending needs.

    /// Sends a text message. Suspends only while more than the high-water mark waits to be written.
    /// - Throws: ``WebSocketError/closing`` if it cannot be sent any more, `CancellationError` if cancelled while
    ///   waiting for room.
    @inline(never)
    nonisolated(nonsending)
        public func send(_ text: String) async throws
    {
        if self.engine.loop.isHere, !self.engine.hasToWait(.whole) {
            var text = text
            return try Self.check(
                text.withUTF8 { self.engine.send(UnsafeRawBufferPointer($0).bytes, as: .text) })
        }
        try await self.send(Array(text.utf8), as: .text)
    }

    /// Sends a binary message. Suspends only while more than the high-water mark waits to be written.
    @inline(never)
    nonisolated(nonsending)
        public func send(_ bytes: [UInt8]) async throws
    {
        try await self.send(bytes, as: .binary)
    }

    /// Sends a message. Suspends only while more than the high-water mark waits to be written.
    @inline(never)
    nonisolated(nonsending)
        public func send(_ message: Message) async throws
    {
        switch message {
        case .text(let text): try await self.send(text)
        case .binary(let bytes): try await self.send(bytes)
        }
    }

    nonisolated(nonsending)
        func send(_ bytes: [UInt8], as kind: MessageKind, position: FramePosition = .whole) async throws
    {
        let engine = self.engine
        guard self.engine.loop.isHere else {
            try await self.sendElsewhere(bytes, as: kind, position)
            return
        }
        while engine.hasToWait(position), engine.isOpen {
            try Task.checkCancellation()
            await withTaskCancellationHandler {
                await withUnsafeContinuation { self.tasks.awaitRoomHere($0) }
            } onCancel: {
                engine.loop.eventLoop.execute { self.tasks.resumeSenders() }
            }
        }
        try Self.check(engine.send(bytes.span.bytes, as: kind, position: position))
    }

    nonisolated(nonsending)
        private func sendElsewhere(
            _ bytes: [UInt8], as kind: MessageKind, _ position: FramePosition
        ) async throws
    {
        let engine = self.engine
        while true {
            try Task.checkCancellation()
            if self.tasks.remote.isClosed.load(ordering: .relaxed) { throw WebSocketError.closing }
            let cancellation = Cancellation()
            let status: SendStatus? = await withTaskCancellationHandler {
                await withUnsafeContinuation { (continuation: UnsafeContinuation<SendStatus?, Never>) in
                    engine.loop.eventLoop.execute {
                        if cancellation.hasCome {
                            continuation.resume(returning: nil)
                        } else if engine.hasToWait(position), engine.isOpen {
                            self.tasks.awaitRoomElsewhere(continuation)
                        } else {
                            continuation.resume(
                                returning: engine.send(bytes.span.bytes, as: kind, position: position))
                        }
                    }
                }
            } onCancel: {
                cancellation.come()
                engine.loop.eventLoop.execute { self.tasks.resumeSenders() }
            }
            if let status { return try Self.check(status) }
        }
    }

    private static func check(_ status: SendStatus) throws(WebSocketError) {
        switch status {
        case .written, .queued: return
        case .dropped(.closed): throw .closing
        case .dropped(.outboxFull): throw .outboxFull
        case .dropped(.refused(let error)): throw .refused(error)
        }
    }

    /// Sends a message without waiting, and says what became of it.
    ///
    /// Called from another thread than the connection's loop, it copies the bytes and says `.queued` where the loop
    /// itself would know more.
    @discardableResult
    public func trySend(_ message: RawSpan, as kind: MessageKind) -> SendStatus {
        if self.engine.loop.isHere { return self.engine.send(message, as: kind) }
        let bytes = message.withUnsafeBytes { Array($0) }
        return self.engine.sendFromElsewhere(bytes.count, self.tasks) { $0.send(bytes.span.bytes, as: kind) }
    }

    /// Sends a text message without waiting, and says what became of it.
    @discardableResult
    public func trySend(_ text: String) -> SendStatus {
        var text = text
        return text.withUTF8 { self.trySend(UnsafeRawBufferPointer($0).bytes, as: .text) }
    }

    /// Sends a message without waiting, and says what became of it.
    @discardableResult
    public func trySend(_ message: Message) -> SendStatus {
        switch message {
        case .text(let text): self.trySend(text)
        case .binary(let bytes): self.trySend(bytes.span.bytes, as: .binary)
        }
    }

    /// Sends a message that many connections get, without waiting, and says what became of it.
    @discardableResult
    public func trySend(_ message: PreparedMessage) -> SendStatus {
        if self.engine.loop.isHere { return self.engine.send(message) }
        return self.engine.sendFromElsewhere(message.byteCount, self.tasks) { $0.send(message) }
    }

    // MARK: Closing

    /// Closes the connection, if nobody has yet, and waits until it is over: at most `Limits.closeTimeout` for the
    /// peer's answer.
    ///
    /// Messages that came before can still be received, and of those that come meanwhile as many as
    /// ``SocketSettings/maxUnreadBytes`` allows; the others are thrown away.
    @discardableResult
    nonisolated(nonsending)
        public func close(_ code: CloseCode? = .normal, reason: String = "") async -> Closure
    {
        await self.close(code, reason: reason) { $0.closing($1) }
    }

    /// Closes the connection, from which nobody will receive any more.
    @discardableResult
    @inline(never)
    nonisolated(nonsending)
        func finish(_ code: CloseCode) async -> Closure
    {
        await self.close(code, reason: "") { $0.abandon($1) }
    }

    nonisolated(nonsending)
        private func close(
            _ code: CloseCode?, reason: String, _ unwanted: @escaping @Sendable (AsyncConsumer, SocketEngine) -> Void
        ) async -> Closure
    {
        let engine = self.engine
        engine.loop.eventLoop.execute {
            engine.close(Close(code, reason: reason))
            if let consumer = engine.asyncConsumer { unwanted(consumer, engine) }
        }
        return await self.closed()
    }

    /// Waits until the connection is over, and says how it ended.
    nonisolated(nonsending)
        public func closed() async -> Closure
    {
        let engine = self.engine
        if let closure = self.tasks.closureSeenFromElsewhere { return closure }
        return await withUnsafeContinuation { continuation in
            engine.loop.eventLoop.execute { self.tasks.awaitClosure(continuation) }
        }
    }

    /// Drops the connection without a closing handshake.
    public func abort() {
        let engine = self.engine
        engine.loop.eventLoop.execute { engine.abort() }
    }
}

// MARK: AsyncSequence

extension WebSocket: AsyncSequence {
    public typealias Element = Message

    public struct Iterator: AsyncIteratorProtocol {
        let socket: WebSocket

        /// - Throws: ``WebSocketError``, `CancellationError`.
        nonisolated(nonsending)
            public mutating func next() async throws -> Message?
        {
            try await self.socket.receive()
        }

        /// The same where the caller's actor is passed on, as loops do.
        /// - Throws: ``WebSocketError``, `CancellationError`.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws -> Message? {
            try await self.socket.receive()
        }
    }

    public func makeAsyncIterator() -> Iterator { Iterator(socket: self) }
}
