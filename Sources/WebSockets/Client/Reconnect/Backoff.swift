/// Counts the failures of one client, and says when to go on.
struct Backoff {
    private let policy: ReconnectPolicy
    /// Failures in a row.
    private(set) var failures = 0

    init(_ policy: ReconnectPolicy) { self.policy = policy }

    /// An attempt has failed, or a connection has ended.
    ///
    /// - Parameters:
    ///   - connectedFor: how long there was a connection; `nil` if there was none.
    /// - Returns: how long to wait; `nil` if it is over.
    mutating func ended(
        _ retry: Retry, connectedFor: Duration?, using random: inout some RandomNumberGenerator
    ) -> Duration? {
        if let connectedFor, connectedFor >= self.policy.healthyAfter { self.failures = 0 }
        self.failures += 1
        return self.policy.delay(afterFailures: self.failures, retry, using: &random)
    }
}

/// The system's random numbers. Not an empty type: the thread sanitizer reads the address of what an asynchronous function
/// changes, and a value without bytes has none.
struct SystemRandom: RandomNumberGenerator {
    private var drawn: UInt64 = 0
    private var system = SystemRandomNumberGenerator()

    mutating func next() -> UInt64 {
        self.drawn &+= 1
        return self.system.next()
    }
}
