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
    }

    static let configuration = CommandConfiguration(
        commandName: "aloft-echo",
        abstract: "Send every message back as it came.",
        discussion: """
            EXAMPLES
              aloft-echo --interface callback --port 9001
              aloft-echo --interface sequence --threads 2
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

    private static func transport(named name: String) throws -> Transport {
        guard let transport = Transport(rawValue: name) else { throw ValidationError("no such transport: \(name)") }
        return transport
    }

    func validate() throws {
        guard (0...65_535).contains(self.port) else { throw ValidationError("--port must be 0 to 65535") }
        guard (1...1_024).contains(self.threads) else { throw ValidationError("--threads must be 1 to 1024") }
    }

    func run() async throws {
        var configuration = WebSocketServer.Configuration()
        configuration.origins = .any
        configuration.maxConnections = .max
        configuration.threads = self.threads
        configuration.transport = self.transport
        var server = WebSocketServer(port: self.port, configuration: configuration)
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
