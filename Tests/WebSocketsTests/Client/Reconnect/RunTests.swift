import NIOCore
import Testing
import WebSocketCore
import WebSocketTesting

@testable import WebSockets

@Suite("A client that connects again")
struct RunTests {
    /// Pauses so short that a test does not notice.
    private static func quick(_ configure: (inout ReconnectPolicy) -> Void = { _ in }) -> ReconnectPolicy {
        var policy = ReconnectPolicy()
        policy.firstDelay = .microseconds(1)
        policy.maxDelay = .microseconds(10)
        configure(&policy)
        return policy
    }

    /// Runs a client against a server whose answers `script` writes, with all messages received, and returns what the
    /// client said of its pauses.
    private static func run(
        _ policy: ReconnectPolicy = Self.quick(),
        _ configure: (inout WebSocketClient.Configuration) -> Void = { _ in },
        after: @escaping @Sendable (Int) -> WebSocketClient.AfterConnection = { _ in .asItEnded },
        _ script: @escaping @Sendable (RawServer) async throws -> Void
    ) async throws -> (pauses: [WebSocketClient.Waiting], messages: [Message], failure: (any Error)?) {
        let (pauses, messages, calls) = (Log<WebSocketClient.Waiting>(), Log<Message>(), Log<Void>())
        var configuration = WebSocketClient.Configuration.forTests()
        configure(&configuration)
        let client = WebSocketClient(configuration)
        var failure: (any Error)?
        try await RawServer.whileRunning { server in
            let url = server.url
            let running = Task {
                try await client.run(url, policy: policy, waiting: { pauses.add($0) }) { socket in
                    calls.add(())
                    for try await message in socket { messages.add(message) }
                    return after(calls.all.count)
                }
            }
            do {
                try await script(server)
                try await withDeadline { try await running.value }
            } catch { failure = error }
            running.cancel()
        }
        return (pauses.all, messages.all, failure)
    }

    private static func refuse(_ connection: RawConnection, _ status: Int, _ fields: String = "") async throws {
        _ = try await connection.readRequest()
        try await connection.send("HTTP/1.1 \(status) No\r\nContent-Length: 0\r\n\(fields)\r\n")
    }

    private static func close(_ connection: RawConnection, _ code: UInt16) async throws {
        let payload = [UInt8(truncatingIfNeeded: code >> 8), UInt8(truncatingIfNeeded: code)]
        try await connection.send(FrameBytes(.close, payload).bytes)
        _ = try await connection.readFrame()
        try await connection.close()
    }

    @Test("goes on after refusals, losses and restarts, until the server has said what it had to say")
    func goesOn() async throws {
        let (pauses, messages, failure) = try await Self.run { server in
            try await Self.refuse(try await server.connection(0), 503, "Retry-After: 0\r\n")
            try await Self.refuse(try await server.connection(1), 429)
            // Lost before the answer, after it, and in the middle of a message.
            try await server.connection(2).close()
            let third = try await server.connection(3)
            try await third.accept(then: FrameBytes.text("one").bytes)
            try await third.close()
            let fourth = try await server.connection(4)
            try await fourth.accept(then: FrameBytes.text("two").bytes + [0x81, 5, 0x61])
            try await fourth.reset()
            let fifth = try await server.connection(5)
            try await fifth.accept(then: FrameBytes.text("three").bytes)
            try await Self.close(fifth, 1012)
            let sixth = try await server.connection(6)
            try await sixth.accept()
            try await Self.close(sixth, 1001)
            let seventh = try await server.connection(7)
            try await seventh.accept(then: FrameBytes.text("four").bytes)
            try await Self.close(seventh, 1000)
        }
        #expect(failure == nil)
        #expect(Set(messages.map { "\($0)" }).count == messages.count)
        #expect(messages.contains("one") && messages.contains("three") && messages.last == "four")
        // None of the connections lasted.
        #expect(pauses.map(\.failures) == Array(1...7))
        #expect(pauses.allSatisfy { $0.delay <= .microseconds(10) })
    }

    @Test("stops where it would come to the same", arguments: [400, 401, 403, 404, 410, 426, 501])
    func stopsAtRefusal(status: Int) async throws {
        let (pauses, _, failure) = try await Self.run { server in
            try await Self.refuse(try await server.connection(0), status)
        }
        guard case .handshakeRejected(let head, _)? = failure as? WebSocketError else {
            Issue.record("\(String(describing: failure))")
            return
        }
        #expect(head.status == status)
        #expect(pauses.isEmpty)
    }

    @Test("stops at codes that ask for it", arguments: [1002, 1003, 1007, 1008, 1009, 1010, 3000, 4001] as [UInt16])
    func stopsAtCode(code: UInt16) async throws {
        let (pauses, _, failure) = try await Self.run { server in
            let connection = try await server.connection(0)
            try await connection.accept()
            try await Self.close(connection, code)
        }
        guard case .closed(let closure)? = failure as? WebSocketError else {
            Issue.record("\(String(describing: failure))")
            return
        }
        #expect(closure.received?.code?.rawValue == code)
        #expect(pauses.isEmpty)
    }

    @Test("a message beyond the limit ends it: the next connection would bring it again")
    func messageTooBig() async throws {
        let (pauses, _, failure) = try await Self.run(Self.quick(), { $0.socket.limits = Limits(maxMessageBytes: 10) })
        { server in
            let connection = try await server.connection(0)
            try await connection.accept(then: FrameBytes.text("more than ten bytes").bytes)
            let code = try await connection.readFrame().from(.server).closeCode
            #expect(code == 1009)
            try await connection.close()
        }
        guard case .closed(let closure)? = failure as? WebSocketError, case .failed = closure.ending else {
            Issue.record("\(String(describing: failure))")
            return
        }
        #expect(pauses.isEmpty)
    }

    @Test("stops before anything at an address that is none")
    func invalidURL() async throws {
        await #expect(throws: WebSocketError.self) {
            try await withDeadline { try await WebSocketClient.forTests().run("http://localhost/") { _ in .stop } }
        }
    }

    @Test("puts up with so many failures in a row")
    func maxFailures() async throws {
        let (pauses, _, failure) = try await Self.run(Self.quick { $0.maxFailures = 2 }) { server in
            for number in 0..<3 {
                try await Self.refuse(try await server.connection(number), 500 + (number == 2 ? 3 : 0))
            }
        }
        #expect(pauses.map(\.failures) == [1, 2])
        guard case .handshakeRejected(let head, _)? = failure as? WebSocketError else {
            Issue.record("\(String(describing: failure))")
            return
        }
        // The last one is told.
        #expect(head.status == 503)
    }

    @Test("a connection that lasted makes the failures before it forgotten")
    func healthy() async throws {
        let policy = Self.quick { $0.healthyAfter = .zero }
        let (pauses, _, _) = try await Self.run(policy) { server in
            for number in 0..<2 { try await Self.refuse(try await server.connection(number), 503) }
            let connection = try await server.connection(2)
            try await connection.accept()
            try await connection.close()
            try await Self.refuse(try await server.connection(3), 404)
        }
        #expect(pauses.map(\.failures) == [1, 2, 1])
    }

    @Test("what is worth another attempt is for the user to say")
    func classifier() async throws {
        let stubborn = Self.quick {
            $0.classify = { error in
                if case .handshakeRejected(let head, _) = error, head.status == 404 { return .now }
                return .never
            }
        }
        let (pauses, _, failure) = try await Self.run(stubborn) { server in
            try await Self.refuse(try await server.connection(0), 404)
            try await Self.refuse(try await server.connection(1), 503)
        }
        #expect(pauses.count == 1)
        #expect(failure is WebSocketError)
    }

    @Test("the body has the last word")
    func bodyDecides() async throws {
        let (pauses, _, failure) = try await Self.run(after: { $0 == 1 ? .reconnect : .stop }) { server in
            for number in 0..<2 {
                let connection = try await server.connection(number)
                try await connection.accept()
                try await Self.close(connection, 1000)
            }
        }
        #expect(failure == nil)
        #expect(pauses.count == 1)
    }

    @Test("what the body throws is the end, and closes with 1001")
    func bodyThrows() async throws {
        struct Oops: Error {}
        try await RawServer.whileRunning { server in
            let url = server.url
            let running = Task {
                try await WebSocketClient.forTests().run(url, policy: Self.quick()) { _ in throw Oops() }
            }
            let connection = try await server.first()
            try await connection.accept()
            let code = try await connection.readFrame().from(.server).closeCode
            #expect(code == 1001)
            try await connection.close()
            await #expect(throws: Oops.self) { try await withDeadline { try await running.value } }
            #expect(server.acceptedCount == 1)
        }
    }

    /// How far a run has come when it is cancelled.
    enum Moment: CaseIterable {
        case connecting
        case open
        case waiting
    }

    @Test("cancelled, it ends at once, wherever it is", arguments: Moment.allCases)
    func cancelled(moment: Moment) async throws {
        try await RawServer.whileRunning { server in
            let url = server.url
            let (pauses, opened) = (Log<Void>(), Log<Void>())
            var policy = ReconnectPolicy()
            policy.firstDelay = .seconds(100_000)
            policy.maxDelay = .seconds(100_000)
            let running = Task { [policy] in
                try await WebSocketClient.forTests().run(url, policy: policy, waiting: { _ in pauses.add(()) }) {
                    socket in
                    opened.add(())
                    for try await _ in socket {}
                    return .asItEnded
                }
            }
            let connection = try await server.first()
            switch moment {
            case .connecting: _ = try await connection.readRequest()
            case .open:
                try await connection.accept()
                _ = try await opened.first()
            case .waiting:
                try await Self.refuse(connection, 503)
                _ = try await pauses.first()
            }
            running.cancel()
            if moment == .open {
                let code = try await connection.readFrame().from(.server).closeCode
                #expect(code == 1001)
                try await connection.close()
            }
            await #expect(throws: CancellationError.self) { try await withDeadline { try await running.value } }
            #expect(server.acceptedCount == 1)
        }
    }
}
