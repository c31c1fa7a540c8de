#if os(Linux)
import NIOCore
import Testing

@testable import LinuxTransport

@Suite("An event loop on epoll")
struct EpollEventLoopTests {
    @Test("does what it is told in the order in which it is told, whoever tells it")
    func order() async throws {
        try await withLoop { loop in
            let log = Log<Int>()
            for number in 0..<1_000 { loop.execute { log.add(number) } }
            try await loop.submit {
                for number in 1_000..<2_000 { loop.execute { log.add(number) } }
            }.get()
            try await loop.submit {}.get()
            #expect(log.all == Array(0..<2_000))
        }
    }

    @Test("hears every one of many threads")
    func wakeUps() async throws {
        try await withLoop { loop in
            let log = Log<Int>()
            await withTaskGroup(of: Void.self) { group in
                for sender in 0..<8 {
                    group.addTask { for number in 0..<500 { loop.execute { log.add(sender * 500 + number) } } }
                }
            }
            try await loop.submit {}.get()
            #expect(log.all.sorted() == Array(0..<4_000))
            // Each sender's own in its order.
            for sender in 0..<8 {
                let own = log.all.filter { $0 / 500 == sender }
                #expect(own == own.sorted())
            }
        }
    }

    @Test("knows its own thread")
    func thread() async throws {
        try await withLoop { loop in
            #expect(!loop.inEventLoop)
            let isThere = try await loop.submit { loop.inEventLoop }.get()
            #expect(isThere)
        }
    }

    @Test("a submitted task's value and error come back")
    func submit() async throws {
        struct Refusal: Error {}
        try await withLoop { loop in
            let seven = try await loop.submit { 7 }.get()
            #expect(seven == 7)
            await #expect(throws: Refusal.self) { try await loop.submit { throw Refusal() }.get() }
        }
    }

    @Test("timers come in the order of their deadlines, and never early")
    func timers() async throws {
        try await withLoop { loop in
            let log = Log<Int>()
            let start = NIODeadline.now()
            let futures = [30, 10, 20, 0].map { delay in
                loop.scheduleTask(in: .milliseconds(Int64(delay))) {
                    #expect(NIODeadline.now() >= start + .milliseconds(Int64(delay)))
                    log.add(delay)
                }.futureResult
            }
            for future in futures { try await future.get() }
            #expect(log.all == [0, 10, 20, 30])
        }
    }

    @Test(
        "a cancelled timer fails at once, wherever it was set and cancelled", arguments: [false, true], [false, true])
    func cancelled(setsOnLoop: Bool, cancelsOnLoop: Bool) async throws {
        try await withLoop { loop in
            let set: @Sendable () -> Scheduled<Void> = { loop.scheduleTask(in: .hours(1)) {} }
            let timer = setsOnLoop ? try await loop.submit(set).get() : set()
            if cancelsOnLoop { try await loop.submit { timer.cancel() }.get() } else { timer.cancel() }
            await #expect(throws: EventLoopError.self) { try await timer.futureResult.get() }
        }
    }

    @Test("what is left of timers fails when the loop ends")
    func end() async throws {
        let group = try EpollEventLoopGroup(count: 2)
        let failures = Log<any Error>()
        let timer = group.loops[0].scheduleTask(in: .hours(1)) {}
        timer.futureResult.whenFailure { failures.add($0) }
        let last = Log<Int>()
        for number in 0..<100 { group.loops[1].execute { last.add(number) } }
        try await group.shutdownGracefully()
        #expect(failures.all.count == 1 && failures.all[0] is EventLoopError)
        #expect(last.all.count == 100)
        // Too late, and harmless.
        group.loops[0].execute { last.add(100) }
        #expect(last.all.count == 100)
        try await group.shutdownGracefully()
    }

    @Test("a loop goes with its group, whatever it still had to do later")
    func noCycle() async throws {
        final class Witness: Sendable {
            let gone: Log<Bool>
            init(_ gone: Log<Bool>) { self.gone = gone }
            deinit { self.gone.add(true) }
        }
        let gone = Log<Bool>()
        do {
            let group = try EpollEventLoopGroup(count: 1)
            let loop = group.loops[0]
            let witness = Witness(gone)
            let timers = Log<Scheduled<Void>>()
            // As its users do: what is to be done holds the timer, and the loop.
            timers.add(loop.scheduleTask(in: .hours(1)) { loop.execute { _ = (timers.all, witness) } })
            try await loop.submit {}.get()
            try await group.shutdownGracefully()
        }
        try await eventually { gone.all == [true] }
    }

    @Test("a task that prefers it runs on it, before and after it is suspended")
    func taskExecutor() async throws {
        try await withLoop { loop in
            let seen = await Task(executorPreference: loop) {
                var seen = [loop.inEventLoop]
                await Task.yield()
                seen.append(loop.inEventLoop)
                try? await Task.sleep(for: .milliseconds(1))
                seen.append(loop.inEventLoop)
                return seen
            }.value
            #expect(seen == [true, true, true])
        }
    }

    private actor Guest {
        nonisolated let loop: EpollEventLoop
        nonisolated var unownedExecutor: UnownedSerialExecutor { self.loop.asUnownedSerialExecutor() }
        var count = 0

        init(_ loop: EpollEventLoop) { self.loop = loop }

        func visit() -> Bool {
            self.count += 1
            return self.loop.inEventLoop
        }
    }

    @Test("an actor that is isolated to it lives on it")
    func serialExecutor() async throws {
        try await withLoop { loop in
            let guest = Guest(loop)
            await withTaskGroup(of: Bool.self) { group in
                for _ in 0..<100 { group.addTask { await guest.visit() } }
                for await isThere in group { #expect(isThere) }
            }
            #expect(await guest.count == 100)
        }
    }

    @Test("work that makes more work does not keep sockets and timers waiting")
    func fairness() async throws {
        try await withLoop { loop in
            let isDone = Log<Bool>()
            loop.execute { again(loop, until: isDone) }
            // Comes although there is always something else to do.
            try await loop.scheduleTask(in: .milliseconds(2)) { isDone.add(true) }.futureResult.get()
        }
    }
}

private func again(_ loop: EpollEventLoop, until isDone: Log<Bool>) {
    if isDone.all.isEmpty { loop.execute { again(loop, until: isDone) } }
}
#endif
