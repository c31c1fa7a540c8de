import Testing

@testable import WebSockets

@Suite("Latch")
struct LatchTests {
    @Test("Lets everybody go on once it is open, also who comes later")
    func opens() async throws {
        let latch = Latch()
        let passed = CountBox()
        try await withDeadline {
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<10 {
                    group.addTask {
                        await latch.wait()
                        passed.increase()
                    }
                }
                #expect(passed.value == 0)
                latch.open()
                latch.open()
            }
            #expect(passed.value == 10)
            await latch.wait()
        }
    }
}
