import WebSocketCore
import WebSockets

/// One connection of the load, on its event loop: what all modes have in common.
class LoadConnection {
    let meter: LoopMeter
    /// When connecting began.
    let began: UInt64
    /// `nil` before the connection is open and when it is over.
    @exclusivity(unchecked) final var socket: LoopSocket?
    /// Where it stands in the loop's list.
    final var place = 0
    /// Which of the loop's senders it is: the schedule goes by that.
    final var lane = 0
    private let hello: String?

    /// - Parameter hello: a message to begin with.
    init(_ meter: LoopMeter, began: UInt64, hello: String? = nil) {
        self.meter = meter
        self.began = began
        self.hello = hello
    }

    final func opened(_ socket: LoopSocket) {
        self.socket = socket
        self.meter.opened(self)
        if socket.info.deflate != nil { self.meter.tally.compressed += 1 }
        if let hello { socket.send(hello) }
    }

    /// How many messages it will send; without end if this is not called.
    func limit(to count: Int) {}

    /// Messages go out from now on; at these times if there is a schedule.
    func begin(_ schedule: RateSchedule?) {}

    /// A message is due.
    func timeHasCome() {}

    func received(_ message: RawSpan, _ kind: MessageKind, _ socket: LoopSocket) {}

    func writable(_ socket: LoopSocket) {}

    /// Nothing is sent any more.
    func stopped(now: UInt64) {}

    /// The connection is over, and its answers will not come.
    func lost() {}
}

/// Hands what happens to a connection whose class the compiler knows.
struct LoadReceiver<Connection: LoadConnection>: MessageReceiver {
    let connection: Connection

    func opened(_ socket: LoopSocket) { self.connection.opened(socket) }

    func received(_ message: RawSpan, _ kind: MessageKind, _ socket: LoopSocket) {
        self.connection.received(message, kind, socket)
    }

    func writable(_ socket: LoopSocket) { self.connection.writable(socket) }

    func closed(_ closure: Closure) {
        self.connection.socket = nil
        self.connection.lost()
        self.connection.meter.closed(self.connection, closure)
    }
}
