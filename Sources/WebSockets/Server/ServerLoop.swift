import NIOCore

/// The connections of one server on one of its event loops. Touched on that loop only.
final class ServerLoop: @unchecked Sendable {
    let server: ServerState
    let services: LoopServices
    private var members: [LoopMember] = []

    init(_ server: ServerState, _ services: LoopServices) {
        self.server = server
        self.services = services
    }

    /// What a new connection is told.
    enum Entry: Equatable {
        case welcome(AddressClaim)
        /// It is to be refused with 503.
        case refused(AdmissionLimit, retryAfter: Int, claim: AddressClaim)
        /// It is to be closed without a word.
        case ignored(AdmissionLimit)
    }

    /// A connection has come from `peer`, an address and a port.
    func enter(_ member: LoopMember, from peer: String) -> Entry {
        let entry = self.server.countIn(from: peer)
        switch entry {
        case .welcome, .refused: self.add(member)
        case .ignored: break
        }
        return entry
    }

    /// The same connection goes on as something else: from the opening handshake to a WebSocket.
    func replace(_ old: LoopMember, with new: LoopMember) {
        self.remove(old)
        self.add(new)
        if self.server.isDraining { self.services.eventLoop.execute(Unchecked(new)) { $0.drain() } }
    }

    /// The connection goes on at another loop, which will ``adopt(_:)`` it. It is counted all the time.
    func handOver(_ member: LoopMember) { self.remove(member) }

    func adopt(_ member: LoopMember) {
        self.add(member)
        if self.server.isAborting {
            self.services.eventLoop.execute(Unchecked(member)) { $0.abort() }
        } else if self.server.isDraining {
            self.services.eventLoop.execute(Unchecked(member)) { $0.drain() }
        }
    }

    /// A connection has ended, and with it everything that the application did for it.
    func leave(_ member: LoopMember) {
        guard member.home === self else { return }
        self.remove(member)
        self.server.countOut(member.addressClaim(in: self.server))
    }

    /// Asks every connection to end, one after the other, evenly spread over `spread`.
    func drain(spread: Duration) {
        let members = self.members.shuffled()
        for (index, member) in members.enumerated() {
            let delay = TimeAmount(spread * Double(index) / Double(max(1, members.count)))
            let member = Unchecked(member)
            self.services.eventLoop.scheduleTask(in: delay) {
                // Whatever has taken its place has been told by itself.
                if member.value.home === self { member.value.drain() }
            }
        }
    }

    /// Ends every connection now.
    func abortAll() {
        for member in self.members { member.abort() }
    }

    private func add(_ member: LoopMember) {
        member.home = self
        member.placeAtHome = Int32(clamping: self.members.count)
        self.members.append(member)
    }

    private func remove(_ member: LoopMember) {
        guard member.home === self else { return }
        member.home = nil
        let last = self.members.removeLast()
        guard last !== member else { return }
        last.placeAtHome = member.placeAtHome
        self.members[Int(member.placeAtHome)] = last
    }
}

extension EventLoop {
    /// Does it in a turn of its own.
    fileprivate func execute<Value>(_ value: Unchecked<Value>, _ body: @escaping @Sendable (Value) -> Void) {
        self.execute { body(value.value) }
    }
}
