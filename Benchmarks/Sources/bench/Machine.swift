import Glibc

/// Where the measurements were made, for whoever compares them.
struct Machine {
    let processor: String
    let cores: Int
    let kernel: String
    let swift: String
    /// Processes that wanted to run in the last minute before the measurements.
    let load: String

    init() {
        let information = SystemFile.read("/proc/cpuinfo") ?? ""
        let model = information.split(separator: "\n").first { $0.hasPrefix("model name") }
        self.processor = model?.split(separator: ":").last.map { Self.trimmed(String($0)) } ?? "unknown"
        self.cores = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        self.kernel = Self.trimmed(SystemFile.read("/proc/sys/kernel/osrelease") ?? "unknown")
        self.load = (SystemFile.read("/proc/loadavg") ?? "unknown").split(separator: " ").first.map(String.init) ?? ""
        // `Swift version 6.2 (swift-6.2-RELEASE)`
        let version = try? ChildProcess(["swift", "--version"]).firstLine(withinMilliseconds: 10_000)
        self.swift = version?.split(separator: "(").first.map { Self.trimmed(String($0)) } ?? "Swift of unknown version"
    }

    var description: String {
        "\(self.processor), \(self.cores) cores; Linux \(self.kernel); \(self.swift); load before: \(self.load)"
    }

    private static func trimmed(_ text: String) -> String {
        let words = text.split { $0 == " " || $0 == "\n" || $0 == "\t" }
        return words.joined(separator: " ")
    }
}
