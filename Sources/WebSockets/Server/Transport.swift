/// What drives the sockets of a ``WebSocketServer``.
public enum Transport: String, Sendable, Hashable, CaseIterable {
    /// `linux` where that is possible and of use: on Linux, without TLS, where no event loop group is given. Otherwise
    /// `portable`.
    case automatic

    /// Event loops on epoll, one for each thread, each with its own listener at the same port: the fastest for plain
    /// `ws`. Connections with TLS and ordinary HTTP requests go on at event loops of SwiftNIO, those of the group that
    /// is given or else the server's own. Throws ``TransportUnavailable`` on other systems.
    case linux

    /// SwiftNIO, on every system.
    case portable
}

/// The ``Transport`` that was asked for does not exist on this system.
public struct TransportUnavailable: Error, Hashable, CustomStringConvertible {
    public let transport: Transport

    public var description: String { "the \(self.transport.rawValue) transport is not available on this system" }
}
