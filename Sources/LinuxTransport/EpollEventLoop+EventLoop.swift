#if os(Linux)
package import Dispatch
package import NIOCore

/// As SwiftNIO's code and Swift's tasks see it.
extension EpollEventLoop: EventLoop {
    package func execute(_ task: @escaping @Sendable () -> Void) { self.perform(.task(task)) }

    package func submit<T>(_ task: @escaping @Sendable () throws -> T) -> EventLoopFuture<T> {
        let promise = self.makePromise(of: T.self)
        self.perform(.task { Self.fulfil(promise, task) })
        return promise.futureResult
    }

    @discardableResult
    package func scheduleTask<T>(
        deadline: NIODeadline, _ task: @escaping @Sendable () throws -> T
    ) -> Scheduled<T> {
        let promise = self.makePromise(of: T.self)
        let timer = TimerQueue.Timer(deadline: deadline) { Self.fulfil(promise, task) }
        let scheduled = Scheduled(promise: promise) { self.onLoop { self.timers.cancel(timer) } }
        self.onLoop { self.timers.insert(timer, onCancel: { promise.fail(EventLoopError.cancelled) }) }
        return scheduled
    }

    @discardableResult
    package func scheduleTask<T>(in delay: TimeAmount, _ task: @escaping @Sendable () throws -> T) -> Scheduled<T> {
        self.scheduleTask(deadline: .now() + delay, task)
    }

    /// A loop ends with its group only.
    package func shutdownGracefully(queue: DispatchQueue, _ callback: @escaping @Sendable ((any Error)?) -> Void) {
        queue.async { callback(EventLoopError.unsupportedOperation) }
    }

    /// At once if this is the loop's thread.
    private func onLoop(_ body: @escaping @Sendable () -> Void) {
        if self.inEventLoop { body() } else { self.perform(.task(body)) }
    }

    private static func fulfil<T>(_ promise: EventLoopPromise<T>, _ task: () throws -> T) {
        do { promise.assumeIsolatedUnsafeUnchecked().succeed(try task()) } catch { promise.fail(error) }
    }
}

/// Tasks that prefer it, and actors that are isolated to it, run on the loop's thread.
extension EpollEventLoop: NIOSerialEventLoopExecutor, TaskExecutor {
    package func enqueue(_ job: consuming ExecutorJob) { self.perform(.job(UnownedJob(job))) }

    package func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    package func asUnownedTaskExecutor() -> UnownedTaskExecutor { UnownedTaskExecutor(ordinary: self) }
}
#endif
