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
    /// As bytes: strings of other bytes can be equal to each other.
    private let path: [UInt8]
    private let includesBelow: Bool

    init(_ pattern: String) {
        self.includesBelow = pattern.hasSuffix("/*")
        self.path = Array(self.includesBelow ? pattern.utf8.dropLast() : pattern.utf8[...])
    }

    /// Compared byte by byte: percent-encoding and case make a difference.
    func matches(_ path: String) -> Bool {
        guard self.includesBelow else { return path.utf8.elementsEqual(self.path) }
        return path.utf8.count > self.path.count && path.utf8.starts(with: self.path)
    }
}

/// The routes of a server; the first that matches, counts.
struct Routes: Sendable {
    private var routes: [Route] = []

    mutating func append(_ route: Route) { self.routes.append(route) }

    func route(for path: String) -> Route? { self.routes.first { $0.pattern.matches(path) } }
}
