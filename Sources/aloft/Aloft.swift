import ArgumentParser

/// The one executable: parses arguments and puts the libraries together.
@main
struct Aloft: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "aloft",
        abstract: "A WebSocket server and its tools.",
        discussion: """
            EXAMPLES
              aloft serve                               a chat in the browser, at http://127.0.0.1:8000/
              aloft echo --port 9001                    send every message back
              aloft echo-client ws://127.0.0.1:9001/    check that a server does
              aloft bench ws://127.0.0.1:9001/          put load on a server and measure it
            """,
        version: "0.1.0",
        subcommands: [
            ServeCommand.self, EchoCommand.self, EchoClientCommand.self, EchoBackCommand.self, BenchCommand.self,
        ],
        defaultSubcommand: nil
    )
}
