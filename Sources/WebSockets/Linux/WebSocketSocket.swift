#if os(Linux)
import LinuxTransport
import NIOCore
import WebSocketCore

/// The Linux transport: a connection on a loop of epoll.
///
/// Messages are delivered from the loop's receive buffer, where the system has put them. What is sent during one burst
/// is collected and leaves in one call; a large message leaves from where it lies.
final class WebSocketSocket: SocketEngine, SocketHandler, @unchecked Sendable {
    private let connection: SocketConnection

    /// Takes over a connection whose opening handshake is over.
    init(_ connection: SocketConnection, _ accepted: AcceptedUpgrade, _ state: ServerState, _ loop: LoopServices) {
        self.connection = connection
        super.init(
            role: .server, loop: loop, settings: state.settings, info: accepted.info, consumer: accepted.consumer)
    }

    // MARK: From the connection

    func received(_ bytes: UnsafeMutableRawBufferPointer, headroom: Int) {
        self.received(in: bytes, headroom: headroom)
    }

    func ending() { self.transportEnding() }

    func ended(_ failure: SystemError?) {
        self.transportEnded(failure.map { .broken($0.description) } ?? .endOfStream)
    }

    func drained() { self.outputDrained(to: self.connection.waitingBytes) }

    func closed() { self.transportClosed() }

    // MARK: Hooks of the engine

    override func write(_ count: Int, _ body: (UnsafeMutableRawBufferPointer) -> Int) -> Int {
        self.connection.write(count, body)
    }

    override func flushTransport() -> Int {
        self.connection.flush()
        return self.connection.waitingBytes
    }

    override var sendsDirectly: Bool { true }

    override func flush(followedBy bytes: UnsafeRawBufferPointer) -> Int {
        self.connection.flush(followedBy: bytes)
        return self.connection.waitingBytes
    }

    override var writtenBytes: Int { self.connection.sentBytes }

    override func shutDownOutput() { self.connection.shutDownOutput() }

    override func closeTransport(isBroken: Bool) {
        if isBroken {
            self.connection.close()
        } else {
            self.connection.closeWhenSent(atMost: TimeAmount(self.settings.connection.limits.closeTimeout))
        }
    }

    override func setReading(_ isReading: Bool) { self.connection.setReading(isReading) }
}
#endif
