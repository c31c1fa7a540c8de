#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Clocks of the system, in nanoseconds.
enum Clock {
    /// Goes on evenly, whatever is done to the time of day.
    static func now() -> UInt64 { Self.read(CLOCK_MONOTONIC) }

    /// Processor time of the calling thread, system calls included.
    static func threadCPU() -> UInt64 { Self.read(CLOCK_THREAD_CPUTIME_ID) }

    private static func read(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }
}

/// Processor time of the whole process.
package struct ProcessorTime: Sendable, Equatable {
    package var userNanoseconds: UInt64
    package var systemNanoseconds: UInt64

    package var nanoseconds: UInt64 { self.userNanoseconds + self.systemNanoseconds }

    package init(userNanoseconds: UInt64, systemNanoseconds: UInt64) {
        self.userNanoseconds = userNanoseconds
        self.systemNanoseconds = systemNanoseconds
    }

    static func now() -> ProcessorTime {
        var usage = rusage()
        #if canImport(Darwin) || canImport(Musl)
        getrusage(RUSAGE_SELF, &usage)
        #else
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        #endif
        return ProcessorTime(
            userNanoseconds: Self.nanoseconds(usage.ru_utime), systemNanoseconds: Self.nanoseconds(usage.ru_stime))
    }

    static func - (later: ProcessorTime, earlier: ProcessorTime) -> ProcessorTime {
        ProcessorTime(
            userNanoseconds: later.userNanoseconds &- earlier.userNanoseconds,
            systemNanoseconds: later.systemNanoseconds &- earlier.systemNanoseconds)
    }

    private static func nanoseconds(_ time: timeval) -> UInt64 {
        UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_usec) * 1000
    }
}
