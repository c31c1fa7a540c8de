import NIOConcurrencyHelpers
import NIOCore

/// Whose connections are counted together: an IPv4 address, or the network of 64 bits of an IPv6 address.
struct AddressKey: Hashable {
    /// The first half of an IPv6 address, or an IPv4 address.
    private let network: UInt64
    private let isIPv4: Bool

    private init(network: UInt64, isIPv4: Bool) {
        self.network = network
        self.isIPv4 = isIPv4
    }

    /// - Parameter peer: address and port, as ``Arrival/remoteAddress`` has them; `nil` for anything else.
    init?(peer: String) {
        guard let colon = peer.lastIndex(of: ":") else { return nil }
        var address = peer[..<colon]
        if address.hasPrefix("["), address.hasSuffix("]") { address = address.dropFirst().dropLast() }
        guard let parsed = try? SocketAddress(ipAddress: String(address), port: 0) else { return nil }
        let bytes = parsed.withSockAddr { Array(UnsafeRawBufferPointer(start: $0, count: $1)) }
        // Family and port are four bytes; an IPv6 address has its flow label next (sockaddr_in, sockaddr_in6).
        switch parsed.protocol {
        case .inet where bytes.count >= 8: self = Self.ipv4(bytes[4..<8])
        case .inet6 where bytes.count >= 24: self = Self.ipv6(Array(bytes[8..<24]))
        default: return nil
        }
    }

    private static func ipv6(_ bytes: [UInt8]) -> AddressKey {
        // ::ffff:192.0.2.7 is how a socket for both sees an IPv4 address (RFC 4291 §2.5.5.2).
        let isMapped = bytes[..<10].allSatisfy { $0 == 0 } && bytes[10] == 0xFF && bytes[11] == 0xFF
        if isMapped { return Self.ipv4(bytes[12...]) }
        let isLoopback = bytes[..<15].allSatisfy { $0 == 0 } && bytes[15] == 1
        return isLoopback ? Self.loopbackIPv6 : AddressKey(network: Self.number(bytes[..<8]), isIPv4: false)
    }

    /// `::1` shares its first half with others, none of which is a peer's.
    private static let loopbackIPv6 = AddressKey(network: 1, isIPv4: false)

    private static func ipv4(_ bytes: ArraySlice<UInt8>) -> AddressKey {
        AddressKey(network: Self.number(bytes), isIPv4: true)
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reduce(0) { $0 << 8 | UInt64($1) }
    }

    var isLoopback: Bool { self.isIPv4 ? self.network >> 24 == 127 : self == Self.loopbackIPv6 }
}

/// The connections of each address, on all loops. It exists only where ``AddressLimits`` are set, and is asked when a
/// connection comes and when it goes.
///
/// Each address has a bucket of tokens, one for a new connection. One that has no connection and a full bucket is
/// forgotten: there is nothing to know of it.
final class AddressTable: Sendable {
    enum Verdict: Equatable {
        case welcome
        /// - Parameter isTold: with 503; there are not too many others of the address that are being told.
        case refused(AdmissionLimit, retryAfter: Int, isTold: Bool)
    }

    private struct Bucket {
        var connections = 0
        /// Refused ones that have not gone yet.
        var told = 0
        var tokens: Double
        var filledAt: NIODeadline

        var isInUse: Bool { self.connections > 0 || self.told > 0 }
    }

    private struct Table {
        var buckets: [AddressKey: Bucket] = [:]
        /// At this size it is looked at which can be forgotten.
        var sweepAt = 1_024
    }

    /// Refused connections of one address that are told so at one time.
    private static let mostTold = 8

    private let limits: AddressLimits
    private let rate: Double?
    private let burst: Double
    private let table = NIOLockedValueBox(Table())

    init(_ limits: AddressLimits) {
        self.limits = limits
        self.rate = limits.newConnectionsPerSecond.map { $0.isFinite ? max(0, $0) : 0 }
        self.burst = Double(max(1, limits.newConnectionBurst))
    }

    /// Addresses that are known at the moment.
    var count: Int { self.table.withLockedValue { $0.buckets.count } }

    func isExempt(_ key: AddressKey) -> Bool { self.limits.exemptsLoopback && key.isLoopback }

    /// A connection has come. It is counted, and one that is told of its refusal too, until ``left(_:wasTold:)``.
    func came(_ key: AddressKey, at now: NIODeadline) -> Verdict {
        self.table.withLockedValue { table in
            var bucket = table.buckets[key] ?? Bucket(tokens: self.burst, filledAt: now)
            self.fill(&bucket, at: now)
            let verdict = self.judge(&bucket)
            table.buckets[key] = bucket
            if table.buckets.count >= table.sweepAt { self.sweep(&table, at: now) }
            return verdict
        }
    }

    /// A connection has gone.
    func left(_ key: AddressKey, wasTold: Bool, at now: NIODeadline) {
        self.table.withLockedValue { table in
            guard var bucket = table.buckets[key] else { return }
            if wasTold { bucket.told -= 1 } else { bucket.connections -= 1 }
            self.fill(&bucket, at: now)
            table.buckets[key] = self.isForgettable(bucket) ? nil : bucket
        }
    }

    private func judge(_ bucket: inout Bucket) -> Verdict {
        if let most = self.limits.maxConnections, bucket.connections >= most {
            return Self.refuse(&bucket, .maxConnectionsPerAddress, retryAfter: 5)
        }
        if let rate = self.rate {
            guard bucket.tokens >= 1 else {
                let seconds = rate > 0 ? ((1 - bucket.tokens) / rate).rounded(.up) : 3_600
                return Self.refuse(
                    &bucket, .newConnectionsPerAddress, retryAfter: Int(min(max(1, seconds), 3_600)))
            }
            bucket.tokens -= 1
        }
        bucket.connections += 1
        return .welcome
    }

    private static func refuse(_ bucket: inout Bucket, _ limit: AdmissionLimit, retryAfter: Int) -> Verdict {
        let isTold = bucket.told < Self.mostTold
        if isTold { bucket.told += 1 }
        return .refused(limit, retryAfter: retryAfter, isTold: isTold)
    }

    private func fill(_ bucket: inout Bucket, at now: NIODeadline) {
        guard let rate = self.rate, now > bucket.filledAt else { return }
        let seconds = Double((now - bucket.filledAt).nanoseconds) / 1e9
        bucket.tokens = min(self.burst, bucket.tokens + seconds * rate)
        bucket.filledAt = now
    }

    private func isForgettable(_ bucket: Bucket) -> Bool {
        !bucket.isInUse && (self.rate == nil || bucket.tokens >= self.burst)
    }

    /// Forgets those of which there is nothing to know, and of those without a connection the ones that are too many.
    private func sweep(_ table: inout Table, at now: NIODeadline) {
        var idle = 0
        let most = max(0, self.limits.maxRemembered)
        table.buckets = table.buckets.filter { entry in
            var bucket = entry.value
            if bucket.isInUse { return true }
            self.fill(&bucket, at: now)
            if self.isForgettable(bucket) || idle >= most { return false }
            idle += 1
            return true
        }
        // Twice what is left: a sweep costs as much as the connections that have come since the last one. Not more than
        // may be remembered beyond it, either.
        table.sweepAt = max(1_024, table.buckets.count + min(table.buckets.count, max(512, most / 2)))
    }
}
