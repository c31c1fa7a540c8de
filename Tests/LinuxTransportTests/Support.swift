#if os(Linux)
import Glibc
import NIOConcurrencyHelpers
import NIOCore
import Testing

@testable import LinuxTransport

/// Runs `body` with a loop of its own.
func withLoop(_ body: @Sendable (EpollEventLoop) async throws -> Void) async throws {
    let group = try EpollEventLoopGroup(count: 1)
    do {
        try await body(group.loops[0])
    } catch {
        try await group.shutdownGracefully()
        throw error
    }
    try await group.shutdownGracefully()
}

/// Collects what happens, from any thread.
final class Log<Entry: Sendable>: Sendable {
    private let entries = NIOLockedValueBox<[Entry]>([])

    func add(_ entry: Entry) { self.entries.withLockedValue { $0.append(entry) } }

    var all: [Entry] { self.entries.withLockedValue { $0 } }
}

/// What did not happen in two minutes, which only a test that fails ever takes.
struct DeadlinePassed: Error {}

/// Asks again and again until `condition` holds.
func eventually(_ condition: @Sendable () async throws -> Bool) async throws {
    let end = ContinuousClock.now + .seconds(120)
    while try await !condition() {
        guard ContinuousClock.now < end else { throw DeadlinePassed() }
        try await Task.sleep(for: .milliseconds(1))
    }
}

/// Two ends of a stream: one for a loop, one for a test, whose calls block.
struct SocketPair {
    let ours: Int32
    let theirs: Int32

    init() throws {
        var ends: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0 else { throw SystemError("socketpair") }
        self.ours = ends[0]
        self.theirs = ends[1]
    }
}
#endif
