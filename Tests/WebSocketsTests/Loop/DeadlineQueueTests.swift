import Testing
import WebSocketCore
import WebSocketTesting

@testable import WebSockets

@Suite("The deadlines of a loop's members")
struct DeadlineQueueTests {
    @Test("come in their order, wherever members have moved to and whoever has left", arguments: 1...20)
    func order(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var queue = DeadlineQueue()
        let members = (0..<200).map { _ in LoopMember() }
        var model: [ObjectIdentifier: UInt64] = [:]
        for _ in 0..<2_000 {
            let member = members[Int.random(in: 0..<200, using: &random)]
            if Int.random(in: 0..<4, using: &random) == 0 {
                queue.remove(member)
                model[ObjectIdentifier(member)] = nil
                #expect(member.armed == .distantFuture)
            } else {
                let deadline = UInt64.random(in: 1...10_000, using: &random)
                queue.set(member, Timestamp(nanoseconds: deadline))
                model[ObjectIdentifier(member)] = deadline
            }
            #expect(queue.count == model.count)
            #expect(queue.earliest?.nanoseconds == model.values.min())
        }
        for now in stride(from: UInt64(0), through: 10_000, by: 500) {
            var due: [UInt64] = []
            while let member = queue.takeDue(Timestamp(nanoseconds: now)) {
                due.append(model.removeValue(forKey: ObjectIdentifier(member)) ?? 0)
                #expect(member.armed == .distantFuture)
            }
            #expect(due == due.sorted())
            #expect(due.allSatisfy { $0 > 0 && $0 <= now })
            #expect(model.values.allSatisfy { $0 > now })
        }
        #expect(queue.count == 0 && queue.earliest == nil)
    }

    @Test("a member can be set again from inside its own call, and leave twice")
    func again() {
        var queue = DeadlineQueue()
        let member = LoopMember()
        queue.set(member, Timestamp(nanoseconds: 5))
        #expect(queue.takeDue(Timestamp(nanoseconds: 5)) === member)
        queue.set(member, Timestamp(nanoseconds: 7))
        #expect(queue.takeDue(Timestamp(nanoseconds: 6)) == nil)
        queue.remove(member)
        queue.remove(member)
        #expect(queue.takeDue(.distantFuture) == nil)
    }
}
