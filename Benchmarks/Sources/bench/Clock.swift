import Glibc

/// Clocks, in nanoseconds.
enum Clock {
    /// Monotonic time.
    static func now() -> UInt64 { Self.read(CLOCK_MONOTONIC) }

    /// The processor time that this process has used.
    static func ownCPU() -> UInt64 { Self.read(CLOCK_PROCESS_CPUTIME_ID) }

    /// The processor time that all threads of another process have used: the scheduler's own count, which
    /// /proc/PID/schedstat shows too.
    static func cpu(of pid: pid_t) throws(BenchError) -> UInt64 {
        var clock = clockid_t()
        let status = clock_getcpuclockid(pid, &clock)
        guard status == 0 else { throw .system(call: "clock_getcpuclockid", errno: status) }
        return Self.read(clock)
    }

    /// Waits, for the system to come to rest.
    static func sleep(milliseconds: Int) { usleep(UInt32(milliseconds * 1_000)) }

    private static func read(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }
}
