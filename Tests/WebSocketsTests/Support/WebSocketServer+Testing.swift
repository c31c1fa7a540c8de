import Foundation
import Logging
import NIOCore
import Testing
import WebSocketCore

@testable import WebSockets

extension WebSocketServer {
    /// `make test-portable` runs the tests on the other transport than this system's own.
    static let transportUnderTest: Transport = {
        guard let name = ProcessInfo.processInfo.environment["ALOFT_TEST_TRANSPORT"] else { return .automatic }
        guard let transport = Transport(rawValue: name) else { preconditionFailure("no such transport: \(name)") }
        return transport
    }()

    /// A server on a free port, on one event loop, that drains at once and is silent.
    static func forTests(_ configure: (inout Configuration) -> Void = { _ in }) -> WebSocketServer {
        var configuration = Configuration()
        configuration.threads = 1
        configuration.drainSpread = .zero
        configuration.drainTimeout = .milliseconds(20)
        // On a busy machine no test of anything else is to run into this one.
        configuration.socket.limits.handshake.timeout = .seconds(600)
        configuration.logger.logLevel = .critical
        configuration.transport = Self.transportUnderTest
        configure(&configuration)
        return WebSocketServer(port: 0, configuration: configuration)
    }

    /// The same with `/echo`, whose callbacks answer with what comes.
    static func echoing(_ configure: (inout Configuration) -> Void = { _ in }) -> WebSocketServer {
        var server = Self.forTests(configure)
        server.on("/echo") { _ in Echo() }
        return server
    }

    /// Runs the server while `body` runs, and looks whether every connection has left when it has drained.
    func whileRunning(_ body: (RunningServer) async throws -> Void) async throws {
        let running = try await self.start()
        do {
            try await body(running)
        } catch {
            await running.drain()
            throw error
        }
        try await withDeadline(what: "the drain") { await running.drain() }
        #expect(running.connectionCount == 0)
    }
}

extension RunningServer {
    func url(_ path: String) -> String { "ws://127.0.0.1:\(self.port)\(path)" }
}

/// Answers each message with itself.
struct Echo: MessageReceiver {
    mutating func received(_ message: RawSpan, _ kind: MessageKind, _ socket: LoopSocket) {
        socket.send(message, as: kind)
    }
}

/// Collects what happens, from any thread.
final class Log<Entry: Sendable>: Sendable {
    private let entries = Locked<[Entry]>([])

    func add(_ entry: Entry) { self.entries.with { $0.append(entry) } }

    var all: [Entry] { self.entries.with { $0 } }

    /// The first entry, once there is one.
    func first() async throws -> Entry { try await self.waitFor(1)[0] }

    /// All entries, once there are `count`.
    func waitFor(_ count: Int) async throws -> [Entry] {
        try await eventually("\(count) entries in the log") { self.all.count >= count }
        return self.all
    }
}
