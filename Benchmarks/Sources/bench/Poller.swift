import CBench
import Glibc

/// Waits for many sockets at once.
final class Poller {
    private static let eventsAtOnce = 512
    private static let stallSeconds = 10

    private let descriptor: Int32
    private let events = UnsafeMutableBufferPointer<epoll_event>.allocate(capacity: Poller.eventsAtOnce)
    private var heardAt = Clock.now()

    init() throws(BenchError) {
        self.descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard self.descriptor >= 0 else { throw .last("epoll_create1") }
    }

    deinit {
        if self.descriptor >= 0 { close(self.descriptor) }
        self.events.deallocate()
    }

    /// Watches a socket for bytes to read, under a number of the caller's.
    func add(_ socket: Int32, index: Int, isWriting: Bool = false) throws(BenchError) {
        try self.control(EPOLL_CTL_ADD, socket, index, isWriting)
    }

    /// Whether the socket is watched for room to write too.
    func change(_ socket: Int32, index: Int, isWriting: Bool) throws(BenchError) {
        try self.control(EPOLL_CTL_MOD, socket, index, isWriting)
    }

    private func control(
        _ operation: Int32, _ socket: Int32, _ index: Int, _ isWriting: Bool
    ) throws(BenchError) {
        var event = epoll_event()
        event.events = EPOLLIN.rawValue | (isWriting ? EPOLLOUT.rawValue : 0)
        event.data.u32 = UInt32(index)
        guard epoll_ctl(self.descriptor, operation, socket, &event) == 0 else { throw .last("epoll_ctl") }
    }

    /// Calls `visit` with what has become ready, a tenth of a second later at most.
    /// - Throws: what `visit` throws, and when nothing was ready for 10 seconds.
    func wait(
        _ visit: (_ index: Int, _ canRead: Bool, _ canWrite: Bool) throws(BenchError) -> Void
    ) throws(BenchError) {
        let count = Int(epoll_wait(self.descriptor, self.events.baseAddress, Int32(Self.eventsAtOnce), 100))
        for event in self.events.prefix(max(0, count)) {
            try visit(
                Int(event.data.u32), event.events & ~EPOLLOUT.rawValue != 0, event.events & EPOLLOUT.rawValue != 0)
        }
        if count > 0 {
            self.heardAt = Clock.now()
        } else if Clock.now() - self.heardAt > UInt64(Self.stallSeconds) * 1_000_000_000 {
            throw .stalled(seconds: Self.stallSeconds)
        }
    }

    /// Time begins anew: what was done since the last wait took as long as it took.
    func restart() { self.heardAt = Clock.now() }
}
