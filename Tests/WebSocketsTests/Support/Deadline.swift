import NIOCore
import NIOPosix

/// What a test waited for did not happen.
struct DeadlinePassed: Error, CustomStringConvertible {
    let description: String

    init(_ what: String) { self.description = "did not happen in time: \(what)" }
}

/// How long a test waits for what must happen. Only a test that fails ever takes so long: generous enough for a busy
/// machine with a sanitizer.
let patience = TimeAmount.seconds(120)

/// Fails if `body` is not over in time, even if `body` cannot be cancelled.
func withDeadline<Result: Sendable>(
    _ limit: TimeAmount = patience, what: String = "the end of the body",
    _ body: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    let outcome = loop.makePromise(of: Result.self)
    let timer = loop.scheduleTask(in: limit) { outcome.fail(DeadlinePassed(what)) }
    let task = Task {
        do { outcome.succeed(try await body()) } catch { outcome.fail(error) }
    }
    defer {
        timer.cancel()
        task.cancel()
    }
    return try await outcome.futureResult.get()
}

/// Asks again and again, once in every other millisecond, until `condition` holds.
func eventually(_ what: String, _ condition: @Sendable () async throws -> Bool) async throws {
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    let end = NIODeadline.now() + patience
    while try await !condition() {
        guard NIODeadline.now() < end else { throw DeadlinePassed(what) }
        try await loop.scheduleTask(in: .milliseconds(2)) {}.futureResult.get()
    }
}

/// Holds tasks back until it is opened.
final class Gate: Sendable {
    private let opened: EventLoopPromise<Void>

    init() { self.opened = MultiThreadedEventLoopGroup.singleton.next().makePromise() }

    func open() { self.opened.succeed() }

    func pass() async throws { try await self.opened.futureResult.get() }

    // A promise must be kept.
    deinit { self.opened.succeed() }
}
