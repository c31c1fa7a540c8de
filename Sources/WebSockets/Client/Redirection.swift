import WebSocketCore

/// The way of a client from one address to the next.
struct Redirection {
    /// Where the client is to connect to now.
    private(set) var url: WebSocketURL
    /// Whether ``url`` has another origin than the address that the user gave.
    private(set) var isElsewhere = false
    private let origin: WebSocketURL
    private let limit: Int
    private var visited: Set<WebSocketURL>

    init(from url: WebSocketURL, limit: Int) {
        self.url = url
        self.origin = url
        self.limit = limit
        self.visited = [url]
    }

    /// Goes on to where a server that did not accept the WebSocket points.
    ///
    /// - Returns: whether it does, and redirects are followed at all.
    mutating func follow(_ head: ResponseHead) throws(WebSocketError) -> Bool {
        guard self.limit > 0, [301, 302, 303, 307, 308].contains(head.status) else { return false }
        let locations = head.fields.values(for: "Location")
        guard let location = locations.first else { return false }
        guard self.visited.count <= self.limit else { throw .redirectRefused(.tooMany(limit: self.limit)) }
        guard locations.count == 1 else { throw .redirectRefused(.invalidLocation("there are several")) }
        let next: WebSocketURL
        do throws(WebSocketURL.Invalid) {
            next = try self.url.resolving(location)
        } catch {
            throw .redirectRefused(.invalidLocation("\(WebSocketURL.redacted(location)): \(error)"))
        }
        if self.url.isSecure, !next.isSecure { throw .redirectRefused(.insecure(to: "\(next)")) }
        guard self.visited.insert(next).inserted else { throw .redirectRefused(.loop(to: "\(next)")) }
        self.url = next
        // What has been left behind once stays behind: whoever was in between could have chosen the way back.
        self.isElsewhere = self.isElsewhere || !next.hasSameOrigin(as: self.origin)
        return true
    }
}
