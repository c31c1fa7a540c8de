import WebSocketCore

/// One path that accepts WebSockets.
struct Route: Sendable {
    typealias Accept = @Sendable (UpgradeRequest) async throws -> UpgradeDecision

    let pattern: PathPattern
    /// Decides about a request; `nil` accepts every one.
    let accept: Accept?
    /// Makes what consumes the messages of one connection.
    let makeConsumer: @Sendable (UpgradeRequest) -> Consumer
}

/// A path, or all paths below one: `/chat`, `/rooms/*`.
struct PathPattern: Sendable, Hashable {
    private let path: String
    private let includesBelow: Bool

    init(_ pattern: String) {
        self.includesBelow = pattern.hasSuffix("/*")
        self.path = self.includesBelow ? String(pattern.dropLast(1)) : pattern
    }

    /// Compared byte by byte: percent-encoding and case make a difference.
    func matches(_ path: String) -> Bool {
        self.includesBelow ? path.utf8.count > self.path.utf8.count && path.hasPrefix(self.path) : path == self.path
    }
}

/// The routes of a server; the first that matches, counts.
struct Routes: Sendable {
    private var routes: [Route] = []

    mutating func append(_ route: Route) { self.routes.append(route) }

    func route(for path: String) -> Route? { self.routes.first { $0.pattern.matches(path) } }
}
