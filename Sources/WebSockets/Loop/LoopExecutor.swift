import NIOCore

/// Runs the tasks of one event loop's connections on that loop.
///
/// A burst of received bytes resumes the task that waits for it, and the driver then calls ``drain()``: the task runs
/// right there, while the received bytes are still in place, and what it sends leaves with the burst's one write.
final class LoopExecutor: TaskExecutor, @unchecked Sendable {
    // `@unchecked`: `jobs` and the flags are touched on the loop only; `enqueue` sees to it.
    private let eventLoop: any EventLoop
    @exclusivity(unchecked) private var jobs: [UnownedJob] = []
    @exclusivity(unchecked) private var running: [UnownedJob] = []
    @exclusivity(unchecked) private var isDraining = false
    @exclusivity(unchecked) private var isDrainScheduled = false

    init(_ eventLoop: any EventLoop) { self.eventLoop = eventLoop }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if self.eventLoop.inEventLoop {
            self.jobs.append(job)
            self.scheduleDrain()
        } else {
            self.eventLoop.execute {
                self.jobs.append(job)
                self.drain()
            }
        }
    }

    /// Runs what is ready, and what becomes ready by it. On the loop only.
    func drain() {
        if self.isDraining { return }
        self.isDraining = true
        let executor = self.asUnownedTaskExecutor()
        while !self.jobs.isEmpty {
            swap(&self.jobs, &self.running)
            for job in self.running { job.runSynchronously(on: executor) }
            self.running.removeAll(keepingCapacity: true)
        }
        self.isDraining = false
    }

    /// Jobs enqueued by anything but a burst: a turn of the loop picks them up.
    private func scheduleDrain() {
        if self.isDraining || self.isDrainScheduled || self.isBurst { return }
        self.isDrainScheduled = true
        self.eventLoop.execute {
            self.isDrainScheduled = false
            self.drain()
        }
    }

    /// A burst is being consumed: whoever consumes it calls ``drain()`` before it ends.
    @exclusivity(unchecked) var isBurst = false
}
