import Glibc

/// Why nothing could be measured.
enum BenchError: Error, Equatable, CustomStringConvertible {
    /// A call into the system failed.
    case system(call: String, errno: Int32)
    /// A server ended, or said nothing, before it listened.
    case serverNotReady(name: String)
    /// The answer to the opening handshake is not the one that RFC 6455 §4.2.2 asks for.
    case handshakeRefused(answer: String)
    /// What came back is not what was sent.
    case wrongReply(byte: Int)
    /// What came back, inflated, is not what was sent.
    case wrongMessage(number: Int)
    /// A line of the file of peers does not have the columns that it should.
    case badPeer(line: String)
    /// OpenSSL does not do what it should.
    case tls(String)
    /// The server closed a connection.
    case connectionClosed
    /// No reply came for this long.
    case stalled(seconds: Int)
    /// A file below /proc does not hold what it should.
    case unreadable(path: String)

    /// The failed call's error as the system has left it.
    static func last(_ call: String) -> BenchError { .system(call: call, errno: Glibc.errno) }

    var description: String {
        switch self {
        case .system(let call, let errno): "\(call): \(String(cString: strerror(errno)))"
        case .serverNotReady(let name): "\(name) did not print `listening on ws://…` within 10 s"
        case .handshakeRefused(let answer): "opening handshake refused:\n\(answer)"
        case .wrongReply(let byte): "a reply differs from what was sent, at byte \(byte) of the window"
        case .wrongMessage(let number): "the reply to message \(number), inflated, differs from what was sent"
        case .badPeer(let line): "not a peer: \(line)"
        case .tls(let what): "TLS: \(what)"
        case .connectionClosed: "the server closed a connection"
        case .stalled(let seconds): "no reply for \(seconds) s"
        case .unreadable(let path): "\(path) cannot be read"
        }
    }
}
