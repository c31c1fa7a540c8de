import ArgumentParser
import WebSocketCore
import WebSockets

/// `aloft echo-client`: checks an echo server with our client.
struct EchoClientCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "echo-client",
        abstract: "Send random messages to an echo server and check that each comes back.",
        discussion: """
            Messages are text and binary in turn, of 0 to --max-size bytes. The exit code is 0 if all came back \
            unchanged and the connection closed cleanly, 1 otherwise.

            EXAMPLES
              aloft echo-client ws://127.0.0.1:9001/
              aloft echo-client wss://localhost:9443/ --ca ca.pem --deflate --count 1000
            """
    )

    @Argument(help: "Address of the server, ws:// or wss://.")
    var url: String

    @Option(help: "Number of messages.")
    var count = 100

    @Option(help: "Largest message, in bytes.")
    var maxSize = 100_000

    @Option(help: "Seed of the messages' content, to repeat a run.")
    var seed: UInt64 = 1

    @Flag(help: "Offer permessage-deflate.")
    var deflate = false

    @Option(help: "Subprotocol to ask for; may be repeated.")
    var subprotocol: [String] = []

    @Option(help: ArgumentHelp("Certificates to trust, in PEM format, instead of the system's.", valueName: "file"))
    var ca: String?

    @OptionGroup(title: "Connection")
    var connection: ConnectionOptions

    func validate() throws {
        guard self.count >= 0 else { throw ValidationError("--count must not be negative") }
        guard 0...(16 << 20) ~= self.maxSize else { throw ValidationError("--max-size must be 0 to 16777216") }
    }

    func run() async throws {
        var configuration = WebSocketClient.Configuration()
        configuration.socket.limits = Limits(maxMessageBytes: max(1 << 20, self.maxSize))
        if self.deflate {
            configuration.socket.deflate = PerMessageDeflate.Configuration(
                serverContextTakeover: true, clientContextTakeover: true, minimumBytes: 0)
        }
        configuration.subprotocols = self.subprotocol
        if let ca { configuration.tls.trust = .rootsFile(ca) }
        try self.connection.apply(to: &configuration)
        let (count, maxSize, seed) = (self.count, self.maxSize, self.seed)
        do {
            let socket = try await WebSocketClient(configuration).connect(to: self.url)
            var messages = RandomMessages(seed: seed, maxSize: maxSize)
            for number in 0..<count {
                let message = messages.next(number)
                try await socket.send(message)
                guard let answer = try await socket.receive() else {
                    throw Failure("the server closed the connection after \(number) messages")
                }
                guard answer == message else { throw Failure("message \(number) came back changed") }
            }
            let closure = await socket.close(.normal)
            let code = closure.code.map { "\($0)" } ?? "without a code"
            Output.line(
                "\(count) messages echoed, deflate: \(socket.info.deflate == nil ? "off" : "on"), subprotocol: "
                    + "\(socket.subprotocol ?? "none"), closed: \(closure.isClean ? "clean" : "not clean") \(code)")
            if !closure.isClean { throw ExitCode.failure }
        } catch let error as WebSocketError {
            throw Failure("\(error)")
        }
    }
}

/// Text with characters of one to four bytes, and bytes, in turn.
struct RandomMessages {
    private var state: UInt64
    private let maxSize: Int

    init(seed: UInt64, maxSize: Int) {
        self.state = seed | 1
        self.maxSize = maxSize
    }

    mutating func next(_ number: Int) -> Message {
        let size = number == 0 ? 0 : Int(self.random() % UInt64(self.maxSize + 1))
        if number % 2 == 1 { return .binary((0..<size).map { _ in UInt8(truncatingIfNeeded: self.random()) }) }
        let alphabet: [Character] = ["a", "e", " ", "0", "é", "ß", "水", "€", "🎈"]
        var text = ""
        while text.utf8.count + 4 <= size { text.append(alphabet[Int(self.random() % UInt64(alphabet.count))]) }
        return .text(text)
    }

    /// xorshift64: the content only has to differ.
    private mutating func random() -> UInt64 {
        self.state ^= self.state << 13
        self.state ^= self.state >> 7
        self.state ^= self.state << 17
        return self.state >> 16
    }
}
