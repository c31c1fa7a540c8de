import ArgumentParser
import WebSocketCore
import WebSockets

/// Runs all cases of Autobahn's fuzzing server with this library's client, and has the report written.
@main
struct AutobahnClient: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "autobahn-client",
        abstract: "Run every case of Autobahn's fuzzing server with Aloft's client.",
        discussion: """
            Asks URL/getCaseCount how many cases there are, echoes every message of URL/runCase?case=N&agent=AGENT \
            until that connection ends, for each N, and opens URL/updateReports?agent=AGENT.

            EXAMPLES
              autobahn-client ws://127.0.0.1:9001 --deflate --max-message 67108864 --max-fragments 1000000
              Tools/conformance/check-client -- autobahn-client {url} --agent {agent} --deflate
            """
    )

    @Argument(help: "Address of the fuzzing server, without a path.")
    var url: String

    @Option(help: "Name in the report.")
    var agent = "aloft"

    @Option(help: "Largest message, in bytes. (default: 1048576)")
    var maxMessage: Int?

    @Option(help: "Most fragments of a message. (default: 16384)")
    var maxFragments: Int?

    @Flag(help: "Offer permessage-deflate, and compress every message.")
    var deflate = false

    func run() async throws {
        var configuration = WebSocketClient.Configuration()
        if let maxMessage { configuration.socket.limits = Limits(maxMessageBytes: maxMessage) }
        if let maxFragments { configuration.socket.limits.maxFragments = maxFragments }
        if self.deflate {
            configuration.socket.deflate = PerMessageDeflate.Configuration(
                serverContextTakeover: true, clientContextTakeover: true, minimumBytes: 0)
        }
        let client = WebSocketClient(configuration)
        let base = self.url.hasSuffix("/") ? String(self.url.dropLast()) : self.url

        let answer = try await client.withConnection(to: "\(base)/getCaseCount") { try await $0.receive() }
        guard case .text(let text) = answer, let count = Int(text), count >= 0 else {
            throw ValidationError("\(base)/getCaseCount did not answer with a number")
        }
        for number in 1..<(count + 1) {
            await Self.runCase(number, client, "\(base)/runCase?case=\(number)&agent=\(self.agent)")
            if number % 50 == 0 || number == count { print("\(number) of \(count) cases") }
        }
        try await client.withConnection(to: "\(base)/updateReports?agent=\(self.agent)") { socket in
            while try await socket.receive() != nil {}
        }
    }

    /// How a case ends is for the server to judge: many end the connection on purpose.
    private static func runCase(_ number: Int, _ client: WebSocketClient, _ url: String) async {
        do {
            let socket = try await client.connect(to: url, receiver: { Echo() })
            _ = await socket.closed()
        } catch {
            print("case \(number): \(error)")
        }
    }

    private struct Echo: MessageReceiver {
        mutating func received(_ message: RawSpan, _ kind: MessageKind, _ socket: LoopSocket) {
            socket.send(message, as: kind)
        }
    }
}
