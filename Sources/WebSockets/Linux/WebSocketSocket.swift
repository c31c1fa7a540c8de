#if os(Linux)
import LinuxTransport
import NIOCore
import WebSocketCore

/// The Linux transport: a connection on a loop of epoll.
///
/// Messages are delivered from the loop's receive buffer, where the system has put them. What is sent during one burst
/// is collected and leaves in one call; a large message leaves from where it lies.
final class WebSocketSocket: SocketEngine, SocketHandler, @unchecked Sendable {
    private let socket: SocketConnection

    /// Takes over a connection whose opening handshake is over.
    init(
        _ socket: SocketConnection, role: Role, loop: LoopServices, settings: SharedSettings, info: SocketInfo,
        consumer: Consumer
    ) {
        self.socket = socket
        super.init(role: role, loop: loop, settings: settings, info: info, consumer: consumer)
    }

    // MARK: From the connection

    func received(_ bytes: UnsafeMutableRawBufferPointer, headroom: Int) -> Int {
        self.framesReceived = 0
        self.received(in: bytes, headroom: headroom)
        return Int(self.framesReceived)
    }

    func ending() { self.transportEnding() }

    func ended(_ failure: SystemError?) {
        self.transportEnded(failure.map { .broken($0.description) } ?? .endOfStream)
    }

    func drained() { self.outputDrained(to: self.socket.waitingBytes) }

    func closed() { self.transportClosed() }

    // MARK: Hooks of the engine

    override func write(_ count: Int, _ body: (UnsafeMutableRawBufferPointer) -> Int) -> Int {
        self.socket.write(count, body)
    }

    override func flushTransport() -> Int {
        self.socket.flush()
        return self.socket.waitingBytes
    }

    override var sendsDirectly: Bool { true }

    override func flush(followedBy bytes: UnsafeRawBufferPointer) -> Int {
        self.socket.flush(followedBy: bytes)
        return self.socket.waitingBytes
    }

    override var writtenBytes: Int { self.socket.sentBytes }

    override func shutDownOutput() { self.socket.shutDownOutput() }

    override func closeTransport(isBroken: Bool) {
        if isBroken {
            self.socket.close()
        } else {
            self.socket.closeWhenSent(atMost: TimeAmount(self.settings.connection.limits.closeTimeout))
        }
    }

    override func setReading(_ isReading: Bool) { self.socket.setReading(isReading) }
}
#endif
