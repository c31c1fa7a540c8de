import Histogram
import LoadGenerator
import Logging
import Synchronization
import Testing
import WebSocketCore
import WebSockets

/// Runs against the library's own server, ended by numbers of messages, not by time.
@Suite("Load on a server in this process")
struct LoadTestTests {
    private static func server(_ configure: (inout WebSocketServer) -> Void) async throws -> RunningServer {
        var configuration = WebSocketServer.Configuration()
        configuration.threads = 1
        configuration.drainSpread = .zero
        configuration.drainTimeout = .milliseconds(20)
        configuration.maxConnections = .max
        configuration.logger.logLevel = .critical
        configuration.socket.deflate = PerMessageDeflate.Configuration(minimumBytes: 0, followsOffer: true)
        var server = WebSocketServer(port: 0, configuration: configuration)
        configure(&server)
        return try await server.start()
    }

    /// Runs a plan of a fixed number of messages against a server.
    private static func run(
        _ mode: LoadPlan.Mode, _ configure: (inout WebSocketServer) -> Void, stop: StopRequest = StopRequest(),
        _ change: (inout LoadPlan) -> Void
    ) async throws -> LoadResult {
        let server = try await Self.server(configure)
        var plan = LoadPlan(mode, url: "ws://127.0.0.1:\(server.port)/")
        plan.duration = nil
        plan.timeout = .seconds(120)
        change(&plan)
        do {
            let result = try await LoadTest(plan).run(stop: stop)
            await server.drain()
            return result
        } catch {
            await server.drain()
            throw error
        }
    }

    private static func echo(_ server: inout WebSocketServer) { server.on("/", receiver: { _ in EchoReceiver() }) }

    // MARK: Echo

    @Test(
        "a closed loop counts every message once",
        arguments: [(1, 1, 1), (3, 1, 2), (7, 16, 1), (10, 100, 2)], [LoadPlan.Deflate.off, .withContextTakeover])
    func closedLoop(shape: (connections: Int, inFlight: Int, threads: Int), deflate: LoadPlan.Deflate) async throws {
        let result = try await Self.run(.echo, Self.echo) {
            $0.connections = shape.connections
            $0.inFlight = shape.inFlight
            $0.threads = shape.threads
            $0.deflate = deflate
            $0.messages = 2003
            $0.verifiesContent = true
        }
        #expect(result.ending == .messages)
        #expect(result.opened == shape.connections)
        #expect(result.openAtEnd == shape.connections)
        #expect(result.tally.sent == 2003)
        #expect(result.tally.received == 2003)
        #expect(result.tally.receivedBytes == 2003 * 64)
        #expect(result.tally.latency.count == 2003)
        #expect(result.tally.handshake.count == UInt64(shape.connections))
        #expect(result.tally.errors.sorted.map(\.kind) == [])
        #expect(!result.isLatencyCorrected)
        #expect(result.tally.compressed == (deflate == .off ? 0 : shape.connections))
        #expect(result.warnings.allSatisfy { !$0.contains("compress") })
    }

    @Test("a server that does not compress is told of")
    func notCompressed() async throws {
        let result = try await Self.run(
            .echo,
            {
                $0.configuration.socket.deflate = nil
                Self.echo(&$0)
            }
        ) {
            $0.connections = 2
            $0.messages = 10
            $0.deflate = .withoutContextTakeover
        }
        #expect(result.tally.errors.isEmpty)
        #expect(result.warnings.contains("the server did not agree to compress on 2 of 2 connections"))
    }

    @Test("a fixed rate counts every message once, and corrects", arguments: [1, 3])
    func fixedRate(threads: Int) async throws {
        let result = try await Self.run(.echo, Self.echo) {
            $0.connections = 5
            $0.inFlight = 8
            $0.threads = threads
            $0.messages = 501
            $0.rate = 5000
        }
        #expect(result.tally.received == 501)
        #expect(result.tally.latency.count == 501)
        #expect(result.tally.service.count == 501)
        #expect(Int(result.tally.lateness.count) + result.tally.heldBack == 501)
        #expect(result.tally.errors.isEmpty)
        #expect(result.isLatencyCorrected)
        // 500 distances of 200 µs; never faster.
        #expect(result.seconds >= 0.1)
    }

    @Test("who had to wait counts from when it was due, not from when it was sent")
    func coordinatedOmission() async throws {
        // Due all at once in effect, sent one after the other.
        let result = try await Self.run(.echo, Self.echo) {
            $0.connections = 1
            $0.inFlight = 1
            $0.messages = 2000
            $0.rate = 100_000_000
        }
        #expect(result.tally.received == 2000)
        #expect(result.tally.heldBack > 1000)
        // The last one was due about when the first one was.
        #expect(result.tally.latency.max > result.tally.service.nanoseconds(at: 50) * 100)
        #expect(result.warnings.contains { $0.contains("--in-flight") })
    }

    @Test(
        "sizes and kinds", arguments: [(0, MessageKind.text), (1, .binary), (7, .text), (8, .binary), (70_000, .text)])
    func sizes(size: Int, kind: MessageKind) async throws {
        let result = try await Self.run(.echo, Self.echo) {
            $0.connections = 2
            $0.inFlight = 4
            $0.sizeBytes = size
            $0.kind = kind
            $0.messages = 50
            $0.verifiesContent = true
        }
        #expect(result.tally.received == 50)
        #expect(result.tally.receivedBytes == 50 * size)
        #expect(result.tally.errors.isEmpty)
    }

    @Test("a message of one's own")
    func ownMessage() async throws {
        let result = try await Self.run(.echo, Self.echo) {
            $0.message = Array(#"{"hello": "wörld"}"#.utf8)
            $0.connections = 1
            $0.messages = 10
            $0.verifiesContent = true
        }
        #expect(result.tally.receivedBytes == 10 * 19)
        #expect(result.tally.errors.isEmpty)
    }

    @Test("a wrong answer is a mismatch", arguments: [WrongAnswer.longer, .otherKind, .otherContent, .swapped])
    func mismatch(wrong: WrongAnswer) async throws {
        let result = try await Self.run(.echo, { $0.on("/", receiver: { _ in WrongReceiver(wrong: wrong) }) }) {
            $0.connections = 1
            $0.inFlight = 2
            $0.messages = 10
            $0.verifiesContent = true
        }
        #expect(result.tally.errors[.mismatch] == 10)
    }

    @Test("content is not compared unless it is asked for")
    func notVerified() async throws {
        let wrong = WrongAnswer.otherContent
        let result = try await Self.run(.echo, { $0.on("/", receiver: { _ in WrongReceiver(wrong: wrong) }) }) {
            $0.connections = 1
            $0.messages = 10
        }
        #expect(result.tally.errors.isEmpty)
    }

    @Test("answers that nobody waits for are errors, and no crash")
    func unexpected() async throws {
        let result = try await Self.run(.echo, { $0.on("/", receiver: { _ in WrongReceiver(wrong: .twice) }) }) {
            $0.connections = 1
            $0.messages = 10
        }
        #expect(result.tally.received == 10)
        #expect(result.tally.errors[.unexpectedMessage] > 0)
    }

    @Test("connections that the server closes are counted with the code, and what was in flight as well")
    func closed() async throws {
        let result = try await Self.run(.echo, { $0.on("/", receiver: { _ in ClosingReceiver() }) }) {
            $0.connections = 3
            $0.inFlight = 5
            $0.messages = 300
        }
        #expect(result.ending == .messages || result.ending == .noConnections)
        #expect(result.tally.errors[.closed(code: 4000)] == 3)
        #expect(result.tally.errors[.noReply] == 15)
        #expect(result.openAtEnd == 0)
        #expect(result.tally.received == 0)
    }

    // MARK: Errors while connecting

    @Test("a handshake that is refused", arguments: LoadPlan.Mode.allCases)
    func refused(mode: LoadPlan.Mode) async throws {
        let result = try await Self.run(mode, { $0.on("/elsewhere", receiver: { _ in EchoReceiver() }) }) {
            $0.connections = 2
            if mode == .broadcast { $0.rate = 10 }
            $0.messages = 4
        }
        #expect(!result.hasMeasured)
        #expect(result.tally.errors[.handshakeRejected(status: 404)] >= 2)
        #expect(result.tally.errors[.handshakeRejected(status: 404)] == result.tally.errors.total)
    }

    @Test("nobody listens")
    func nobody() async throws {
        let server = try await Self.server { _ in }
        let port = server.port
        await server.drain()
        var plan = LoadPlan(.echo, url: "ws://127.0.0.1:\(port)/")
        plan.connections = 3
        let result = try await LoadTest(plan).run()
        #expect(!result.hasMeasured)
        #expect(result.ending == .noConnections)
        #expect(result.tally.errors[.connectFailed] == 3)
    }

    // MARK: Other modes

    @Test("handshakes, so many in all", arguments: [nil, 2000.0])
    func handshakes(rate: Double?) async throws {
        let result = try await Self.run(.connect, Self.echo) {
            $0.connections = 4
            $0.messages = 30
            $0.rate = rate
        }
        #expect(result.ending == .messages)
        #expect(result.tally.opened == 30)
        #expect(result.tally.latency.count == 30)
        #expect(result.tally.service.count == (rate == nil ? 0 : 30))
        #expect(Int(result.tally.lateness.count) + result.tally.heldBack == (rate == nil ? 0 : 30))
        #expect(result.tally.errors.isEmpty)
        #expect(result.hasMeasured)
    }

    @Test("asked to stop, it waits for what is under way and reports")
    func interrupted() async throws {
        let stop = StopRequest()
        let result = try await Self.run(
            .echo, { $0.on("/", receiver: { _ in CountingReceiver { if $0 == 500 { stop.make() } } }) }, stop: stop
        ) {
            $0.connections = 1
            $0.inFlight = 10
            $0.duration = .seconds(600)
        }
        #expect(result.ending == .interrupted)
        #expect(result.tally.latency.count >= 500)
        #expect(result.tally.errors.isEmpty)
        #expect(result.warnings.contains { $0.hasPrefix("ended by hand") })
    }

    @Test("asked to stop while it connects, it gives up without errors")
    func interruptedWhileConnecting() async throws {
        let stop = StopRequest()
        let result = try await Self.run(
            .idle, { $0.on("/", receiver: { _ in CountingReceiver { _ in stop.make() } }) }, stop: stop
        ) {
            $0.connections = 1000
            $0.connectRate = 1
            $0.duration = .seconds(600)
            $0.hello = "here I am"
        }
        #expect(result.opened < 1000)
        #expect(result.tally.errors.isEmpty)
    }

    @Test("what is sent to warm up is not measured")
    func warmUp() async throws {
        let received = Atomic<Int>(0)
        let result = try await Self.run(
            .echo,
            { $0.on("/", receiver: { _ in CountingReceiver { _ in received.add(1, ordering: .relaxed) } }) }
        ) {
            $0.connections = 1
            $0.warmUp = .milliseconds(100)
            $0.duration = .milliseconds(20)
        }
        #expect(result.ending == .duration)
        #expect(result.tally.sent < received.load(ordering: .relaxed))
        #expect(result.tally.handshake.count == 1)
    }

    @Test("idle connections are held")
    func idle() async throws {
        let result = try await Self.run(.idle, Self.echo) {
            $0.connections = 20
            $0.duration = .milliseconds(50)
            $0.hello = "here I am"
            $0.connectRate = 10_000
        }
        #expect(result.ending == .duration)
        #expect(result.opened == 20)
        #expect(result.openAtEnd == 20)
        #expect(result.tally.errors.isEmpty)
    }

    @Test("idle connections that are lost")
    func idleLost() async throws {
        let result = try await Self.run(.idle, { $0.on("/", receiver: { _ in ClosingReceiver() }) }) {
            $0.connections = 3
            $0.duration = .seconds(600)
            $0.hello = "close me"
        }
        #expect(result.tally.errors[.closed(code: 4000)] == 3)
        #expect(result.ending == .noConnections)
    }

    @Test("a broadcast reaches everybody once, in order", arguments: [1, 2])
    func broadcast(threads: Int) async throws {
        let room = Room()
        let result = try await Self.run(.broadcast, { $0.on("/", receiver: { _ in RoomReceiver(room: room) }) }) {
            $0.connections = 7
            $0.publishers = 3
            $0.messages = 40
            $0.rate = 2000
            $0.threads = threads
            $0.kind = .binary
            $0.template = #"{"say": "{message}"}"#
        }
        #expect(result.broadcast == .init(published: 40, expected: 280, delivered: 280))
        #expect(result.tally.latency.count == 280)
        #expect(result.tally.errors.isEmpty)
    }

    @Test("a broadcast that loses some, and sends some twice")
    func lossyBroadcast() async throws {
        let room = Room(isLossy: true)
        let result = try await Self.run(.broadcast, { $0.on("/", receiver: { _ in RoomReceiver(room: room) }) }) {
            $0.connections = 2
            $0.messages = 20
            $0.rate = 1000
            $0.timeout = .milliseconds(500)
        }
        #expect(result.broadcast?.expected == 40)
        // Every fourth is left out, and every fourth comes twice.
        #expect(result.tally.errors[.missing] == 10)
        #expect(result.tally.errors[.duplicate] == 10)
    }
}
