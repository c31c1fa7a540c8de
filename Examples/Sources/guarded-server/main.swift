// A server that says who may connect, how much a client may cost, and what an ordinary HTTP request gets.
import WebSocketCore
import WebSockets

/// Asked for each request that keeps the protocol's rules and comes from an allowed origin.
@Sendable func decide(_ request: UpgradeRequest) async throws -> UpgradeDecision {
    guard request.fields["Authorization"] == "Bearer let-me-in" else {
        return .reject(status: 401, fields: ["WWW-Authenticate": "Bearer"], body: "who are you?\n")
    }
    return .accept(subprotocol: request.firstSupported(["count.v2", "count.v1"]))
}

var configuration = WebSocketServer.Configuration()
configuration.socket.limits = Limits(maxMessageBytes: 64 << 10)
configuration.socket.limits.assemblyTimeout = .seconds(10)
configuration.socket.outbox.maxMessagesBeyond = 100
configuration.maxConnections = 1_000
configuration.origins = .list(["https://app.example.com", "http://localhost:8080"])

// `guarded-server chain.pem key.pem` serves wss instead of ws.
if CommandLine.arguments.count == 3 {
    configuration.tls = ServerTLS(certificateChain: CommandLine.arguments[1], privateKey: CommandLine.arguments[2])
}

var server = WebSocketServer(port: 8080, configuration: configuration)

server.on("/count", accept: decide) { socket in
    var total = 0
    while let count = try await socket.receive({ bytes, _ in bytes.byteCount }) {
        total += count
        if total > 1_000_000 {
            await socket.close(.policyViolation, reason: "enough is enough")
            return
        }
        try await socket.send("\(total) bytes so far")
    }
}

server.onRequest { request in
    request.path == "/health" ? HTTPResponse("ok\n") : HTTPResponse(status: 404, "nothing is here\n")
}

try await server.run { print("listening on port \($0.port)") }
