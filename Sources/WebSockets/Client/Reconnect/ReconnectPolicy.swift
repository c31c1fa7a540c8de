/// When a client that has lost its connection, or has not got one, tries again.
///
/// Before the attempt that follows the failure number n (the first is 1) it waits for a random time between nothing and
/// `firstDelay × factor^(n−1)`, at most ``maxDelay``: so clients that were all cut off at once do not all come back at once
/// (RFC 6455 §7.2.3). A pure value: it knows no clock, and randomness is an argument.
public struct ReconnectPolicy: Sendable {
    /// The longest pause after the first failure. Default: 1 second.
    public var firstDelay: Duration = .seconds(1)

    /// How many times longer the longest pause is after each further failure; at least 1. Default: 2.
    public var factor = 2.0

    /// What the longest pause grows to. Default: 60 seconds.
    public var maxDelay: Duration = .seconds(60)

    /// How long a connection must have been open for the failures before it to be forgotten. Default: 10 seconds. A server
    /// that accepts connections and drops them at once is not asked any faster than one that refuses them.
    public var healthyAfter: Duration = .seconds(10)

    /// How many failures in a row to put up with; the next one is thrown. Default: `nil`, any number.
    public var maxFailures: Int?

    /// The longest that a server can make the client wait (Retry-After). Default: 5 minutes. The random pause comes on top.
    public var maxRetryAfter: Duration = .seconds(300)

    /// What is worth another attempt. Default: what ``WebSocketError/retry`` says.
    public var classify: @Sendable (WebSocketError) -> Retry = { $0.retry }

    /// One second at first, twice as long each time, a minute at most.
    public init() {}

    /// How long to wait before the next attempt.
    ///
    /// - Parameters:
    ///   - failures: how many attempts have failed in a row, or come to a connection that did not last; from 1.
    ///   - retry: what is known of when to come back.
    ///   - random: a source of random numbers.
    /// - Returns: `nil` if there is nothing to wait for: never again.
    public func delay(
        afterFailures failures: Int, _ retry: Retry, using random: inout some RandomNumberGenerator
    ) -> Duration? {
        let asked: Duration
        switch retry {
        case .never: return nil
        case .now: asked = .zero
        case .after(let duration): asked = min(max(.zero, duration), max(.zero, self.maxRetryAfter), Self.longest)
        }
        if let maxFailures, failures > maxFailures { return nil }
        let longest = self.longestDelay(afterFailures: failures)
        return asked + (longest > 0 ? .seconds(Double.random(in: 0...longest, using: &random)) : .zero)
    }

    /// What no pause exceeds: a hundred years, far from any overflow.
    private static let longest = Duration.seconds(100 * 366 * 86_400)

    /// The end of the range that the pause is taken from, in seconds.
    func longestDelay(afterFailures failures: Int) -> Double {
        let most = min(Self.seconds(self.maxDelay), Self.seconds(Self.longest))
        var longest = Self.seconds(self.firstDelay)
        guard longest > 0, self.factor > 1 else { return min(longest, most) }
        var left = failures
        while left > 1, longest < most {
            longest *= self.factor
            left -= 1
        }
        return min(longest, most)
    }

    private static func seconds(_ duration: Duration) -> Double { max(0, duration / .seconds(1)) }
}
