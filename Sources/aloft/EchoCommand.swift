import ArgumentParser
import WebSocketCore
import WebSockets

/// `aloft echo`: the endpoint of conformance and load tests.
struct EchoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "echo",
        abstract: "Send every message back as it came.",
        discussion: """
            For tests: it accepts any number of connections, and any Origin unless --origin is given. Limits are the \
            library's defaults where no option says otherwise; the frame limit follows the message limit. It ends on \
            SIGINT or SIGTERM, closing its connections with 1001.

            EXAMPLES
              aloft echo --port 9001
              aloft echo --port 9001 --deflate --max-message 67108864 --max-fragments 1000000
              aloft echo --port 9443 --tls-cert server.pem --tls-key server.key
              aloft echo --port 9001 --unix /tmp/echo.sock
            """
    )

    @Option(help: "Name or address to listen on; 0.0.0.0 or :: for all.")
    var host = "127.0.0.1"

    @Option(help: "Port to listen on; 0 picks a free one, which the first line printed tells.")
    var port: Int

    @Option(help: "Path that accepts WebSockets.")
    var path = "/"

    @Option(help: "Largest message, in bytes, after joining and inflating. (default: 1048576)")
    var maxMessage: Int?

    @Option(help: "Most fragments of a message. (default: 16384)")
    var maxFragments: Int?

    @Flag(help: "Agree to permessage-deflate, context takeover and windows as offered, and compress every message.")
    var deflate = false

    @Option(
        help: ArgumentHelp(
            "Pages of this origin may connect, and no others; may be repeated. https://*.example.com stands for all names "
                + "below example.com. (default: any)", valueName: "origin"))
    var origin: [String] = []

    @Option(help: "Event loops, one thread each. (default: one for each core)")
    var threads: Int?

    @Option(help: "What drives the sockets: automatic, linux (epoll) or portable (SwiftNIO).")
    var transport = Transport.automatic

    @OptionGroup var listening: ListenerOptions

    func validate() throws {
        try Arguments.checkPort(self.port)
        try Arguments.checkPositive(self.maxMessage, "--max-message")
        try Arguments.checkPositive(self.maxFragments, "--max-fragments")
        try Arguments.checkPositive(self.threads, "--threads")
        guard self.path.hasPrefix("/") else { throw ValidationError("--path must begin with a slash: \(self.path)") }
    }

    func run() async throws {
        FileDescriptors.raiseLimit()
        var configuration = WebSocketServer.Configuration()
        configuration.origins = self.origin.isEmpty ? .any : .list(self.origin)
        configuration.maxConnections = .max
        configuration.transport = self.transport
        if let maxMessage { configuration.socket.limits = Limits(maxMessageBytes: maxMessage) }
        if let maxFragments { configuration.socket.limits.maxFragments = maxFragments }
        if let threads { configuration.threads = threads }
        if self.deflate {
            configuration.socket.deflate = PerMessageDeflate.Configuration(minimumBytes: 0, followsOffer: true)
        }
        let listeners = self.listening.listeners(host: self.host, port: self.port)
        var server = WebSocketServer(listeners: listeners, configuration: configuration)
        server.on(self.path, receiver: { _ in Echo() })
        let scheme = self.listening.isSecure ? "wss" : "ws"
        let (path, echo) = (self.path, server)
        try await Signals.untilInterrupted {
            try await echo.run { running in
                Signals.reloadTLSOnHangup(running)
                Output.line("listening on \(scheme)://\(Output.authority(running))\(path)")
            }
        }
    }
}

/// Sends every message back, right where it arrived.
struct Echo: MessageReceiver {
    mutating func received(_ message: RawSpan, _ kind: MessageKind, _ socket: LoopSocket) {
        socket.send(message, as: kind)
    }
}
