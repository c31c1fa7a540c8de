import Logging
import ServiceLifecycle
import Testing
import WebSocketCore

@testable import WebSockets

@Suite("A server as a service of swift-service-lifecycle")
struct ServiceTests {
    /// A server that says when it listens, for the time in which that is not known otherwise.
    private struct Announcing: Service {
        let server: WebSocketServer
        let ready: Log<RunningServer>

        func run() async throws { try await self.server.run { self.ready.add($0) } }
    }

    private static func logger() -> Logger { WebSocketServer.forTests().configuration.logger }

    private static func patient() -> WebSocketServer { .echoing { $0.drainTimeout = .seconds(600) } }

    @Test("A graceful shutdown of the group drains it")
    func gracefulShutdown() async throws {
        let ready = Log<RunningServer>()
        let group = ServiceGroup(
            configuration: .init(
                services: [.init(service: Announcing(server: Self.patient(), ready: ready))], logger: Self.logger()))
        let task = Task { try await group.run() }
        let running = try await ready.first()
        #expect(running.isReady)
        let client = try await WebSocketClient.forTests().connect(to: running.url("/echo"))
        await group.triggerGracefulShutdown()
        let closure = try await withDeadline { await client.closed() }
        #expect(closure.isClean)
        #expect(closure.received == Close(.goingAway, reason: "the server goes down"))
        try await withDeadline { try await task.value }
        #expect(!running.isReady)
        #expect(running.connectionCount == 0)
    }

    @Test("So does the cancellation of its task")
    func cancellation() async throws {
        let ready = Log<RunningServer>()
        let group = ServiceGroup(
            configuration: .init(
                services: [.init(service: Announcing(server: Self.patient(), ready: ready))], logger: Self.logger()))
        let task = Task { try await group.run() }
        let running = try await ready.first()
        let client = try await WebSocketClient.forTests().connect(to: running.url("/echo"))
        task.cancel()
        #expect(try await withDeadline { await client.closed() }.received?.code == .goingAway)
        _ = await task.result
        #expect(running.connectionCount == 0)
    }

    @Test("The server itself is a service, and one that cannot listen ends the group with its error")
    func failure() async throws {
        let blocker = try await RawServer.start()
        var server = Self.patient()
        server.port = blocker.port
        let group = ServiceGroup(
            configuration: .init(services: [.init(service: server)], logger: Self.logger()))
        await #expect(throws: ListenError.self) { try await group.run() }
        try await blocker.stop()
    }
}
