import Glibc

/// Open files and sockets that this process, and the servers that it starts, may have.
enum FileDescriptors {
    /// Raises the limit to the most that the system allows without asking.
    /// - Throws: if that is less than `needed`.
    static func raiseLimit(to needed: Int) throws(BenchError) {
        var limit = rlimit()
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard getrlimit(resource, &limit) == 0 else { throw .last("getrlimit") }
        guard limit.rlim_max >= rlim_t(needed) else {
            throw .system(call: "\(needed) open files, the limit being \(limit.rlim_max)", errno: EMFILE)
        }
        limit.rlim_cur = limit.rlim_max
        guard setrlimit(resource, &limit) == 0 else { throw .last("setrlimit") }
    }
}
