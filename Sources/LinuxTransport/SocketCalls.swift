#if os(Linux)
import CLinux
import Glibc

/// What a call on a socket came to.
enum SocketOutcome {
    /// So many bytes; 0 from a read is the end of the stream.
    case bytes(Int)
    /// Nothing for now: the loop says when to try again.
    case wouldBlock
    case failed(SystemError)

    init(_ call: String, _ result: Int) {
        if result >= 0 {
            self = .bytes(result)
        } else if errno == EAGAIN || errno == EWOULDBLOCK {
            self = .wouldBlock
        } else {
            self = .failed(SystemError(call))
        }
    }
}

/// The calls on a connection's socket, of which any may do less than it was asked to.
extension EpollEventLoop {
    func receive(_ descriptor: Int32, into memory: UnsafeMutableRawBufferPointer) -> SocketOutcome {
        var count = memory.count
        if let faults, let outcome = faults.next(&count) { return outcome }
        return Self.repeating("recv") { clinux_receive(descriptor, memory.baseAddress, count) }
    }

    func send(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> SocketOutcome {
        var count = bytes.count
        if let faults, let outcome = faults.next(&count) { return outcome }
        return Self.repeating("send") { clinux_send(descriptor, bytes.baseAddress, count) }
    }

    /// Sends two pieces of memory as if they were one.
    func send(_ descriptor: Int32, _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer) -> SocketOutcome {
        var count = first.count + second.count
        if let faults, let outcome = faults.next(&count) { return outcome }
        let firstCount = min(first.count, count)
        return Self.repeating("sendmsg") {
            clinux_send_two(descriptor, first.baseAddress, firstCount, second.baseAddress, count - firstCount)
        }
    }

    /// A signal that comes in between is no failure.
    private static func repeating(_ name: String, _ call: () -> Int) -> SocketOutcome {
        while true {
            let result = call()
            if result < 0, errno == EINTR { continue }
            return SocketOutcome(name, result)
        }
    }
}

/// A system that does less than it is asked to, for tests: every n-th call on a socket goes wrong.
package final class SocketFaults {
    package enum Fault: Sendable, CaseIterable {
        /// One byte is read or written, no more.
        case short
        /// `EAGAIN`, although there are bytes or there is room.
        case wouldBlock
        /// `EINTR`.
        case interrupted
        /// `ECONNRESET`.
        case reset
    }

    private let fault: Fault
    private let every: Int
    private var calls = 0
    /// How many calls have gone wrong.
    package private(set) var count = 0

    /// - Parameter every: 1 for each call. A fault of another kind than `short` that hits each call would let nothing
    ///   happen at all.
    package init(_ fault: Fault, every: Int) {
        self.fault = fault
        self.every = every
    }

    /// What happens instead of the call, or `nil` after making `bytes` less, perhaps.
    fileprivate func next(_ bytes: inout Int) -> SocketOutcome? {
        self.calls += 1
        guard self.calls.isMultiple(of: self.every) else { return nil }
        self.count += 1
        switch self.fault {
        case .short:
            bytes = min(bytes, 1)
            return nil
        case .wouldBlock: return .wouldBlock
        // The call is repeated, as it is for a real one.
        case .interrupted: return nil
        case .reset: return .failed(SystemError("recv or send", code: ECONNRESET))
        }
    }
}
#endif
