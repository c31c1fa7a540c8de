import ArgumentParser
import WebSocketCore
import WebSockets

/// An echo server on the library, in each of its three ways to receive.
@main
struct AloftEcho: AsyncParsableCommand {
    /// How the server's code gets its messages.
    enum Interface: String, CaseIterable, ExpressibleByArgument {
        /// ``WebSockets/MessageReceiver``: called on the event loop with the bytes where they lie.
        case callback
        /// `receive { … }` in a task: the bytes are lent.
        case views
        /// `for try await`: messages that the task owns.
        case sequence
        /// Callbacks as well, and what comes at `/fanout` goes to everybody there.
        case fanout
    }

    /// Whether messages are compressed with the context of those before.
    enum Deflate: String, CaseIterable, ExpressibleByArgument {
        case takeover
        case noTakeover = "no-takeover"
    }

    /// How hard messages are compressed.
    enum Zlib: String, CaseIterable, ExpressibleByArgument {
        /// As uWebSockets does it: level 6, and with context takeover a window of 9 bits and memory level 1.
        case uWebSockets = "uws"
        /// The library's own settings.
        case `default`
    }

    static let configuration = CommandConfiguration(
        commandName: "aloft-echo",
        abstract: "Send every message back as it came.",
        discussion: """
            EXAMPLES
              aloft-echo --interface callback --port 9001
              aloft-echo --interface sequence --threads 2
              aloft-echo --deflate no-takeover --zlib default
              aloft-echo --tls-certificate certificate.pem --tls-key key.pem
            """
    )

    @Option(help: "Port to listen on; 0 picks a free one, which the first line printed tells.")
    var port = 0

    @Option(help: "Event loops, one thread each.")
    var threads = 1

    @Option(help: "How messages are received.")
    var interface = Interface.callback

    @Option(help: "What drives the sockets: automatic, linux or portable.", transform: Self.transport(named:))
    var transport = Transport.automatic

    @Option(help: "Compress all messages, with or without the context of those before.")
    var deflate: Deflate?

    @Option(help: "How hard: as uWebSockets (uws), or as the library does without being asked (default).")
    var zlib = Zlib.uWebSockets

    @Option(help: "Serve wss with this certificate, a file in PEM format.")
    var tlsCertificate: String?

    @Option(help: "Its key, likewise.")
    var tlsKey: String?

    private static func transport(named name: String) throws -> Transport {
        guard let transport = Transport(rawValue: name) else { throw ValidationError("no such transport: \(name)") }
        return transport
    }

    private var configuration: WebSocketServer.Configuration {
        var configuration = WebSocketServer.Configuration()
        configuration.origins = .any
        configuration.maxConnections = .max
        configuration.threads = self.threads
        configuration.transport = self.transport
        configuration.socket.deflate = self.compression
        if let certificate = self.tlsCertificate, let key = self.tlsKey {
            configuration.tls = ServerTLS(certificateChain: certificate, privateKey: key)
        }
        return configuration
    }

    private var compression: PerMessageDeflate.Configuration? {
        guard let deflate else { return nil }
        let keeps = deflate == .takeover
        switch self.zlib {
        case .uWebSockets:
            return PerMessageDeflate.Configuration(
                level: 6, serverContextTakeover: keeps, clientContextTakeover: keeps,
                serverMaxWindowBits: keeps ? 9 : 15, memoryLevel: keeps ? 1 : 8, minimumBytes: 0)
        case .default:
            return PerMessageDeflate.Configuration(
                serverContextTakeover: keeps, clientContextTakeover: keeps, minimumBytes: 0)
        }
    }

    func validate() throws {
        guard (self.tlsCertificate == nil) == (self.tlsKey == nil) else {
            throw ValidationError("--tls-certificate and --tls-key go together")
        }
        guard self.interface != .fanout || self.threads == 1 else {
            throw ValidationError("--interface fanout has one event loop")
        }
        guard (0...65_535).contains(self.port) else { throw ValidationError("--port must be 0 to 65535") }
        guard (1...1_024).contains(self.threads) else { throw ValidationError("--threads must be 1 to 1024") }
    }

    func run() async throws {
        var server = WebSocketServer(port: self.port, configuration: self.configuration)
        switch self.interface {
        case .callback: server.on("/", receiver: { _ in Echo() })
        case .views:
            server.on("/") { socket in
                while try await socket.receive({ message, kind in socket.trySend(message, as: kind) }) != nil {}
            }
        case .sequence:
            server.on("/") { socket in
                for try await message in socket { try await socket.send(message) }
            }
        case .fanout:
            let subscribers = Subscribers()
            server.on("/fanout", receiver: { _ in Fanout(subscribers) })
        }
        try await server.run { server in
            print("listening on ws://\(server.host):\(server.port)/")
            StandardOutput.flush()
        }
    }
}

/// Sends every message back, right where it arrived.
struct Echo: MessageReceiver {
    mutating func received(_ message: RawSpan, _ kind: MessageKind, _ socket: LoopSocket) {
        socket.send(message, as: kind)
    }
}
