import WebSocketCore

@testable import WebSockets

extension WebSocketClient.Configuration {
    /// The defaults, with time limits that no test of anything else runs into on a busy machine.
    static func forTests() -> WebSocketClient.Configuration {
        var configuration = WebSocketClient.Configuration()
        configuration.transport = WebSocketServer.transportUnderTest
        configuration.connectTimeout = .seconds(600)
        configuration.socket.limits.handshake.timeout = .seconds(600)
        return configuration
    }
}

extension WebSocketClient {
    static func forTests() -> WebSocketClient { WebSocketClient(.forTests()) }
}
