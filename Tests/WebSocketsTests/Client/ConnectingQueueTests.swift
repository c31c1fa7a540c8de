import Testing

@testable import WebSockets

@Suite("One connection at a time to a host (RFC 6455 §4.1)")
struct ConnectingQueueTests {
    private static let key = ConnectingQueue.Key(host: "a.example", port: 80)

    /// Enters when it is its turn, tells the log, and leaves when the gate is open.
    private static func attempt(
        _ queue: ConnectingQueue, _ number: Int, _ log: Log<Int>, _ gate: Gate, key: ConnectingQueue.Key = Self.key,
        limit: Int = 100
    ) -> Task<Void, any Error> {
        Task {
            try await queue.inTurn(key, limit: limit) {
                log.add(number)
                try await gate.pass()
            }
        }
    }

    @Test("the others wait, and come in their order")
    func order() async throws {
        let queue = ConnectingQueue()
        let log = Log<Int>()
        let gates = (0..<5).map { _ in Gate() }
        var tasks: [Task<Void, any Error>] = []
        for number in 0..<5 {
            tasks.append(Self.attempt(queue, number, log, gates[number]))
            try await eventually("it to be there") { log.all.count + queue.waitingCount(Self.key) == number + 1 }
        }
        for number in 0..<5 {
            _ = try await log.waitFor(number + 1)
            #expect(log.all == Array(0...number))
            gates[number].open()
            try await withDeadline { [task = tasks[number]] in try await task.value }
        }
        #expect(queue.waitingCount(Self.key) == 0)
    }

    @Test("another host or port does not wait")
    func otherHosts() async throws {
        let queue = ConnectingQueue()
        let log = Log<Int>()
        let gate = Gate()
        let keys = [Self.key, .init(host: "b.example", port: 80), .init(host: "a.example", port: 81)]
        let tasks = keys.enumerated().map { Self.attempt(queue, $0.offset, log, gate, key: $0.element) }
        #expect(Set(try await log.waitFor(3)) == [0, 1, 2])
        gate.open()
        for task in tasks { try await withDeadline { try await task.value } }
    }

    @Test("one that fails makes room")
    func failure() async throws {
        struct Oops: Error {}
        let queue = ConnectingQueue()
        for _ in 0..<3 {
            await #expect(throws: Oops.self) { try await queue.inTurn(Self.key, limit: 0) { throw Oops() } }
        }
    }

    @Test("one that is cancelled leaves the queue at once, and nobody waits for it")
    func cancelled() async throws {
        let queue = ConnectingQueue()
        let log = Log<Int>()
        let (first, rest) = (Gate(), Gate())
        rest.open()
        let holder = Self.attempt(queue, 0, log, first)
        _ = try await log.waitFor(1)
        let waiting = Self.attempt(queue, 1, log, rest)
        try await eventually("it to wait") { queue.waitingCount(Self.key) == 1 }
        let behind = Self.attempt(queue, 2, log, rest)
        try await eventually("both to wait") { queue.waitingCount(Self.key) == 2 }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await withDeadline { try await waiting.value } }
        #expect(queue.waitingCount(Self.key) == 1)
        first.open()
        try await withDeadline {
            try await holder.value
            try await behind.value
        }
        #expect(log.all == [0, 2])
    }

    @Test("cancelled at any moment, nobody keeps the turn")
    func cancelledAnyTime() async throws {
        let queue = ConnectingQueue()
        for round in 0..<200 {
            let log = Log<Int>()
            let gate = Gate()
            gate.open()
            let tasks = (0..<4).map { Self.attempt(queue, $0, log, gate) }
            for _ in 0..<(round % 20) { await Task.yield() }
            for task in tasks { task.cancel() }
            for task in tasks {
                do { try await withDeadline { try await task.value } } catch is CancellationError {}
            }
            #expect(queue.waitingCount(Self.key) == 0)
        }
        try await withDeadline { try await queue.inTurn(Self.key, limit: 0) {} }
    }

    @Test("more than the limit do not wait", arguments: [0, 2])
    func limit(limit: Int) async throws {
        let queue = ConnectingQueue()
        let log = Log<Int>()
        let gate = Gate()
        var tasks = [Self.attempt(queue, 0, log, gate, limit: limit)]
        _ = try await log.waitFor(1)
        for number in 0..<limit {
            tasks.append(Self.attempt(queue, number, log, gate, limit: limit))
            try await eventually("it to wait") { queue.waitingCount(Self.key) == number + 1 }
        }
        do {
            try await withDeadline { try await queue.inTurn(Self.key, limit: limit) {} }
            Issue.record("entered")
        } catch WebSocketError.tooManyConnecting(let told) { #expect(told == limit) }
        gate.open()
        for task in tasks { try await withDeadline { try await task.value } }
    }
}
