import ArgumentParser
import Dispatch
import LoadGenerator
import WebSocketCore

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Carries out a plan, and shows what comes of it.
struct BenchRun {
    private let plan: LoadPlan
    private let output: BenchOutput

    init(_ plan: LoadPlan, _ output: BenchOutput) {
        self.plan = plan
        self.output = output
    }

    func run() async throws {
        try self.checkDescriptors()
        // Before anything is measured: it would be a pity afterwards.
        let file = try self.output.json.flatMap { $0 == "-" ? nil : $0 }.map { try Self.open($0) }
        defer { if let file { fclose(file) } }

        let stop = StopRequest()
        let sources = Self.stopOnSignals(stop)
        defer { for source in sources { source.cancel() } }

        let display = ProgressDisplay(mode: self.plan.mode, isQuiet: self.output.quiet)
        if !Self.isLocal(self.plan.url) {
            display.line("Only load servers that are yours, or whose owner has agreed.")
        }
        let result = try await LoadTest(self.plan).run(stop: stop) { display.show($0) }
        display.clear()

        if let file { Self.write(result.json.written() + "\n", to: file) }
        if self.output.json == "-" {
            Output.line(result.json.written())
        } else {
            Output.line(TextReport.text(result))
        }
        if !result.hasMeasured { throw ExitCode.failure }
        if self.output.failOnErrors, !result.tally.errors.isEmpty { throw ExitCode.failure }
    }

    /// Descriptors that are left to everything but connections.
    private static let reserve = 32

    /// - Throws: ``Failure`` if there are not enough for the connections.
    private func checkDescriptors() throws {
        FileDescriptors.raiseLimit()
        let limit = FileDescriptors.limit
        // Those that connect leave theirs a moment later.
        let needed = self.plan.descriptors + Self.reserve + self.plan.threads * 4
        guard needed <= limit else {
            throw Failure(
                "\(self.plan.descriptors) connections need \(needed) descriptors, and this process may have \(limit): "
                    + "raise it, as with ulimit -n \(needed)")
        }
    }

    private static func isLocal(_ url: String) -> Bool {
        guard let host = try? WebSocketURL(url).host else { return false }
        return host == "localhost" || host == "::1" || host.hasPrefix("127.")
    }

    /// The first SIGINT or SIGTERM ends the measurement, the second one the process.
    private static func stopOnSignals(_ stop: StopRequest) -> [any DispatchSourceSignal] {
        [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                if stop.isMade { _exit(128 + number) }
                stop.make()
            }
            source.resume()
            return source
        }
    }

    private static func open(_ path: String) throws -> UnsafeMutablePointer<FILE> {
        guard let file = fopen(path, "w") else {
            throw Failure("--json cannot be written: \(path): \(String(cString: strerror(errno)))")
        }
        return file
    }

    private static func write(_ text: String, to file: UnsafeMutablePointer<FILE>) {
        _ = fputs(text, file)
        fflush(file)
    }
}

/// Progress on standard error: one line that changes on a terminal, a line now and then anywhere else.
struct ProgressDisplay {
    private let mode: LoadPlan.Mode
    private let isQuiet: Bool
    private let isTerminal = isatty(STDERR_FILENO) == 1

    private static let secondsBetweenLines = 5
    private static let clearLine = "\r\u{1B}[K"

    init(mode: LoadPlan.Mode, isQuiet: Bool) {
        self.mode = mode
        self.isQuiet = isQuiet
    }

    func show(_ progress: Progress) {
        if self.isQuiet { return }
        if self.isTerminal {
            Self.put(Self.clearLine + ProgressLine.text(progress, mode: self.mode, width: Self.width))
        } else if Int(progress.seconds.rounded()) % Self.secondsBetweenLines == 0 {
            self.line(ProgressLine.text(progress, mode: self.mode, width: nil))
        }
    }

    /// A line that stays.
    func line(_ text: String) {
        if !self.isQuiet { Self.put(text + "\n") }
    }

    func clear() {
        if !self.isQuiet, self.isTerminal { Self.put(Self.clearLine) }
    }

    private static var width: Int {
        var size = winsize()
        guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }

    private static func put(_ text: String) {
        var text = text
        text.withUTF8 { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}

extension FileDescriptors {
    /// How many the process may have now.
    static var limit: Int {
        var limit = rlimit()
        #if canImport(Glibc)
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #else
        let resource = RLIMIT_NOFILE
        #endif
        return getrlimit(resource, &limit) == 0 ? Int(clamping: limit.rlim_cur) : .max
    }
}
