#if os(Linux)
import CLinux
package import Dispatch
import Glibc
import NIOConcurrencyHelpers
package import NIOCore
import Synchronization

/// Event loops on epoll, one thread each.
package final class EpollEventLoopGroup: EventLoopGroup {
    package let loops: [EpollEventLoop]
    private let turn = Atomic<Int>(0)
    /// The threads, until somebody has begun to wait for their end.
    private let threads: NIOLockedValueBox<[Thread]?>

    private struct Thread: @unchecked Sendable { let handle: pthread_t }

    /// - Parameter count: how many loops; at least one.
    /// - Throws: when the process has no descriptor or no thread left.
    package init(count: Int) throws(SystemError) {
        var loops: [EpollEventLoop] = []
        for _ in 0..<max(1, count) { loops.append(try EpollEventLoop()) }
        self.loops = loops
        var threads: [Thread] = []
        var failure: SystemError?
        for (index, loop) in loops.enumerated() {
            var handle = pthread_t()
            let name = "aloft-loop-\(index)"
            let start = Unmanaged.passRetained(Start(loop, name))
            let status = pthread_create(&handle, nil, Self.main, start.toOpaque())
            guard status == 0 else {
                start.release()
                failure = SystemError("pthread_create", code: status)
                break
            }
            threads.append(Thread(handle: handle))
        }
        self.threads = NIOLockedValueBox(threads)
        if let failure {
            self.stop()
            throw failure
        }
    }

    private final class Start {
        let loop: EpollEventLoop
        let name: String
        init(_ loop: EpollEventLoop, _ name: String) {
            self.loop = loop
            self.name = name
        }
    }

    private static let main: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { argument in
        guard let argument else { return nil }
        // Retained for this thread by `init`.
        let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
        clinux_name_thread(start.name)
        start.loop.run()
        return nil
    }

    /// Each loop in turn.
    package func next() -> any EventLoop {
        let turn = self.turn.wrappingAdd(1, ordering: .relaxed).oldValue
        return self.loops[Int(UInt(bitPattern: turn) % UInt(self.loops.count))]
    }

    package func makeIterator() -> EventLoopIterator { EventLoopIterator(self.loops) }

    /// Ends the threads once all work has been done. Sockets that are still open are not closed.
    package func shutdownGracefully(queue: DispatchQueue, _ callback: @escaping @Sendable ((any Error)?) -> Void) {
        DispatchQueue.global().async {
            self.stop()
            queue.async { callback(nil) }
        }
    }

    /// Returns when the threads have ended, or at once if somebody else waits for that.
    private func stop() {
        let threads = self.threads.withLockedValue { $0.take() }
        guard let threads else { return }
        // A loop that was given no thread has nobody to hear of it.
        for loop in self.loops.prefix(threads.count) { loop.stop() }
        for thread in threads { pthread_join(thread.handle, nil) }
    }
}
#endif
