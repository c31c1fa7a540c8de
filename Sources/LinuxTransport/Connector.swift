#if os(Linux)
import CLinux
import Glibc
package import NIOCore

/// Connects to the first of several addresses that answers (RFC 8305 §5): if one has not within a quarter of a second, the
/// next is tried beside it. Everything happens on the loop.
package final class Connector {
    /// How long the next address waits for the one before.
    package static let attemptDelay = TimeAmount.milliseconds(250)

    package enum Failure: Error, CustomStringConvertible {
        /// No address has answered in time.
        case timedOut(after: TimeAmount)
        /// The last address that refused.
        case refused(PeerAddress, SystemError)
        case cancelled

        package var description: String {
            switch self {
            case .timedOut(let limit): "no answer after \(limit.nanoseconds / 1_000_000) ms"
            case .refused(let address, let error): "\(address): \(error)"
            case .cancelled: "cancelled"
            }
        }
    }

    private let loop: EpollEventLoop
    private let userTimeout: TimeAmount?
    private var waiting: ArraySlice<PeerAddress>
    private var attempts: [Attempt] = []
    private var done: ((Result<(SocketConnection, PeerAddress), Failure>) -> Void)?
    private var timers: [Scheduled<Void>] = []
    private var lastRefusal: Failure?

    /// - Parameters:
    ///   - addresses: in the order in which they are tried; at least one.
    ///   - userTimeout: how long what was sent may go without an acknowledgement; `nil` for the system's own idea.
    ///   - done: called once, never from inside ``start(limit:)``.
    package init(
        _ addresses: [PeerAddress], loop: EpollEventLoop, userTimeout: TimeAmount?,
        done: @escaping (Result<(SocketConnection, PeerAddress), Failure>) -> Void
    ) {
        precondition(!addresses.isEmpty, "no address to connect to")
        self.waiting = addresses[...]
        self.loop = loop
        self.userTimeout = userTimeout
        self.done = done
    }

    /// Begins, and gives up after `limit`.
    package func start(limit: TimeAmount) {
        let loop = self.loop.assumeIsolatedUnsafeUnchecked()
        self.timers.append(loop.scheduleTask(in: limit) { self.finish(.failure(.timedOut(after: limit))) })
        loop.execute { self.tryNext() }
    }

    /// Gives up. Harmless when it is over.
    package func cancel() { self.finish(.failure(.cancelled)) }

    private func tryNext() {
        guard self.done != nil else { return }
        guard let address = self.waiting.popFirst() else {
            if self.attempts.isEmpty, let lastRefusal { self.finish(.failure(lastRefusal)) }
            return
        }
        let timeout = UInt32(Int32(clamping: max(0, (self.userTimeout?.nanoseconds ?? 0) / 1_000_000)))
        var raw = address.raw
        let descriptor = clinux_connect(&raw, timeout)
        guard descriptor >= 0 else {
            self.refused(address, SystemError("connect"))
            return
        }
        let attempt = Attempt(descriptor, to: address, by: self)
        do throws(SystemError) {
            try self.loop.watch(attempt, for: .writable)
        } catch {
            attempt.give(up: self.loop)
            self.refused(address, error)
            return
        }
        self.attempts.append(attempt)
        guard !self.waiting.isEmpty else { return }
        self.timers.append(
            self.loop.assumeIsolatedUnsafeUnchecked().scheduleTask(in: Self.attemptDelay) { self.tryNext() })
    }

    private func refused(_ address: PeerAddress, _ error: SystemError) {
        self.lastRefusal = .refused(address, error)
        self.tryNext()
    }

    fileprivate func answered(_ attempt: Attempt) {
        self.attempts.removeAll { $0 === attempt }
        let code = clinux_socket_error(attempt.descriptor)
        self.loop.unwatch(attempt)
        guard code == 0 else {
            attempt.give(up: self.loop)
            self.refused(attempt.address, SystemError("connect", code: code))
            return
        }
        let connection = SocketConnection(descriptor: attempt.takeDescriptor(), loop: self.loop)
        self.finish(.success((connection, attempt.address)))
    }

    private func finish(_ result: Result<(SocketConnection, PeerAddress), Failure>) {
        guard let done = self.done.take() else { return }
        for timer in self.timers { timer.cancel() }
        self.timers = []
        for attempt in self.attempts { attempt.give(up: self.loop) }
        self.attempts = []
        done(result)
    }
}

/// A socket that is being connected.
private final class Attempt: Watched {
    let address: PeerAddress
    private let connector: Connector

    init(_ descriptor: Int32, to address: PeerAddress, by connector: Connector) {
        self.address = address
        self.connector = connector
        super.init(descriptor: descriptor)
    }

    override func ready(_ readiness: Readiness) { self.connector.answered(self) }

    func give(up loop: EpollEventLoop) {
        loop.unwatch(self)
        let descriptor = self.takeDescriptor()
        if descriptor >= 0 { Glibc.close(descriptor) }
    }

    deinit {
        if self.descriptor >= 0 { Glibc.close(self.descriptor) }
    }
}
#endif
