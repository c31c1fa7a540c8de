public import ArgumentParser
import Dispatch
public import WebSockets

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// What commands print.
enum Output {
    /// A line on standard output, there at once, also when it is a pipe.
    static func line(_ text: String) {
        print(text)
        fflush(nil)
    }

    /// `host:port` as it stands in a URL.
    static func authority(_ server: RunningServer) -> String {
        server.host.contains(":") ? "[\(server.host)]:\(server.port)" : "\(server.host):\(server.port)"
    }
}

/// Something that a command prints as its last words, with exit code 1.
struct Failure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

extension Transport: ExpressibleByArgument {}

/// Checks that several commands make of their arguments.
enum Arguments {
    static func checkPort(_ port: Int) throws {
        guard 0...65_535 ~= port else { throw ValidationError("--port must be 0 to 65535, not \(port)") }
    }

    static func checkPositive(_ value: Int?, _ option: String) throws {
        if let value, value < 1 { throw ValidationError("\(option) must be at least 1, not \(value)") }
    }
}

/// SIGINT and SIGTERM.
enum Signals {
    /// Runs `body`, and cancels it when the process is asked to end.
    static func untilInterrupted(_ body: @escaping @Sendable () async throws -> Void) async throws {
        let (stream, continuation) = AsyncStream<Void>.makeStream()
        let sources = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { continuation.yield() }
            source.resume()
            return source
        }
        defer { for source in sources { source.cancel() } }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await body() }
            group.addTask { for await _ in stream { return } }
            // Whichever ends first ends the other: a signal cancels the body, which then drains.
            try await group.next()
            group.cancelAll()
            continuation.finish()
            try await group.waitForAll()
        }
    }
}

/// Open files and sockets that the process may have.
enum FileDescriptors {
    /// Raises the limit to the most that the system allows without asking: each connection takes one.
    static func raiseLimit() {
        var limit = rlimit()
        #if canImport(Glibc)
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #else
        let resource = RLIMIT_NOFILE
        #endif
        guard getrlimit(resource, &limit) == 0, limit.rlim_cur < limit.rlim_max else { return }
        limit.rlim_cur = limit.rlim_max
        _ = setrlimit(resource, &limit)
    }
}
