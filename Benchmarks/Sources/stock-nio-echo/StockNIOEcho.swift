import ArgumentParser
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOWebSocket

/// The peer: an echo server on the WebSocket pipeline that comes with SwiftNIO, written as its examples are.
@main
struct StockNIOEcho: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stock-nio-echo",
        abstract: "Send every message back as it came, on SwiftNIO's own WebSocket pipeline.",
        discussion: """
            EXAMPLES
              stock-nio-echo --port 9001
            """
    )

    @Option(help: "Port to listen on; 0 picks a free one, which the first line printed tells.")
    var port = 0

    @Option(help: "Event loops, one thread each.")
    var threads = 1

    @Flag(help: "Send every message to all connections. One event loop only.")
    var fanout = false

    func validate() throws {
        guard !self.fanout || self.threads == 1 else { throw ValidationError("--fanout has one event loop") }
        guard (0...65_535).contains(self.port) else { throw ValidationError("--port must be 0 to 65535") }
        guard (1...1_024).contains(self.threads) else { throw ValidationError("--threads must be 1 to 1024") }
    }

    func run() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: self.threads)
        let subscribers = self.fanout ? Subscribers() : nil
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1_024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let upgrader = NIOWebSocketServerUpgrader(
                        maxFrameSize: 1 << 20,
                        shouldUpgrade: { channel, _ in channel.eventLoop.makeSucceededFuture(HTTPHeaders()) },
                        upgradePipelineHandler: { channel, _ in
                            channel.eventLoop.makeCompletedFuture {
                                try channel.pipeline.syncOperations.addHandler(EchoHandler(subscribers))
                            }
                        }
                    )
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline(
                        withServerUpgrade: (upgraders: [upgrader], completionHandler: { _ in }))
                }
            }
        let listener = try await bootstrap.bind(host: "127.0.0.1", port: self.port).get()
        print("listening on ws://127.0.0.1:\(listener.localAddress?.port ?? self.port)/")
        StandardOutput.flush()
        try await listener.closeFuture.get()
        try await group.shutdownGracefully()
    }
}
