#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Android)
import Android
#endif

/// Which thread it is: a comparison for each message, so it asks neither the event loop nor anybody else.
struct ThreadIdentity: Equatable {
    private let thread: pthread_t

    /// The calling thread.
    static var current: ThreadIdentity {
        @inline(__always) get { ThreadIdentity(thread: pthread_self()) }
    }

    @inline(__always)
    static func == (one: ThreadIdentity, other: ThreadIdentity) -> Bool { one.thread == other.thread }
}
