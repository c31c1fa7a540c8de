import ArgumentParser
import Synchronization
import WebSocketCore
import WebSockets

/// `aloft echo-back`: our client at the mercy of any server. Tools/attacks uses it.
struct EchoBackCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "echo-back",
        abstract: "Connect, send every message back, and say how the connection ended.",
        discussion: """
            Prints a line for each connection: its number, how it ended or why it was not opened, and how many messages \
            came. The exit code is 0 however they end.

            EXAMPLES
              aloft echo-back ws://127.0.0.1:9001/
              aloft echo-back ws://127.0.0.1:9001/ --connections 10000 --at-once 16
            """,
        shouldDisplay: false
    )

    @Argument(help: "Address of the server, ws:// or wss://.")
    var url: String

    @Option(help: "How many connections to open.")
    var connections = 1

    @Option(help: "How many of them at the same time.")
    var atOnce = 1

    @Option(help: "Close the connection after so many messages; 0 at once. (default: never)")
    var closeAfter: Int?

    @Option(help: "Largest message, in bytes, after joining and inflating. (default: 1048576)")
    var maxMessage: Int?

    @Flag(help: "Offer permessage-deflate, and compress every message.")
    var deflate = false

    @Option(help: "What drives the sockets: automatic, linux (epoll) or portable (SwiftNIO).")
    var transport = Transport.automatic

    @Option(help: ArgumentHelp("Certificates to trust, in PEM format, instead of the system's.", valueName: "file"))
    var ca: String?

    func validate() throws {
        try Arguments.checkPositive(self.connections, "--connections")
        try Arguments.checkPositive(self.atOnce, "--at-once")
        try Arguments.checkPositive(self.maxMessage, "--max-message")
    }

    func run() async throws {
        FileDescriptors.raiseLimit()
        var configuration = WebSocketClient.Configuration()
        configuration.transport = self.transport
        if let maxMessage { configuration.socket.limits = Limits(maxMessageBytes: maxMessage) }
        if self.deflate {
            configuration.socket.deflate = PerMessageDeflate.Configuration(
                serverContextTakeover: true, clientContextTakeover: true, minimumBytes: 0)
        }
        if let ca { configuration.tls.trust = .rootsFile(ca) }
        let (client, url, closeAfter) = (WebSocketClient(configuration), self.url, self.closeAfter)
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<self.connections {
                if number >= self.atOnce { await group.next() }
                group.addTask { Output.line("\(number + 1) \(await Self.outcome(client, url, closeAfter))") }
            }
        }
    }

    /// How one connection fares.
    private static func outcome(_ client: WebSocketClient, _ url: String, _ closeAfter: Int?) async -> String {
        let count = MessageCount()
        do {
            let socket = try await client.connect(to: url) { EchoBack(closeAfter: closeAfter, count: count) }
            let closure = await socket.closed()
            return "\(closure); messages: \(count.value.load(ordering: .relaxed))"
        } catch {
            return "not opened: \(error)"
        }
    }
}

private final class MessageCount: Sendable {
    let value = Atomic<Int>(0)
}

private struct EchoBack: MessageReceiver {
    let closeAfter: Int?
    let count: MessageCount

    mutating func opened(_ socket: LoopSocket) {
        if self.closeAfter == 0 { socket.close() }
    }

    mutating func received(_ message: RawSpan, _ kind: MessageKind, _ socket: LoopSocket) {
        socket.send(message, as: kind)
        if self.count.value.wrappingAdd(1, ordering: .relaxed).newValue == self.closeAfter { socket.close() }
    }
}
