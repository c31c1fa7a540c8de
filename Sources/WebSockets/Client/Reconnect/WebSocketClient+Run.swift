import WebSocketCore

extension WebSocketClient {
    /// What ``run(_:policy:waiting:body:)`` does when its body has returned.
    public enum AfterConnection: Sendable, Hashable {
        /// It connects again, after the policy's pause.
        case reconnect
        /// It connects again if the connection has ended in a way that the policy finds worth it, such as with 1001 or by a
        /// loss. Otherwise it returns after an ordinary closure (by this end, or with 1000, 1001 or no code), and throws
        /// ``WebSocketError/closed(_:)`` after any other. A connection that is still open is closed, and that is the end.
        case asItEnded
        /// It returns.
        case stop
    }

    /// A pause before the next attempt of ``run(_:policy:waiting:body:)``.
    public struct Waiting: Sendable {
        /// How long it takes.
        public let delay: Duration
        /// How many attempts in a row have failed, or come to a connection that did not last.
        public let failures: Int
        /// Why there is no connection.
        public let cause: WebSocketError
    }

    /// Connects, gives the connection to `body`, and connects again when it is lost.
    ///
    /// An attempt that fails and a connection that is lost are followed by a pause and the next attempt, as `policy` has it:
    /// after network failures, time-outs, a server that is restarting or overloaded, but not after what would go wrong again,
    /// such as a wrong address, a certificate that is not trusted, a refusal with 403, or a message beyond the limits. `body` is
    /// called once for each connection, on its event loop. Cancelling the task ends it at once.
    ///
    /// - Parameters:
    ///   - url: `ws://` or `wss://`. Redirects are followed anew each time.
    ///   - policy: what is worth another attempt, and when. Default: see ``ReconnectPolicy``.
    ///   - waiting: called before each pause, for a log or a display. Default: does nothing.
    ///   - body: uses the connection. The connection is closed when it returns (1000) or throws (1001). Of what it throws,
    ///     ``WebSocketError/closed(_:)``, ``WebSocketError/messageCutShort(_:)`` and ``WebSocketError/closing`` are the end of this connection; everything else is the
    ///     end of the run.
    /// - Throws: the ``WebSocketError`` after which another attempt is not worth it, or one too many
    ///   (``ReconnectPolicy/maxFailures``), what `body` throws, `CancellationError`.
    public func run(
        _ url: String, policy: ReconnectPolicy = ReconnectPolicy(),
        waiting: @Sendable (Waiting) -> Void = { _ in },
        body: @Sendable (WebSocket) async throws -> AfterConnection
    ) async throws {
        var backoff = Backoff(policy)
        var random = SystemRandom()
        while true {
            let (cause, retry, connectedFor) = try await self.runOnce(url, policy, body)
            guard let retry, let cause else { return }
            guard let delay = backoff.ended(retry, connectedFor: connectedFor, using: &random) else { throw cause }
            waiting(Waiting(delay: delay, failures: backoff.failures, cause: cause))
            try await Task.sleep(for: delay)
        }
    }

    /// How one connection, or the attempt at one, has ended; nothing if all is done.
    private typealias Ending = (cause: WebSocketError?, retry: Retry?, connectedFor: Duration?)

    private func runOnce(
        _ url: String, _ policy: ReconnectPolicy, _ body: @Sendable (WebSocket) async throws -> AfterConnection
    ) async throws -> Ending {
        let socket: WebSocket
        do {
            socket = try await self.connect(to: url)
        } catch let error as WebSocketError {
            return (error, policy.classify(error), nil)
        }
        let clock = ContinuousClock()
        let began = clock.now
        let next: AfterConnection
        do {
            next = try await self.serve(socket, body)
        } catch let error as WebSocketError {
            switch error {
            case .closed, .messageCutShort, .closing: next = .asItEnded
            default: throw error
            }
        }
        let connectedFor = clock.now - began
        let closure = await socket.closed()
        let cause = WebSocketError.closed(closure)
        // It was lost while the task was cancelled: nobody wants another.
        if next != .stop { try Task.checkCancellation() }
        switch next {
        case .stop: return (nil, nil, nil)
        case .reconnect: return (cause, .now, connectedFor)
        case .asItEnded:
            let retry = policy.classify(cause)
            return retry == .never && closure.isOrdinary ? (nil, nil, nil) : (cause, retry, connectedFor)
        }
    }
}

extension Closure {
    /// Whether it is an end as both wanted it.
    fileprivate var isOrdinary: Bool {
        guard self.isClean else { return false }
        if self.initiator == .local { return true }
        switch self.received?.code {
        case nil, .normal, .goingAway: return true
        case .some: return false
        }
    }
}
