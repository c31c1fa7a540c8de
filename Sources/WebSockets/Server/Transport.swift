public import NIOCore
import NIOPosix

#if os(Linux)
import LinuxTransport
#endif

/// What drives the sockets of a ``WebSocketServer`` or a ``WebSocketClient``.
public enum Transport: String, Sendable, Hashable, CaseIterable {
    /// `linux` where that is possible and of use: on Linux, for a client without TLS or a server with a listener that has
    /// none, where no event loops of SwiftNIO are given. Otherwise `portable`.
    case automatic

    /// Event loops on epoll: the fastest for plain `ws`. A server has one socket for each loop, all at the same port, and
    /// one in all for a Unix socket.
    /// Connections with TLS and ordinary HTTP requests go on at event loops of SwiftNIO, those of the group that is
    /// given or else the server's own, or the process's for a client. Throws ``TransportUnavailable`` on other systems.
    case linux

    /// SwiftNIO, on every system.
    case portable
}

extension Transport {
    /// Event loops for servers and clients to share, which the caller shuts down when nothing runs on them any more.
    ///
    /// Without it each server starts its own, and all clients use those that the whole process shares.
    /// - Parameter threads: how many loops, one thread each; at least one.
    /// - Throws: ``TransportUnavailable``, or what the system says when it has no descriptor or no thread left.
    public func makeEventLoopGroup(threads: Int) throws -> any EventLoopGroup {
        switch self {
        case .portable: break
        case .automatic, .linux:
            #if os(Linux)
            return try EpollEventLoopGroup(count: threads)
            #else
            if self == .linux { throw TransportUnavailable(transport: .linux) }
            #endif
        }
        return MultiThreadedEventLoopGroup(numberOfThreads: max(1, threads))
    }
}

#if os(Linux)
extension EpollEventLoopGroup {
    /// The loops of a group, or a loop, of the Linux transport; `nil` if it is anything else.
    static func loops(of group: (any EventLoopGroup)?) -> [EpollEventLoop]? {
        if let group = group as? EpollEventLoopGroup { return group.loops }
        return (group as? EpollEventLoop).map { [$0] }
    }
}
#endif

/// The ``Transport`` that was asked for does not exist on this system.
public struct TransportUnavailable: Error, Hashable, CustomStringConvertible {
    public let transport: Transport

    public var description: String { "the \(self.transport.rawValue) transport is not available on this system" }
}
