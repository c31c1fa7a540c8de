// Follows a stream of messages for as long as there is one: connects again when the connection is lost.
//
//     reconnecting-client wss://example.com/feed
//     https_proxy=socks5://127.0.0.1:1080 reconnecting-client wss://example.com/feed
import Foundation
import WebSocketCore
import WebSockets

let url = CommandLine.arguments.dropFirst().first ?? "ws://127.0.0.1:8080/echo"

var configuration = WebSocketClient.Configuration()
configuration.proxy = try ProxySettings(environment: ProcessInfo.processInfo.environment)
configuration.maxRedirects = 5
let client = WebSocketClient(configuration)

var policy = ReconnectPolicy()
policy.firstDelay = .milliseconds(500)
policy.maxDelay = .seconds(30)
policy.classify = { error in
    // This server says 4000 when it moves a client elsewhere.
    if case .closed(let closure) = error, closure.received?.code == CloseCode(rawValue: 4000) { return .now }
    return error.retry
}

let last = LastSeen()
try await client.run(
    url, policy: policy, waiting: { print("\($0.cause); again in \($0.delay)") },
    body: { socket in
        try await socket.send("resume \(await last.number)")
        for try await message in socket {
            print(message)
            await last.advance()
        }
        return .asItEnded
    })

/// How many messages have been handled, over all connections.
actor LastSeen {
    private(set) var number = 0

    func advance() { self.number += 1 }
}
