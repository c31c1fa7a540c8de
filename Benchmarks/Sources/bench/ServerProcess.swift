import Glibc

/// A running echo server.
final class ServerProcess {
    let pid: pid_t
    let port: UInt16
    private var isStopped = false

    /// Starts `server` on one processor and waits until it listens, 10 seconds at most.
    init(
        _ server: EchoServer, with arguments: [String] = [], on processors: Processors
    ) throws(BenchError) {
        try Processors.bind(to: processors.server)
        let child: ChildProcess
        do {
            child = try ChildProcess(server.command + arguments)
        } catch {
            try Processors.bind(to: processors.generator)
            throw error
        }
        try Processors.bind(to: processors.generator)
        Interruption.childStarted(child.pid)
        let line = child.firstLine(withinMilliseconds: 10_000)
        guard let port = line.flatMap(Self.port(in:)) else {
            child.stop()
            Interruption.childEnded()
            throw .serverNotReady(name: server.name)
        }
        self.pid = child.pid
        self.port = port
        self.child = child
    }

    private let child: ChildProcess

    deinit { self.stop() }

    /// Asks it to end, kills it after 5 seconds, and returns when it is gone.
    func stop() {
        if self.isStopped { return }
        self.isStopped = true
        self.child.stop()
        Interruption.childEnded()
    }

    /// `listening on ws://127.0.0.1:8080/` → 8080
    static func port(in line: String) -> UInt16? {
        guard line.hasPrefix("listening on ws://") else { return nil }
        return line.split(separator: ":").last.flatMap { UInt16($0.prefix(while: \.isNumber)) }
    }
}
