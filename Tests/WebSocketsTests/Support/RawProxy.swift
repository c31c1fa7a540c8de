import NIOCore
import NIOPosix
import WebSocketCore

@testable import WebSockets

/// A proxy in this process: takes one kind of handshake, and passes bytes on to one server, wherever the client wanted to go.
final class RawProxy: Sendable {
    /// What it speaks and who it lets through.
    enum Kind: Sendable {
        /// With this Proxy-Authorization, if there is one.
        case http(authorization: String? = nil)
        /// With this user name and password, if there are any.
        case socks(user: String? = nil, password: String? = nil)
    }

    /// Where clients wanted to go: host and port.
    let requests = Log<String>()
    let server: RawServer

    private init(_ server: RawServer) { self.server = server }

    /// Runs `body` with a proxy before the server at `port`.
    static func whileRunning(
        _ kind: Kind, to port: Int, _ body: @escaping @Sendable (RawProxy) async throws -> Void
    ) async throws {
        let proxy = RawProxy(try await RawServer.start())
        let serving = Task { await proxy.serve(kind, to: port) }
        let outcome: Result<Void, any Error>
        do { outcome = .success(try await body(proxy)) } catch { outcome = .failure(error) }
        serving.cancel()
        // Whoever still reads from it, does not any more.
        try await proxy.server.stop()
        try await withDeadline(what: "the end of the proxy") { await serving.value }
        try outcome.get()
    }

    private func serve(_ kind: Kind, to port: Int) async {
        await withTaskGroup(of: Void.self) { group in
            for number in 0... {
                guard let client = try? await self.next(number) else { break }
                group.addTask { try? await self.serve(client, kind, to: port) }
            }
            group.cancelAll()
        }
    }

    private func next(_ number: Int) async throws -> RawConnection {
        while self.server.acceptedCount <= number {
            try Task.checkCancellation()
            let loop = MultiThreadedEventLoopGroup.singleton.next()
            try await loop.scheduleTask(in: .milliseconds(2)) {}.futureResult.get()
        }
        return try await self.server.connection(number)
    }

    private func serve(_ client: RawConnection, _ kind: Kind, to port: Int) async throws {
        let isLetThrough =
            switch kind {
            case .http(let authorization): try await self.connect(client, authorization)
            case .socks(let user, let password): try await self.socks(client, user, password)
            }
        guard isLetThrough else { return }
        let server = try await RawConnection.connect(to: port)
        await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await Self.pass(from: client, to: server) }
            group.addTask { try await Self.pass(from: server, to: client) }
            // Either end ends the other.
            try? await group.next()
            try? await client.close()
            try? await server.close()
            group.cancelAll()
        }
    }

    private static func pass(from: RawConnection, to: RawConnection) async throws {
        while true {
            let bytes = try await from.read { bytes, isEnded in bytes.isEmpty && !isEnded ? nil : bytes.count }
            if bytes.isEmpty { return }
            try await to.send(bytes)
        }
    }

    private func connect(_ client: RawConnection, _ authorization: String?) async throws -> Bool {
        let head = RawResponse(head: try await client.readHead(), body: "")
        self.requests.add(String(head.head.split(separator: " ")[1]))
        guard authorization == nil || head["Proxy-Authorization"] == authorization else {
            try await client.send(
                "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n")
            return false
        }
        try await client.send("HTTP/1.1 200 Connection established\r\n\r\n")
        return true
    }

    private func socks(_ client: RawConnection, _ user: String?, _ password: String?) async throws -> Bool {
        let count = try await client.read(count: 2)[1]
        let methods = try await client.read(count: Int(count))
        if let user, let password {
            guard methods.contains(2) else {
                try await client.send([5, 0xFF])
                return false
            }
            try await client.send([5, 2])
            let userCount = try await client.read(count: 2)[1]
            let itsUser = try await client.read(count: Int(userCount))
            let itsPassword = try await client.read(count: Int(try await client.read(count: 1)[0]))
            let isKnown = itsUser == Array(user.utf8) && itsPassword == Array(password.utf8)
            try await client.send([1, isKnown ? 0 : 1])
            guard isKnown else { return false }
        } else {
            try await client.send([5, 0])
        }
        let kind = try await client.read(count: 4)[3]
        var host: [UInt8]
        switch kind {
        case 1: host = try await client.read(count: 4)
        case 3: host = try await client.read(count: Int(try await client.read(count: 1)[0]))
        default: host = try await client.read(count: 16)
        }
        let port = try await client.read(count: 2).reduce(0) { $0 << 8 | Int($1) }
        let text =
            kind == 3 ? String(decoding: host, as: UTF8.self) : host.map { "\($0)" }.joined(separator: ".")
        self.requests.add("\(text):\(port)")
        try await client.send([5, 0, 0, 1, 0, 0, 0, 0, 0, 0])
        return true
    }
}
