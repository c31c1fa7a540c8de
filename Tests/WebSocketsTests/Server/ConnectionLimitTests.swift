import Testing
import WebSocketCore
import WebSocketTesting

@testable import WebSockets

@Suite("The most connections at one time")
struct ConnectionLimitTests {
    @Test("One too many is answered with 503, the listener lives, and there is room again when one has left")
    func refuses() async throws {
        let server = WebSocketServer.echoing { $0.maxConnections = 2 }
        try await server.whileRunning { running in
            let first = try await RawConnection.open("/echo", on: running.port)
            let second = try await RawConnection.open("/echo", on: running.port)
            #expect(running.connectionCount == 2)

            // The refusal needs no request, and a request changes nothing.
            for request in ["", UpgradeText.request("/echo"), "GET / HTTP/1.1\r\nHost: a\r\n\r\n"] {
                let third = try await RawConnection.connect(to: running.port)
                if !request.isEmpty { third.sendSoon(Array(request.utf8)) }
                let response = try await third.readResponse()
                #expect(response.status == 503)
                #expect(response["Retry-After"].flatMap { Int($0) } ?? 0 > 0)
                #expect(response["Connection"] == "close")
                #expect(try await third.readToEnd().isEmpty)
                try await third.close()
            }
            try await eventually("those refused to have left") { running.connectionCount == 2 }

            // Those inside have noticed nothing.
            try await second.send(.text("still here"))
            #expect(try await second.readFrame() == .text("still here"))

            try await first.send(.close(1000))
            #expect(try await first.readFrame() == .close(1000))
            try await eventually("the first to have left") { running.connectionCount == 1 }
            let fourth = try await RawConnection.open("/echo", on: running.port)
            try await fourth.send(.text("in"))
            #expect(try await fourth.readFrame() == .text("in"))
        }
    }

    @Test("Connections of every kind count: silent ones and ordinary HTTP too")
    func countsAll() throws {
        var server = WebSocketServer.echoing { $0.maxConnections = 3 }
        server.onRequest { _ in HTTPResponse("page\n") }
        let embedded = EmbeddedServer(server)
        let silent = try embedded.connect()
        let http = try embedded.connect()
        try http.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(http.takeResponse().status == 200)
        let socket = try embedded.open("/echo")
        #expect(embedded.state.connectionCount == 3)
        #expect(try embedded.connect().takeResponse().status == 503)
        for peer in [silent, http, socket] {
            peer.drop()
            #expect(peer.isClosed)
        }
        #expect(embedded.state.connectionCount == 0)
    }

    @Test("A crowd beyond the limit is not even answered")
    func crowd() throws {
        let embedded = EmbeddedServer(.echoing { $0.maxConnections = 0 })
        let loop = embedded.state.loop(LoopServices.on(embedded.loop))
        let members = (0..<256).map { _ in LoopMember() }
        let refused = ServerLoop.Entry.refused(.maxConnections, retryAfter: 5, claim: .none)
        #expect(members.allSatisfy { loop.enter($0, from: "192.0.2.7:1") == refused })
        let one = LoopMember()
        #expect(loop.enter(one, from: "192.0.2.7:1") == .ignored(.maxConnections))
        #expect(embedded.state.connectionCount == 256)
        for member in members { loop.leave(member) }
        #expect(embedded.state.connectionCount == 0)
        #expect(loop.enter(one, from: "192.0.2.7:1") == refused)
    }
}
