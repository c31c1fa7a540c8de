#if os(Linux)
import LinuxTransport
import Logging
import NIOSSL
import WebSocketCore

/// The opening of a connection on a loop of epoll.
final class SocketOpening: ServerOpening, SocketHandler, @unchecked Sendable {
    private let connection: SocketConnection
    private let channels: ChannelHandOff

    init(_ counted: ServerLoop, _ connection: SocketConnection, _ arrival: Arrival, channels: ChannelHandOff) {
        self.connection = connection
        self.channels = channels
        super.init(counted, arrival)
    }

    /// Begins to read.
    func start() {
        self.connection.handler = self
        do throws(SystemError) {
            try self.connection.start()
        } catch {
            self.state.logger.warning("cannot watch a connection", metadata: ["error": "\(error)"])
            self.closeTransport()
            return
        }
        self.began()
        self.ready()
    }

    /// Goes on at another loop, before anything is read.
    func becomeTLS(_ context: NIOSSLContext) {
        self.home?.handOver(self)
        self.channels.adopt(self.connection.detach(), self.state, self.arrival, .tls(context, self))
    }

    // MARK: From the connection

    func received(_ bytes: UnsafeMutableRawBufferPointer, headroom: Int) -> Int {
        self.received(UnsafeRawBufferPointer(bytes))
        return 1
    }

    func ending() { self.closeTransport() }

    func ended(_ failure: SystemError?) {
        if let failure {
            self.state.logger.debug(
                "connection broke before its opening handshake", metadata: ["error": "\(failure)"])
        }
        self.closeTransport()
    }

    func drained() {}

    func closed() {}

    // MARK: Hooks of the opening

    override func write(_ bytes: [UInt8]) { bytes.withUnsafeBytes { self.connection.write($0) } }

    override func endOutput() { self.connection.shutDownOutput() }

    override func closeTransport() {
        self.loop.disarm(self)
        self.connection.close()
        self.transportEnded()
    }

    override func setReading(_ isReading: Bool) { self.connection.setReading(isReading) }

    override func makeEngine(_ accepted: AcceptedUpgrade) -> SocketEngine? {
        let engine = WebSocketSocket(
            self.connection, role: .server, loop: self.loop, settings: self.state.settings, info: accepted.info,
            consumer: accepted.consumer)
        self.connection.handler = engine
        return engine
    }

    override func handOver(to engine: SocketEngine) {
        self.loop.disarm(self)
        engine.beginsBehind(self.connection.waitingBytes)
    }

    override func becomeHTTP(_ bytes: [UInt8]) {
        self.loop.disarm(self)
        self.home?.handOver(self)
        self.channels.adopt(self.connection.detach(), self.state, self.arrival, .http(bytes))
    }
}
#endif
