import ArgumentParser
import FlyingFox
import FlyingSocks

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// A peer: FlyingFox with the echo that comes with it. It runs on Swift's own threads.
@main
struct FlyingFoxEcho: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "flyingfox-echo",
        abstract: "Send every message back as it came, on FlyingFox.",
        discussion: """
            EXAMPLES
              flyingfox-echo --port 9001
            """
    )

    @Option(help: "Port to listen on; 0 picks a free one, which the first line printed tells.")
    var port: UInt16 = 0

    func run() async throws {
        let address = try sockaddr_in.inet(ip4: "127.0.0.1", port: self.port)
        let server = HTTPServer(address: address, logger: .disabled)
        // A message goes back in one frame, as it came, also when it is long.
        await server.appendRoute("/", to: .webSocket(EchoWSMessageHandler(), frameSize: 1 << 20))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            try await server.waitUntilListening()
            if case .ip4(_, let port) = await server.listeningAddress {
                print("listening on ws://127.0.0.1:\(port)/")
                StandardOutput.flush()
            }
            try await group.waitForAll()
        }
    }
}
