#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Android)
import Android
#endif

/// How many files and sockets the process may have open.
enum FileDescriptorLimit {
    /// Descriptors that are left to everything but connections.
    static let reserve = 512

    /// The most connections that the process has descriptors for.
    static var connections: Int {
        var limit = rlimit()
        #if canImport(Glibc)
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #else
        let resource = RLIMIT_NOFILE
        #endif
        guard getrlimit(resource, &limit) == 0, limit.rlim_cur < UInt64(Int.max) else { return .max }
        let descriptors = Int(limit.rlim_cur)
        return max(descriptors - Self.reserve, descriptors / 2)
    }
}
