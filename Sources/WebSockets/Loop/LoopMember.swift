import WebSocketCore

/// Something that lives on one event loop and has a deadline: a connection, or one in its opening handshake.
@usableFromInline
class LoopMember {
    /// Unique within the loop, never reused.
    fileprivate(set) var memberID: UInt64 = 0

    /// The deadline that stands in the loop's queue for this member.
    fileprivate(set) var armed: Timestamp = .distantFuture

    /// The deadline has passed; a late or an early call must be harmless.
    func deadlinePassed(now: Timestamp) {}

    /// The loop's owner drains: end soon, politely.
    func drain() {}

    /// End now.
    func abort() {}
}

extension LoopMember {
    func joined(id: UInt64) { self.memberID = id }
    func armed(at deadline: Timestamp) { self.armed = deadline }
}
