import Logging
import NIOConcurrencyHelpers
import NIOCore
import WebSocketCore

/// What the connections of one running server share, on all loops. Touched when a connection comes or goes, never for a
/// message.
final class ServerState: Sendable {
    let configuration: WebSocketServer.Configuration
    let settings: SharedSettings
    let routes: Routes
    let respond: (@Sendable (HTTPRequest) async throws -> HTTPResponse)?
    let isSecure: Bool
    /// What was configured, or what the process has descriptors for if that is less.
    private let maxConnections: Int

    private struct Guests {
        var members: [ObjectIdentifier: (member: Member, loop: any EventLoop)] = [:]
        /// Calls of the application that answer or decide about a request.
        var calls = 0
        var isDraining = false

        /// Nothing of the server runs any more.
        var haveGone: Bool { self.isDraining && self.members.isEmpty && self.calls == 0 }
    }

    /// A loop's member that crosses threads only to be called on its own loop again.
    private struct Member: @unchecked Sendable { let object: LoopMember }

    private let guests = NIOLockedValueBox(Guests())
    /// Opens when a draining server's last connection has gone, and with it everything that the application did for one.
    private let emptied = Latch()

    init(
        configuration: WebSocketServer.Configuration, routes: Routes,
        respond: (@Sendable (HTTPRequest) async throws -> HTTPResponse)?
    ) {
        self.configuration = configuration
        self.settings = SharedSettings(configuration.socket, handlerTimeout: configuration.handlerTimeout)
        self.routes = routes
        self.respond = respond
        self.isSecure = configuration.tls != nil
        self.maxConnections = min(max(0, configuration.maxConnections), FileDescriptorLimit.connections)
    }

    var logger: Logger { self.configuration.logger }

    var connectionCount: Int { self.guests.withLockedValue { $0.members.count } }

    var isDraining: Bool { self.guests.withLockedValue { $0.isDraining } }

    /// A connection has come.
    func enter(_ member: LoopMember, on loop: any EventLoop) -> Entry {
        let member = Member(object: member)
        return self.guests.withLockedValue { guests in
            let most = self.maxConnections
            // Who is refused is counted too, until it has gone; a crowd of them is not even answered.
            guard guests.members.count - Self.mostRefused < most, !guests.isDraining else { return .crowded }
            let isFull = guests.members.count >= most
            guests.members[ObjectIdentifier(member.object)] = (member, loop)
            return isFull ? .full : .welcome
        }
    }

    /// What a new connection is told.
    enum Entry {
        case welcome
        /// It is to be refused with 503.
        case full
        /// It is to be closed without a word.
        case crowded
    }

    /// Connections beyond the limit that are told so at one time.
    private static let mostRefused = 256

    /// The same connection goes on as something else: from the opening handshake to a WebSocket.
    func replace(_ old: LoopMember, with new: LoopMember, on loop: any EventLoop) {
        let new = Member(object: new)
        let key = ObjectIdentifier(old)
        let isDraining = self.guests.withLockedValue { guests in
            guests.members[key] = nil
            guests.members[ObjectIdentifier(new.object)] = (new, loop)
            return guests.isDraining
        }
        if isDraining { loop.execute { new.object.drain() } }
    }

    func leave(_ member: LoopMember) {
        let key = ObjectIdentifier(member)
        let isEmptied = self.guests.withLockedValue { guests in
            guests.members[key] = nil
            return guests.haveGone
        }
        if isEmptied { self.emptied.open() }
    }

    /// Calls the application, for which a drain waits also when the connection has gone: its task needs the event loop.
    func calling<Result>(_ body: () async -> Result) async -> Result {
        self.guests.withLockedValue { $0.calls += 1 }
        let result = await body()
        let isEmptied = self.guests.withLockedValue { guests in
            guests.calls -= 1
            return guests.haveGone
        }
        if isEmptied { self.emptied.open() }
        return result
    }

    /// Asks every connection to end, one after the other, evenly spread over `spread`.
    func drain(spread: Duration) {
        let (members, isEmpty) = self.guests.withLockedValue { guests in
            guests.isDraining = true
            return (Array(guests.members.values), guests.haveGone)
        }
        if isEmpty { self.emptied.open() }
        for (index, (member, loop)) in members.shuffled().enumerated() {
            let delay = TimeAmount(spread * Double(index) / Double(max(1, members.count)))
            loop.scheduleTask(in: delay) { member.object.drain() }
        }
    }

    /// Ends every connection now.
    func abortAll() {
        let members = self.guests.withLockedValue { Array($0.members.values) }
        for (member, loop) in members { loop.execute { member.object.abort() } }
    }

    /// Waits until the last connection of a draining server has gone and its handler has returned, but no longer than
    /// `time`, and says whether it has.
    func isEmpty(within time: Duration) async -> Bool { await self.emptied.wait(atMost: time) }
}
