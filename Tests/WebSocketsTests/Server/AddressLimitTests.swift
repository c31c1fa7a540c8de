import NIOCore
import Testing
import WebSocketCore
import WebSocketTesting

@testable import WebSockets

@Suite("Limits of an address, over sockets")
struct AddressLimitTests {
    #if os(Linux)
    static let transports = [Transport.linux, .portable]

    private static func server(_ transport: Transport, _ limits: AddressLimits, isSecure: Bool = false)
        -> WebSocketServer
    {
        var server = WebSocketServer.echoing {
            $0.transport = transport
            $0.addressLimits = limits
            if isSecure { $0.tls = TestCertificate.local.tlsInMemory }
        }
        server.onRequest { _ in HTTPResponse("page\n") }
        return server
    }

    @Test("Each address has its own limit, whatever its connections are", arguments: transports)
    func most(transport: Transport) async throws {
        var limits = AddressLimits()
        limits.exemptsLoopback = false
        limits.maxConnections = 3
        limits.newConnectionsPerSecond = nil
        try await Self.server(transport, limits).whileRunning { running in
            var peers: [RawConnection] = []
            for last in 2...9 {
                let source = "127.0.0.\(last)"
                // A WebSocket, an ordinary connection, and one that says nothing.
                let socket = try await RawConnection.connect(to: running.port, from: source)
                #expect(try await socket.upgrade("/echo").status == 101)
                let http = try await RawConnection.connect(to: running.port, from: source)
                try await http.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try await http.readResponse().status == 200)
                let silent = try await RawConnection.connect(to: running.port, from: source)
                peers += [socket, http, silent]
            }
            try await eventually("all to be connected") { running.connectionCount == 24 }
            for last in 2...9 {
                let refused = try await RawConnection.connect(to: running.port, from: "127.0.0.\(last)")
                let response = try await refused.readResponse()
                #expect(response.status == 503)
                #expect(response["Retry-After"] == "5")
                #expect(response["Connection"] == "close")
                #expect(response.body == "too many connections from this address\n")
                try await refused.close()
            }
            // Others are welcome, and whoever leaves makes room for its own address only.
            let other = try await RawConnection.connect(to: running.port, from: "127.0.0.10")
            #expect(try await other.upgrade("/echo").status == 101)
            try await eventually("the refused to have left") { running.connectionCount == 25 }
            for peer in peers[0..<3] { try await peer.close() }
            try await eventually("three to have left") { running.connectionCount == 22 }
            for _ in 0..<3 {
                let again = try await RawConnection.connect(to: running.port, from: "127.0.0.2")
                #expect(try await again.upgrade("/echo").status == 101)
                peers.append(again)
            }
            let refused = try await RawConnection.connect(to: running.port, from: "127.0.0.2")
            #expect(try await refused.readResponse().status == 503)
            for peer in peers + [other, refused] { try? await peer.close() }
            try await eventually("all to have left") { running.connectionCount == 0 }
        }
    }

    @Test("New connections have a burst for each address", arguments: transports)
    func rate(transport: Transport) async throws {
        var limits = AddressLimits()
        limits.exemptsLoopback = false
        limits.maxConnections = nil
        // So slow that no token comes back while the test runs.
        limits.newConnectionsPerSecond = 1e-6
        limits.newConnectionBurst = 4
        try await Self.server(transport, limits).whileRunning { running in
            for last in 2...9 {
                for number in 0..<5 {
                    let peer = try await RawConnection.connect(to: running.port, from: "127.0.0.\(last)")
                    if number < 4 {
                        #expect(try await peer.upgrade("/echo").status == 101)
                    } else {
                        let response = try await peer.readResponse()
                        #expect(response.status == 503)
                        #expect(response["Retry-After"] == "3600")
                        #expect(response.body == "too many new connections from this address\n")
                    }
                    try await peer.close()
                }
            }
        }
    }

    @Test("A field that claims another address changes nothing, and loopback is exempt unless it is not")
    func exempt() async throws {
        var limits = AddressLimits()
        limits.maxConnections = 1
        try await Self.server(.automatic, limits).whileRunning { running in
            for _ in 0..<3 { _ = try await RawConnection.open("/echo", on: running.port) }
            #expect(running.connectionCount == 3)
        }
        limits.exemptsLoopback = false
        try await Self.server(.automatic, limits).whileRunning { running in
            _ = try await RawConnection.open("/echo", on: running.port)
            let second = try await RawConnection.connect(to: running.port)
            second.sendSoon(Array(UpgradeText.request("/echo", [("X-Forwarded-For", "192.0.2.99")]).utf8))
            #expect(try await second.readResponse().status == 503)
        }
    }

    @Test("A refusal comes through TLS", arguments: transports)
    func secure(transport: Transport) async throws {
        var limits = AddressLimits()
        limits.maxConnections = 1
        limits.exemptsLoopback = false
        try await Self.server(transport, limits, isSecure: true).whileRunning { running in
            for _ in 0..<3 {
                let first = try await RawConnection.connect(to: running.port, tls: { _ in })
                #expect(try await first.upgrade("/echo").status == 101)
                let second = try await RawConnection.connect(to: running.port, tls: { _ in })
                #expect(try await second.readResponse().status == 503)
                try await first.close()
                // The server has ended it, perhaps.
                try? await second.close()
                try await eventually("both to have left") { running.connectionCount == 0 }
            }
        }
    }
    #endif
}
