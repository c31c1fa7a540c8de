import Glibc
import Synchronization

/// Whatever ends this process, a signal or its time, ends the server that it has started too.
enum Interruption {
    private static let child = Atomic<Int32>(0)

    /// Ends the process when it is interrupted, or has taken more than `seconds`.
    static func arm(seconds: Int) {
        Self.childEnded()
        for number in [SIGINT, SIGTERM, SIGHUP, SIGALRM] {
            signal(number) { number in
                let child = Interruption.child.load(ordering: .relaxed)
                if child > 0 { kill(child, SIGKILL) }
                _exit(128 &+ number)
            }
        }
        alarm(UInt32(clamping: seconds))
    }

    static func childStarted(_ pid: pid_t) { Self.child.store(pid, ordering: .relaxed) }

    static func childEnded() { Self.child.store(0, ordering: .relaxed) }
}
