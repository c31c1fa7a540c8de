import NIOCore
import Testing
import WebSocketCore
import WebSocketTesting

@testable import WebSockets

@Suite("Redirects (RFC 6455 §4.1, RFC 9110 §15.4)")
struct RedirectTests {
    /// A server whose paths redirect, or say what they were asked with.
    private static func server(
        to location: @escaping @Sendable (String) -> (status: Int, location: String)?,
        asked: Log<UpgradeRequest> = Log()
    ) -> WebSocketServer {
        var server = WebSocketServer.forTests()
        for pattern in ["/", "/*"] {
            server.on(
                pattern,
                accept: { request in
                    asked.add(request)
                    guard let (status, location) = location(request.path) else { return .accept() }
                    return .reject(status: status, fields: ["Location": location], body: "elsewhere\n")
                },
                receiver: { _ in Echo() })
        }
        return server
    }

    private static func client(
        _ maxRedirects: Int, _ configure: (inout WebSocketClient.Configuration) -> Void = { _ in }
    ) -> WebSocketClient {
        var configuration = WebSocketClient.Configuration.forTests()
        configuration.maxRedirects = maxRedirects
        configure(&configuration)
        return WebSocketClient(configuration)
    }

    /// Why connecting failed; `nil` if it did not.
    private static func failure(_ client: WebSocketClient, _ url: String) async throws -> WebSocketError? {
        do {
            let socket = try await withDeadline { try await client.connect(to: url) }
            socket.abort()
            return nil
        } catch let error as WebSocketError { return error }
    }

    @Test("are refused as every other status unless they are allowed", arguments: [301, 302, 303, 307, 308])
    func off(status: Int) async throws {
        let server = Self.server(to: { $0 == "/" ? (status, "/there") : nil })
        try await server.whileRunning { running in
            guard
                case .handshakeRejected(let head, let body)? = try await Self.failure(Self.client(0), running.url("/"))
            else {
                Issue.record("not refused")
                return
            }
            #expect(head.status == status)
            #expect(String(decoding: body, as: UTF8.self) == "elsewhere\n")
            let failure = try await Self.failure(Self.client(1), running.url("/"))
            #expect(failure == nil)
        }
    }

    @Test("other statuses are no redirects, whatever they point at", arguments: [300, 304, 305, 400, 404, 503])
    func otherStatuses(status: Int) async throws {
        let server = Self.server(to: { $0 == "/" ? (status, "/there") : nil })
        try await server.whileRunning { running in
            guard case .handshakeRejected(let head, _)? = try await Self.failure(Self.client(5), running.url("/"))
            else {
                Issue.record("followed")
                return
            }
            #expect(head.status == status)
        }
    }

    @Test("a redirect without Location is a refusal")
    func noLocation() async throws {
        var server = WebSocketServer.forTests()
        server.on("/", accept: { _ in .reject(status: 302, fields: [:], body: "") }, receiver: { _ in Echo() })
        try await server.whileRunning { running in
            guard case .handshakeRejected? = try await Self.failure(Self.client(5), running.url("/")) else {
                Issue.record("followed")
                return
            }
        }
    }

    @Test("are followed to the end, which is told")
    func followed() async throws {
        let asked = Log<UpgradeRequest>()
        let server = Self.server(
            to: { path in
                switch path {
                case "/a/b": (301, "c?x=1")
                case "/a/c": (302, "../d/./e#fragment")
                case "/d/e": (303, "?y")
                default: nil
                }
            }, asked: asked)
        try await server.whileRunning { running in
            let client = Self.client(10)
            // The third leads to itself with a query.
            guard case .redirectRefused(.loop)? = try await Self.failure(client, running.url("/a/b")) else {
                Issue.record("no loop")
                return
            }
            #expect(asked.all.map(\.path) == ["/a/b", "/a/c", "/d/e", "/d/e"])
            #expect(asked.all.map(\.query) == [nil, "x=1", nil, "y"])
        }
    }

    @Test("an address of HTTP is the WebSocket's there; the connection tells where it leads")
    func absolute() async throws {
        try await WebSocketServer.echoing().whileRunning { target in
            let port = target.port
            try await Self.server(to: { _ in (307, "http://localhost:\(port)/echo") }).whileRunning { running in
                let url = running.url("/")
                let socket = try await withDeadline { try await Self.client(1).connect(to: url) }
                #expect(socket.info.url == (try WebSocketURL("ws://localhost:\(port)/echo")))
                _ = try await withDeadline { await socket.close() }
            }
        }
    }

    @Test("in a circle, and too many of them, are errors of their own")
    func endless() async throws {
        let server = Self.server(to: { path in
            switch path {
            case "/loop": (302, "/back")
            case "/back": (302, "/loop")
            default: (302, path + "x")
            }
        })
        try await server.whileRunning { running in
            let client = Self.client(3)
            guard case .redirectRefused(.loop(let url))? = try await Self.failure(client, running.url("/loop")) else {
                Issue.record("no loop")
                return
            }
            #expect(url == running.url("/loop"))
            guard case .redirectRefused(.tooMany(limit: 3))? = try await Self.failure(client, running.url("/")) else {
                Issue.record("not too many")
                return
            }
        }
    }

    @Test(
        "a Location that is no WebSocket's",
        arguments: ["ftp://a/", "http://", "/a b", "http://host:0/", "//", "mailto:a@b"])
    func invalid(location: String) async throws {
        let server = Self.server(to: { _ in (302, location) })
        try await server.whileRunning { running in
            guard case .redirectRefused(.invalidLocation)? = try await Self.failure(Self.client(3), running.url("/"))
            else {
                Issue.record("followed")
                return
            }
        }
    }

    @Test("never from wss to ws", arguments: ["ws", "http"])
    func insecure(scheme: String) async throws {
        let asked = Log<UpgradeRequest>()
        try await Self.server(to: { _ in nil }, asked: asked).whileRunning { plain in
            let port = plain.port
            try await TestCertificate.local.withFiles { files in
                var secure = Self.server(to: { _ in (302, "\(scheme)://127.0.0.1:\(port)/") })
                secure.configuration.tls = files
                try await secure.whileRunning { running in
                    let client = Self.client(3) { $0.tls.trust = .rootsFile(files.certificateChain) }
                    let url = "wss://127.0.0.1:\(running.port)/"
                    guard case .redirectRefused(.insecure)? = try await Self.failure(client, url) else {
                        Issue.record("followed")
                        return
                    }
                }
            }
        }
        #expect(asked.all.isEmpty)
    }

    @Test("what is for one origin does not reach another, nor the way back")
    func credentials() async throws {
        let (first, second) = (Log<UpgradeRequest>(), Log<UpgradeRequest>())
        let ports = Locked((first: 0, second: 0))
        let home = Self.server(
            to: { path in
                switch path {
                case "/": (302, "/same")
                case "/same": (302, "ws://127.0.0.1:\(ports.with { $0.second })/")
                default: nil
                }
            }, asked: first)
        let away = Self.server(to: { _ in (302, "ws://127.0.0.1:\(ports.with { $0.first })/back") }, asked: second)
        try await home.whileRunning { home in
            try await away.whileRunning { away in
                ports.with { $0 = (home.port, away.port) }
                let client = Self.client(5) {
                    $0.fields = [
                        "Authorization": "Bearer a", "COOKIE": "b=c", "proxy-authorization": "d", "X-Key": "e",
                        "X-Open": "f",
                    ]
                    $0.originBoundFields.insert("x-key")
                }
                let failure = try await Self.failure(client, home.url("/"))
                #expect(failure == nil)
                let userInfo = "ws://me:secret@127.0.0.1:\(home.port)/"
                let other = try await Self.failure(Self.client(5), userInfo)
                #expect(other == nil)
            }
        }
        let names = ["Authorization", "Cookie", "Proxy-Authorization", "X-Key", "X-Open"]
        func sent(_ request: UpgradeRequest) -> [String] { names.filter { request.fields[$0] != nil } }
        #expect(first.all.map(\.path) == ["/", "/same", "/back", "/", "/same", "/back"])
        #expect(first.all.prefix(3).map(sent) == [names, names, ["X-Open"]])
        #expect(second.all.map(sent) == [["X-Open"], []])
        #expect(first.all.suffix(3).map(sent) == [["Authorization"], ["Authorization"], []])
    }
}
