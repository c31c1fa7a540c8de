#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

enum StandardOutput {
    /// What was printed is there at once, also when it goes to a pipe.
    static func flush() { fflush(nil) }
}
