import NIOCore
import WebSocketCore

/// One attempt of a client to open a connection: where to, how, and who is told what comes of it.
struct ClientPlan: Sendable {
    let url: WebSocketURL
    let configuration: WebSocketClient.Configuration
    let settings: SharedSettings
    /// Where the TCP connection goes.
    let destination: Destination
    /// Who makes the rest of the way.
    let proxy: Proxy?
    /// `nil` for `ws`.
    let tls: TLSPlan?
    let makeConsumer: @Sendable () -> Consumer
    let outcome: EventLoopPromise<WebSocket>
}
