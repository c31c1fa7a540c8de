import WebSocketCore

/// Something that lives on one event loop and has a deadline: a connection, or one in its opening handshake.
@usableFromInline
class LoopMember {
    /// The deadline that stands in the loop's queue for this member, and the place where: ``DeadlineQueue``'s.
    @exclusivity(unchecked) final var armed: Timestamp = .distantFuture
    @exclusivity(unchecked) final var place: Int32 = -1

    /// Where the member of a server is counted, and its place there: ``ServerLoop``'s.
    final var home: ServerLoop?
    final var placeAtHome: Int32 = -1

    /// The deadline has passed; a late or an early call must be harmless.
    func deadlinePassed(now: Timestamp) {}

    /// How a server counts it in its table of addresses, where there is one. Asked for when it leaves, so that nothing
    /// is kept for it meanwhile.
    func addressClaim(in server: ServerState) -> AddressClaim { .none }

    /// The loop's owner drains: end soon, politely.
    func drain() {}

    /// End now.
    func abort() {}
}
