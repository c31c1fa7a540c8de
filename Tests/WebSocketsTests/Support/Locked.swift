import NIOConcurrencyHelpers

/// A value that several threads use in turn.
final class Locked<Value: Sendable>: Sendable {
    private let value: NIOLockedValueBox<Value>

    init(_ value: Value) { self.value = NIOLockedValueBox(value) }

    func with<Result: Sendable>(_ body: (inout Value) throws -> Result) rethrows -> Result {
        try self.value.withLockedValue { value in
            try body(&value)
        }
    }
}
