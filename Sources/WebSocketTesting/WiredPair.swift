public import WebSocketCore

/// A client and a server wired to each other in memory, under one clock that only the test moves.
///
///     var pair = WiredPair()
///     try pair.client.send("Hello")
///     pair.run()
///     pair.server.events           // [.text("Hello")]
///     pair.client.close(.normal)
///     pair.run()                   // both closed, clean
///
/// The wire can be slow (bytes in pieces), cut, or half-open; the same seed gives the same run.
public struct WiredPair: ~Copyable {
    /// How bytes travel.
    public enum Wire: Sendable, Hashable {
        /// What one end writes, the other reads at once.
        case whole
        /// In pieces of random size from 1 to this many bytes.
        case pieces(upTo: Int)
        /// Nothing arrives any more, and nobody is told.
        case silent
    }

    public var client: TestEndpoint
    public var server: TestEndpoint
    public var wire: Wire
    private var random: SeededGenerator
    private var toldClient = false
    private var toldServer = false

    public init(
        limits: Limits = Limits(), keepAlive: KeepAlive.Configuration? = nil, deflate: DeflateSettings? = nil,
        wire: Wire = .whole, seed: UInt64 = 1
    ) {
        self.client = TestEndpoint(role: .client, limits: limits, keepAlive: keepAlive, deflate: deflate, seed: seed)
        self.server = TestEndpoint(role: .server, limits: limits, keepAlive: keepAlive, deflate: deflate, seed: ~seed)
        self.wire = wire
        self.random = SeededGenerator(seed: seed ^ 0xA5A5)
    }

    /// Carries bytes to and fro until both ends are quiet.
    public mutating func run() {
        var isMoving = true
        while isMoving {
            let toServer = self.client.takeOutput()
            let toClient = self.server.takeOutput()
            isMoving = !toServer.isEmpty || !toClient.isEmpty
            if self.wire == .silent { continue }
            for piece in self.cut(toServer) { self.server.receive(piece) }
            for piece in self.cut(toClient) { self.client.receive(piece) }
            // An end that is closed, or sends nothing more, ends the stream once its last bytes have arrived.
            if !self.toldServer, self.client.isClosed || self.client.isOutputShutDown {
                (self.toldServer, isMoving) = (true, true)
                for piece in self.cut(self.client.takeOutput()) { self.server.receive(piece) }
                self.server.receiveEndOfStream()
            }
            if !self.toldClient, self.server.isClosed || self.server.isOutputShutDown {
                (self.toldClient, isMoving) = (true, true)
                for piece in self.cut(self.server.takeOutput()) { self.client.receive(piece) }
                self.client.receiveEndOfStream()
            }
        }
    }

    /// Moves the clock of both ends, fires their timers, and carries what they send.
    public mutating func advance(by duration: Duration) {
        self.client.advance(by: duration)
        self.server.advance(by: duration)
        self.run()
    }

    private mutating func cut(_ bytes: [UInt8]) -> [[UInt8]] {
        guard case .pieces(let most) = self.wire, most > 0 else { return bytes.isEmpty ? [] : [bytes] }
        var pieces: [[UInt8]] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = min(rest.count, 1 + Int(self.random.next() % UInt64(most)))
            pieces.append(Array(rest.prefix(count)))
            rest = rest.dropFirst(count)
        }
        return pieces
    }
}
