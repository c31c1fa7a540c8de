#if os(Linux)
import LinuxTransport
import NIOCore
import NIOPosix
import WebSocketCore

/// A client's opening handshake on a loop of epoll.
final class SocketClientOpening: ClientOpening, SocketHandler, @unchecked Sendable {
    private let connection: SocketConnection
    private let peer: PeerAddress

    private init(_ plan: ClientPlan, _ connection: SocketConnection, to peer: PeerAddress) throws(WebSocketError) {
        self.connection = connection
        self.peer = peer
        try super.init(plan, LoopServices.on(connection.loop))
    }

    /// Looks the host up, connects and begins. What comes of it is told to the plan's outcome.
    ///
    /// - Returns: what gives the attempt up, if it is not over.
    static func connect(_ plan: ClientPlan, on loop: EpollEventLoop) -> @Sendable () -> Void {
        let attempt = ClientAttempt(plan, loop)
        attempt.start()
        return { attempt.cancel() }
    }

    /// There is a connection.
    static func begin(_ plan: ClientPlan, _ connection: SocketConnection, to peer: PeerAddress) -> SocketClientOpening?
    {
        do {
            let opening = try SocketClientOpening(plan, connection, to: peer)
            connection.handler = opening
            try connection.start()
            opening.began()
            return opening
        } catch {
            connection.close()
            plan.outcome.fail(error as? WebSocketError ?? .connectionFailed("\(error)"))
            return nil
        }
    }

    // MARK: From the connection

    func received(_ bytes: UnsafeMutableRawBufferPointer, headroom: Int) -> Int {
        self.received(UnsafeRawBufferPointer(bytes))
        return 1
    }

    func ending() {}

    func ended(_ failure: SystemError?) { self.transportEnded(failure.map { .connectionFailed($0.description) }) }

    func drained() {}

    func closed() {}

    // MARK: Hooks of the opening

    override var remoteAddress: String { self.peer.description }

    override func write(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { self.connection.write($0) }
        self.connection.flush()
    }

    override func closeTransport() { self.connection.close() }

    override func makeEngine(_ info: SocketInfo, _ consumer: Consumer) -> SocketEngine? {
        let engine = WebSocketSocket(
            self.connection, role: .client, loop: self.loop, settings: self.plan.settings, info: info,
            consumer: consumer)
        self.connection.handler = engine
        return engine
    }
}

/// From the name of a host to a connection.
private final class ClientAttempt: @unchecked Sendable {
    // `@unchecked`: everything that changes is touched on the loop only.
    private let plan: ClientPlan
    private let loop: EpollEventLoop
    private var connector: Connector?
    private var opening: SocketClientOpening?
    private var isCancelled = false

    init(_ plan: ClientPlan, _ loop: EpollEventLoop) {
        self.plan = plan
        self.loop = loop
    }

    func start() {
        let destination = self.plan.destination
        // Looking a name up may block.
        let resolving = NIOThreadPool.singleton.runIfActive(eventLoop: self.loop) {
            switch destination {
            case .host(let host, let port): try PeerAddress.resolve(host, port: port)
            case .addresses(let addresses, let port):
                try addresses.flatMap { try PeerAddress.resolve($0, port: port) }
            case .unixSocket(let path): [try PeerAddress(unixSocketPath: path)]
            }
        }
        resolving.whenComplete { result in
            switch result {
            case .success(let addresses): self.connect(to: addresses)
            case .failure(let error): self.plan.outcome.fail(WebSocketError.connectionFailed("\(error)"))
            }
        }
    }

    private func connect(to addresses: [PeerAddress]) {
        if self.isCancelled { return }
        let connector = Connector(addresses, loop: self.loop, userTimeout: self.plan.settings.userTimeout) { result in
            self.connector = nil
            switch result {
            case .success(let (connection, peer)):
                self.opening = SocketClientOpening.begin(self.plan, connection, to: peer)
            case .failure(let failure): self.plan.outcome.fail(WebSocketError.connectionFailed("\(failure)"))
            }
        }
        self.connector = connector
        connector.start(limit: TimeAmount(self.plan.configuration.connectTimeout))
    }

    /// On any thread.
    func cancel() {
        self.loop.execute {
            self.isCancelled = true
            self.connector?.cancel()
            self.opening?.cancel()
        }
    }
}
#endif
