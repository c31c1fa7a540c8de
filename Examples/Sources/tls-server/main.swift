// Listens at a plain and a secure port and at a Unix socket, takes new certificates without dropping anybody, and knows
// its clients by their certificates.
import Foundation
import Logging
import ServiceLifecycle
import UnixSignals
import WebSocketCore
import WebSockets

let arguments = CommandLine.arguments
guard arguments.count == 4 else {
    print("usage: tls-server chain.pem key.pem authorities.pem")
    exit(2)
}

var tls = ServerTLS(certificateChain: arguments[1], privateKey: arguments[2])
tls.clientCertificates = .optional(authorities: .file(arguments[3]))
tls.watchInterval = .seconds(60)

var configuration = WebSocketServer.Configuration()
configuration.addressLimits = AddressLimits()
configuration.socket.idleTimeout = .seconds(600)
configuration.socket.maximumLifetime = .seconds(24 * 3_600)
configuration.drainClose = Close(.serviceRestart, reason: "a new version comes")

var server = WebSocketServer(
    listeners: [
        .tcp(host: "127.0.0.1", port: 8080),
        .tcp(host: "0.0.0.0", port: 8443, tls: tls),
        .unix(path: "/tmp/echo.sock", mode: 0o660),
    ],
    configuration: configuration)

/// Asks for a certificate where the connection is one of TLS.
@Sendable func decide(_ request: UpgradeRequest) -> UpgradeDecision {
    if !request.isSecure { return .accept() }
    guard let certificate = request.clientCertificate else { return .reject(status: 401) }
    return certificate.dnsNames.contains("device.example.com") ? .accept() : .reject(status: 403)
}

server.on("/echo", accept: decide) { socket in
    for try await message in socket { try await socket.send(message) }
}

let group = ServiceGroup(
    services: [server], gracefulShutdownSignals: [.sigterm, .sigint], logger: Logger(label: "echo"))
try await group.run()
