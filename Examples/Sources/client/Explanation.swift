import WebSocketCore
import WebSockets

/// What a person would want to know of an error.
func explanation(of error: WebSocketError) -> String {
    switch error {
    case .handshakeRejected(let response, let body):
        return "the server said \(response.status): \(String(decoding: body, as: UTF8.self))"
    case .closed(let closure):
        switch closure.ending {
        case .clean: return "the server closed with \(closure.code.map { "\($0)" } ?? "no code"): \(closure.reason)"
        case .failed(let violation): return "the server broke the protocol: \(violation)"
        case .abnormal: return "the connection was lost"
        case .timedOut: return "the server was silent for too long"
        }
    case .messageCutShort, .closing, .refused, .outboxFull, .alreadyReceiving, .invalidHandshake, .invalidURL,
        .handshakeTimedOut,
        .connectionFailed, .proxyFailed, .tlsFailed, .redirectRefused, .tooManyConnecting, .invalidSetting:
        return "\(error)"
    }
}
