import Glibc

/// What a process has in memory, in bytes.
struct ResidentMemory: Sendable, Codable, Equatable {
    /// Everything, shared libraries too.
    let resident: Int
    /// What no other process shares.
    let notShared: Int

    init(resident: Int, notShared: Int) {
        self.resident = resident
        self.notShared = notShared
    }

    /// Of the process `pid`, from /proc/PID/smaps_rollup.
    static func of(_ pid: pid_t) throws(BenchError) -> ResidentMemory {
        let path = "/proc/\(pid)/smaps_rollup"
        let memory = SystemFile.read(path).flatMap(ResidentMemory.init(rollup:))
        guard let memory else { throw .unreadable(path: path) }
        return memory
    }

    init?(rollup: String) {
        var kibibytes: [Substring: Int] = [:]
        for line in rollup.split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count == 3, words[2] == "kB", let number = Int(words[1]) { kibibytes[words[0]] = number }
        }
        guard let resident = kibibytes["Rss:"], let clean = kibibytes["Private_Clean:"],
            let dirty = kibibytes["Private_Dirty:"]
        else { return nil }
        self.resident = resident << 10
        self.notShared = (clean + dirty) << 10
    }
}
