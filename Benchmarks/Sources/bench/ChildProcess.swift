import Glibc

/// A child process whose standard output is read.
final class ChildProcess {
    let pid: pid_t
    private let output: Int32
    private var hasEnded = false

    init(_ command: [String]) throws(BenchError) {
        guard let program = command.first else { throw .system(call: "posix_spawn", errno: ENOENT) }
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw .last("pipe") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO)
        var arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) }
        arguments.append(nil)
        var pid = pid_t()
        let status = posix_spawnp(&pid, program, &actions, nil, arguments, environ)
        for argument in arguments { free(argument) }
        posix_spawn_file_actions_destroy(&actions)
        close(ends[1])
        guard status == 0 else {
            close(ends[0])
            throw .system(call: program, errno: status)
        }
        self.pid = pid
        self.output = ends[0]
    }

    deinit {
        self.stop()
        close(self.output)
    }

    /// The first line of its output, if there is one in time.
    func firstLine(withinMilliseconds limit: Int) -> String? {
        let end = Clock.now() + UInt64(limit) * 1_000_000
        var line: [UInt8] = []
        while Clock.now() < end {
            var ready = pollfd(fd: self.output, events: Int16(POLLIN), revents: 0)
            let left = Int(end &- min(end, Clock.now())) / 1_000_000
            guard poll(&ready, 1, Int32(clamping: left)) > 0 else { continue }
            var byte: UInt8 = 0
            guard read(self.output, &byte, 1) == 1 else { break }
            if byte == UInt8(ascii: "\n") { return String(decoding: line, as: UTF8.self) }
            line.append(byte)
        }
        return nil
    }

    /// Waits for its end, 10 seconds at most.
    func waitUntilEnded() {
        for _ in 0..<1_000 where !self.hasEnded {
            self.hasEnded = waitpid(self.pid, nil, WNOHANG) != 0
            if !self.hasEnded { Clock.sleep(milliseconds: 10) }
        }
        self.stop()
    }

    /// Asks it to end, kills it after 5 seconds, and returns when it is gone.
    func stop() {
        if self.hasEnded { return }
        self.hasEnded = true
        kill(self.pid, SIGTERM)
        for _ in 0..<500 {
            if waitpid(self.pid, nil, WNOHANG) != 0 { return }
            Clock.sleep(milliseconds: 10)
        }
        kill(self.pid, SIGKILL)
        waitpid(self.pid, nil, 0)
    }
}
