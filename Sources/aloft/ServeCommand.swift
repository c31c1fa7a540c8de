import ArgumentParser
import WebSocketCore
import WebSockets

/// `aloft serve`: a page whose open tabs chat with each other.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serve a chat in the browser.",
        discussion: """
            Open the printed address in two tabs. The chat's WebSocket is at /ws, one that sends everything back at \
            /echo. Only pages of the same host may connect. It ends on SIGINT or SIGTERM.

            EXAMPLES
              aloft serve
              aloft serve --host 0.0.0.0 --port 8080
            """
    )

    @Option(help: "Name or address to listen on; 0.0.0.0 or :: for all.")
    var host = "127.0.0.1"

    @Option(help: "Port to listen on; 0 picks a free one, which the first line printed tells.")
    var port = 8000

    func validate() throws { try Arguments.checkPort(self.port) }

    func run() async throws {
        FileDescriptors.raiseLimit()
        let room = ChatRoom()
        var configuration = WebSocketServer.Configuration()
        configuration.socket.limits = Limits(maxMessageBytes: 64 << 10)
        var server = WebSocketServer(host: self.host, port: self.port, configuration: configuration)
        server.on("/ws") { socket in try await room.run(socket) }
        server.on("/echo", receiver: { _ in Echo() })
        server.onRequest { Self.page($0) }
        let chat = server
        try await Signals.untilInterrupted {
            try await chat.run { Output.line("open http://\(Output.authority($0))/") }
        }
    }

    /// The page, and nothing else; what it may load is said as narrowly as it can be.
    private static func page(_ request: HTTPRequest) -> HTTPResponse {
        guard request.path == "/" else { return HTTPResponse(status: 404, "nothing is here\n") }
        guard request.method == "GET" || request.method == "HEAD" else {
            var response = HTTPResponse(status: 405, "GET is the way to ask for this page\n")
            response.fields = ["Allow": "GET, HEAD", "Content-Type": "text/plain; charset=utf-8"]
            return response
        }
        var response = HTTPResponse(Pages.chat, type: "text/html; charset=utf-8")
        response.fields = [
            "Content-Type": "text/html; charset=utf-8",
            "Content-Security-Policy": Pages.chatContentSecurityPolicy,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-cache",
        ]
        return response
    }
}
