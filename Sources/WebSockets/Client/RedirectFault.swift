/// Why a redirect was not followed. Addresses are without user information and query, which may be credentials.
public enum RedirectFault: Sendable, Hashable, CustomStringConvertible {
    /// There were more than ``WebSocketClient/Configuration/maxRedirects``.
    case tooMany(limit: Int)
    /// It leads to an address that has been asked already.
    case loop(to: String)
    /// It leads from `wss` to `ws`: what is sent would no longer be encrypted.
    case insecure(to: String)
    /// Its Location is not the address of a WebSocket, or there are several.
    case invalidLocation(String)

    public var description: String {
        switch self {
        case .tooMany(let limit): "there are more than \(limit) (limit: maxRedirects)"
        case .loop(let url): "it leads in a circle, to \(url)"
        case .insecure(let url): "it leads from wss to \(url), which is not encrypted"
        case .invalidLocation(let text): "its Location is not the address of a WebSocket: \(text)"
        }
    }
}
