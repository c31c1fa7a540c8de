import Testing
import WebSocketCore

@testable import WebSockets

@Suite("Routes")
struct RoutesTests {
    @Test(
        "A path is compared byte by byte; a star stands for everything below",
        arguments: [
            ("/chat", "/chat", true), ("/chat", "/chat/", false), ("/chat", "/Chat", false),
            ("/chat", "/chat%2F", false),
            ("/chat", "/", false), ("/rooms/*", "/rooms/1", true), ("/rooms/*", "/rooms/1/2", true),
            ("/rooms/*", "/rooms/", false), ("/rooms/*", "/rooms", false), ("/rooms/*", "/room", false),
            ("/*", "/a", true),
            ("/*", "/", false), ("/caf\u{E9}", "/cafe\u{301}", false),
        ])
    func matches(pattern: String, path: String, isMatch: Bool) {
        #expect(PathPattern(pattern).matches(path) == isMatch)
    }

    @Test("The first route that matches counts")
    func first() throws {
        var server = WebSocketServer.forTests()
        server.on("/a/b", accept: { _ in .reject(status: 401) }) { _ in Echo() }
        server.on("/a/*", accept: { _ in .reject(status: 402) }) { _ in Echo() }
        server.on("/a/b", accept: { _ in .reject(status: 403) }) { _ in Echo() }
        let embedded = EmbeddedServer(server)
        for (path, status) in [("/a/b", 401), ("/a/c", 402), ("/b", 404)] {
            let peer = try embedded.connect()
            try peer.send(UpgradeText.request(path))
            #expect(peer.takeResponse().status == status)
        }
    }
}
