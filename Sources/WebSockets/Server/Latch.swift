import NIOConcurrencyHelpers

/// Opens once; whoever waits for it goes on then, whoever comes later does not wait.
final class Latch: Sendable {
    private struct State {
        var isOpen = false
        var waiting: [UInt64: CheckedContinuation<Void, Never>] = [:]
        var lastID: UInt64 = 0
    }

    private let state = NIOLockedValueBox(State())

    func open() {
        let waiting = self.state.withLockedValue { state in
            state.isOpen = true
            defer { state.waiting = [:] }
            return state.waiting
        }
        for continuation in waiting.values { continuation.resume() }
    }

    /// Returns when it is open, whether or not the task is cancelled.
    func wait() async {
        let id = self.newID()
        await withCheckedContinuation { self.enlist($0, id) }
    }

    /// Returns when it is open, or when the task is cancelled.
    private func waitUnlessCancelled() async {
        let id = self.newID()
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                self.enlist(continuation, id)
                // The handler may have come too early to find it.
                if Task.isCancelled { self.dismiss(id) }
            }
        } onCancel: {
            self.dismiss(id)
        }
    }

    private func newID() -> UInt64 {
        self.state.withLockedValue { state in
            state.lastID += 1
            return state.lastID
        }
    }

    private func enlist(_ continuation: CheckedContinuation<Void, Never>, _ id: UInt64) {
        let isOpen = self.state.withLockedValue { state in
            if !state.isOpen { state.waiting[id] = continuation }
            return state.isOpen
        }
        if isOpen { continuation.resume() }
    }

    private func dismiss(_ id: UInt64) { self.state.withLockedValue { $0.waiting.removeValue(forKey: id) }?.resume() }

    /// Waits no longer than `time`, and says whether it is open.
    func wait(atMost time: Duration) async -> Bool {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.waitUnlessCancelled() }
            group.addTask { try? await Task.sleep(for: time) }
            await group.next()
            group.cancelAll()
        }
        return self.state.withLockedValue { $0.isOpen }
    }
}
