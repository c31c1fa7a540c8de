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
              aloft serve --port 8443 --tls-cert chain.pem --tls-key key.pem
            """
    )

    @Option(help: "Name or address to listen on; 0.0.0.0 or :: for all.")
    var host = "127.0.0.1"

    @Option(help: "Port to listen on; 0 picks a free one, which the first line printed tells.")
    var port = 8000

    @Option(help: "What drives the sockets: automatic, linux (epoll) or portable (SwiftNIO).")
    var transport = Transport.automatic

    @OptionGroup var listening: ListenerOptions

    func validate() throws { try Arguments.checkPort(self.port) }

    func run() async throws {
        FileDescriptors.raiseLimit()
        let room = ChatRoom()
        var configuration = WebSocketServer.Configuration()
        configuration.socket.limits = Limits(maxMessageBytes: 64 << 10)
        configuration.transport = self.transport
        configuration.addressLimits = AddressLimits()
        let listeners = self.listening.listeners(host: self.host, port: self.port)
        var server = WebSocketServer(listeners: listeners, configuration: configuration)
        server.on("/ws") { socket in try await room.run(socket) }
        server.on("/echo", receiver: { _ in Echo() })
        server.onRequest { Self.page($0) }
        let scheme = self.listening.isSecure ? "https" : "http"
        let chat = server
        try await Signals.untilInterrupted {
            try await chat.run { running in
                Signals.reloadTLSOnHangup(running)
                Output.line("open \(scheme)://\(Output.authority(running))/")
            }
        }
    }

    private static func page(_ request: HTTPRequest) -> HTTPResponse {
        guard let page = ChatPage(path: request.path) else { return HTTPResponse(status: 404, "nothing is here\n") }
        guard request.method == "GET" || request.method == "HEAD" else {
            var response = HTTPResponse(status: 405, "GET is the way to ask for this page\n")
            response.fields = ["Allow": "GET, HEAD", "Content-Type": "text/plain; charset=utf-8"]
            return response
        }
        return page.response
    }
}

/// One file of the chat's page, carried by the executable.
private enum ChatPage {
    case document
    case style
    case script

    init?(path: String) {
        switch path {
        case "/": self = .document
        case "/chat.css": self = .style
        case "/chat.js": self = .script
        default: return nil
        }
    }

    private var body: [UInt8] {
        switch self {
        case .document: PackageResources.chat_html
        case .style: PackageResources.chat_css
        case .script: PackageResources.chat_js
        }
    }

    private var type: String {
        switch self {
        case .document: "text/html; charset=utf-8"
        case .style: "text/css; charset=utf-8"
        case .script: "text/javascript; charset=utf-8"
        }
    }

    /// What the page may load is said as narrowly as it can be.
    private static let contentSecurityPolicy = """
        default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; base-uri 'none'; \
        form-action 'none'; frame-ancestors 'none'
        """

    var response: HTTPResponse {
        HTTPResponse(
            fields: [
                "Content-Type": self.type,
                "Content-Security-Policy": Self.contentSecurityPolicy,
                "X-Content-Type-Options": "nosniff",
                "Referrer-Policy": "no-referrer",
                "Cache-Control": "no-cache",
            ],
            body: self.body)
    }
}
