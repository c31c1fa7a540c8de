import Logging
import NIOConcurrencyHelpers
import NIOCore
import Synchronization
import WebSocketCore

/// What the connections of one running server share, on all loops.
final class ServerState: Sendable {
    let configuration: WebSocketServer.Configuration
    let settings: SharedSettings
    let routes: Routes
    let respond: (@Sendable (HTTPRequest) async throws -> HTTPResponse)?
    /// The connections of each address, where they are limited.
    private let addresses: AddressTable?
    /// What was configured, or what the process has descriptors for if that is less.
    private let maxConnections: Int

    private let connections = Atomic<Int>(0)
    /// Connections, and calls of the application that answer or decide about a request.
    private let inUse = Atomic<Int>(0)
    private let warningDue = Atomic<UInt64>(0)
    private let draining = Atomic<Bool>(false)
    private let aborting = Atomic<Bool>(false)
    private let ready = Atomic<Bool>(true)
    private let loops = NIOLockedValueBox<[ObjectIdentifier: ServerLoop]>([:])
    /// Opens when a draining server's last connection has gone, and with it everything that the application did for one.
    private let emptied = Latch()

    init(
        configuration: WebSocketServer.Configuration, routes: Routes,
        respond: (@Sendable (HTTPRequest) async throws -> HTTPResponse)?
    ) {
        self.configuration = configuration
        self.settings = SharedSettings(configuration.socket, handlerTimeout: configuration.handlerTimeout)
        self.routes = routes
        self.respond = respond
        self.addresses = configuration.addressLimits.map { AddressTable($0) }
        self.maxConnections = min(max(0, configuration.maxConnections), FileDescriptorLimit.connections)
    }

    var logger: Logger { self.configuration.logger }

    var connectionCount: Int { self.connections.load(ordering: .relaxed) }

    var isDraining: Bool { self.draining.load(ordering: .relaxed) }

    /// Whether it is to be sent new clients.
    var isReady: Bool { self.ready.load(ordering: .relaxed) }

    /// It is about to drain, or to be told so.
    func becomeUnready() -> Bool { self.ready.exchange(false, ordering: .relaxed) }

    var isAborting: Bool { self.aborting.load(ordering: .relaxed) }

    /// This server's connections on the loop of `services`.
    func loop(_ services: LoopServices) -> ServerLoop {
        self.loops.withLockedValue { loops in
            if let loop = loops[ObjectIdentifier(services)] { return loop }
            let loop = ServerLoop(self, services)
            loops[ObjectIdentifier(services)] = loop
            return loop
        }
    }

    // MARK: Counting

    /// Connections beyond the limit that are told so at one time.
    private static let mostRefused = 256

    /// A connection has come. Unless it is `ignored`, it is counted until ``countOut(_:)``.
    ///
    /// - Parameter peer: address and port.
    func countIn(from peer: String) -> ServerLoop.Entry {
        self.inUse.add(1, ordering: .sequentiallyConsistent)
        let before = self.connections.add(1, ordering: .relaxed).oldValue
        // Who is refused is counted too, until it has gone; a crowd of them is not even answered.
        if before - Self.mostRefused >= self.maxConnections || self.isDraining {
            self.countOut(.none)
            return .ignored(.maxConnections)
        }
        if before >= self.maxConnections { return .refused(.maxConnections, retryAfter: 5, claim: .none) }
        guard let addresses, let key = AddressKey(peer: peer), !addresses.isExempt(key) else { return .welcome(.none) }
        switch addresses.came(key, at: .now()) {
        case .welcome: return .welcome(.admitted(key))
        case .refused(let limit, let retryAfter, isTold: true):
            return .refused(limit, retryAfter: retryAfter, claim: .told(key))
        case .refused(let limit, _, isTold: false):
            self.countOut(.none)
            return .ignored(limit)
        }
    }

    /// How a connection that was let in, and has left its opening behind, is counted in the table of addresses.
    func claim(of peer: String) -> AddressClaim {
        guard let addresses, let key = AddressKey(peer: peer), !addresses.isExempt(key) else { return .none }
        return .admitted(key)
    }

    /// Accepting pauses, for want of descriptors or memory. Said once in ten seconds at most.
    func cannotAccept(_ error: String) {
        SocketMetrics.refused(limit: "file_descriptors")
        let now = NIODeadline.now().uptimeNanoseconds
        let due = self.warningDue.load(ordering: .relaxed)
        guard now >= due,
            self.warningDue.compareExchange(expected: due, desired: now + 10_000_000_000, ordering: .relaxed).exchanged
        else { return }
        self.logger.warning("cannot accept connections for a moment", metadata: ["error": "\(error)"])
    }

    func countOut(_ claim: AddressClaim) {
        self.connections.subtract(1, ordering: .relaxed)
        switch claim {
        case .none: break
        case .admitted(let key): self.addresses?.left(key, wasTold: false, at: .now())
        case .told(let key): self.addresses?.left(key, wasTold: true, at: .now())
        }
        self.release()
    }

    /// Calls the application, for which a drain waits also when the connection has gone: its task needs the event loop.
    func calling<Result>(_ body: () async -> Result) async -> Result {
        self.inUse.add(1, ordering: .sequentiallyConsistent)
        let result = await body()
        self.release()
        return result
    }

    /// Either this one sees that the server drains, or the drain sees that nothing is in use: both orders are total.
    private func release() {
        let inUse = self.inUse.subtract(1, ordering: .sequentiallyConsistent).newValue
        if inUse == 0, self.draining.load(ordering: .sequentiallyConsistent) { self.emptied.open() }
    }

    // MARK: The end

    /// Asks every connection to end, one after the other, evenly spread over `spread`.
    func drain(spread: Duration) {
        self.draining.store(true, ordering: .sequentiallyConsistent)
        if self.inUse.load(ordering: .sequentiallyConsistent) == 0 { self.emptied.open() }
        self.onEachLoop { $0.drain(spread: spread) }
    }

    /// Asks every connection to end and waits for that, as long as the configuration says. Whether nothing is left, not
    /// even a handler: then no loop is needed any more.
    func drainAll() async -> Bool {
        self.drain(spread: self.configuration.drainSpread)
        if await !self.isEmpty(within: self.configuration.drainTimeout) {
            self.abortAll()
            guard await self.isEmpty(within: .seconds(1)) else {
                // Their tasks would hang for ever without a loop to run on.
                self.logger.warning(
                    "handlers that ignore their cancellation keep their event loops alive",
                    metadata: ["handlers": "\(self.connectionCount)"])
                return false
            }
        }
        self.forgetLoops()
        return true
    }

    /// Ends every connection now.
    func abortAll() {
        self.aborting.store(true, ordering: .sequentiallyConsistent)
        self.onEachLoop { $0.abortAll() }
    }

    private func onEachLoop(_ body: @escaping @Sendable (ServerLoop) -> Void) {
        for loop in self.loops.withLockedValue({ Array($0.values) }) {
            loop.services.eventLoop.execute { body(loop) }
        }
    }

    /// Waits until the last connection of a draining server has gone and its handler has returned, but no longer than
    /// `time`, and says whether it has.
    func isEmpty(within time: Duration) async -> Bool { await self.emptied.wait(atMost: time) }

    /// Nothing is left on any loop: the loops, which may go on with other servers, are forgotten.
    func forgetLoops() { self.loops.withLockedValue { $0 = [:] } }
}
