import Synchronization

/// A value that several threads use in turn.
final class Locked<Value: Sendable>: Sendable {
    private let value: Mutex<Value>

    init(_ value: Value) { self.value = Mutex(value) }

    func with<Result: Sendable>(_ body: (inout sending Value) throws -> Result) rethrows -> Result {
        try self.value.withLock { value in
            try body(&value)
        }
    }
}
