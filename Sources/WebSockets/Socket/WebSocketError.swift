public import WebSocketCore

/// Why something could not be done with a WebSocket.
public enum WebSocketError: Error, Sendable, CustomStringConvertible {
    /// The connection is over, and not because both ends wanted it: how.
    case closed(Closure)
    /// The connection has ended, and how, in the middle of a message that was being received in pieces.
    case messageCutShort(Closure)
    /// The connection is closing: nothing can be sent any more (RFC 6455 §5.5.1).
    case closing
    /// The message was refused: it would interrupt a fragmented one, or there is no memory.
    case refused(SendError)
    /// The peer does not read, and ``OutboxLimits`` are used up.
    case outboxFull
    /// A connection has one receiver: another task, or the callbacks it was opened with.
    case alreadyReceiving
    /// The server answered the opening handshake with something else than 101; up to 64 KiB of its body.
    case handshakeRejected(ResponseHead, body: [UInt8])
    /// The opening handshake is wrong: of a server's answer, or of what was asked for.
    case invalidHandshake(HandshakeFault)
    /// The address is not one of a WebSocket.
    case invalidURL(String)
    /// The opening handshake was not over in time.
    case handshakeTimedOut(after: Duration)
    /// The TCP or TLS connection could not be established; the text is the system's.
    case connectionFailed(String)
    /// The proxy has not connected to the server: which one, and why not.
    case proxyFailed(Proxy, ProxyFault)
    /// TLS with the server did not come about, or the server is not who it must be.
    case tlsFailed(TLSFault)
    /// The server answered with a redirect that was not followed.
    case redirectRefused(RedirectFault)
    /// So many connections wait already for another one to the same host to be established (setting:
    /// ``WebSocketClient/Configuration/maxWaitingConnects``).
    case tooManyConnecting(limit: Int)
    /// A setting of the client cannot be used: which one, and why not.
    case invalidSetting(String)

    public var description: String {
        switch self {
        case .closed(let closure): "the connection is over: \(closure)"
        case .messageCutShort(let closure): "the connection ended in the middle of a message: \(closure)"
        case .closing: "the connection is closing, nothing can be sent any more"
        case .refused(let error): "the message was refused: \(error)"
        case .outboxFull: "the peer does not read: maxBytesBeyond or maxMessagesBeyond of the outbox is used up"
        case .alreadyReceiving: "a connection has one receiver: another task, or the callbacks it was opened with"
        case .handshakeRejected(let response, _):
            "the server refused the connection: \(response.status) \(response.reason.excerpt)"
        case .invalidHandshake(let fault): "opening handshake failed: \(fault)"
        case .invalidURL(let text): "not the address of a WebSocket: \(text)"
        case .handshakeTimedOut(let limit): "the opening handshake was not over after \(limit)"
        case .connectionFailed(let text): "cannot connect: \(text)"
        case .proxyFailed(let proxy, let fault): "cannot connect through the proxy \(proxy): \(fault)"
        case .tlsFailed(let fault): "cannot connect by TLS: \(fault)"
        case .redirectRefused(let fault): "the redirect was not followed: \(fault)"
        case .tooManyConnecting(let limit):
            "\(limit) connections to this host wait already to be made (limit: maxWaitingConnects)"
        case .invalidSetting(let text): "a setting cannot be used: \(text)"
        }
    }
}
