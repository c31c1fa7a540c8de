// The protocol without a network: a server's machine fed by hand, and a client and a server wired in memory.
import WebSocketCore
import WebSocketTesting

var server = WebSocketConnection(role: .server, configuration: ConnectionConfiguration(), now: .zero)
var bytes = FrameBytes.text("Hello").from(.client).bytes + FrameBytes.close(1000).from(.client).bytes
var output: [UInt8] = []
var offset = 0

loop: while true {
    switch bytes.withUnsafeMutableBytes({ server.next(in: $0, from: &offset, now: .zero) }) {
    case .message(let kind, let range): print("a whole \(kind) message in place: \(bytes[range].count) bytes")
    case .assembledMessage(let kind): print("a collected \(kind) message: \(server.takeMessage().count) bytes")
    // Only where `delivery` asks for it.
    case .piece, .assembledPiece, .awaitsDelivery: break
    case .pong(let payload?): print("the answer to ping \(payload)")
    case .pong(nil): print("a pong that is no answer")
    case .write:
        server.writeControlFrames(maskingKey: nil) { count, encode in
            var frame = [UInt8](repeating: 0, count: count)
            let end = frame.withUnsafeMutableBytes { encode($0) }
            output += frame[..<end]
        }
    case .shutdownOutput: print("nothing more will be written")
    case .closeTransport: break loop
    case .needMoreBytes: break loop
    }
}
print("to be written: \(output), the connection is over: \(server.closure.map { "\($0)" } ?? "no")")

var pair = WiredPair(keepAlive: KeepAlive.Configuration(), wire: .pieces(upTo: 3))
try pair.client.send("Hello")
pair.run()
print(pair.server.takeEvents() == [.text("Hello")] ? "the server got it" : "the server did not get it")

pair.wire = .silent
pair.advance(by: .seconds(25))  // Silence: both ends ask with a ping.
pair.advance(by: .seconds(10))  // No answer: both ends give up.
print(pair.client.connection.closure.map { "the client: \($0)" } ?? "the client still waits")
