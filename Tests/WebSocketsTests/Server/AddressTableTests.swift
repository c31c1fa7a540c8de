import NIOCore
import Testing

@testable import WebSockets

@Suite("Limits of an address")
struct AddressTableTests {
    private static func limits(_ configure: (inout AddressLimits) -> Void) -> AddressLimits {
        var limits = AddressLimits()
        configure(&limits)
        return limits
    }

    private static func key(_ peer: String) throws -> AddressKey { try #require(AddressKey(peer: peer), "\(peer)") }

    private static func at(_ seconds: Double) -> NIODeadline { .uptimeNanoseconds(UInt64(1e12 + seconds * 1e9)) }

    @Test(
        "which peers are one",
        arguments: [
            ("192.0.2.7:1", "192.0.2.7:65535", true),
            ("192.0.2.7:1", "192.0.2.8:1", false),
            ("192.0.2.7:1", "[::ffff:192.0.2.7]:1", true),
            ("192.0.2.7:1", "[::ffff:c000:207]:1", true),
            ("[2001:db8:1:2::1]:1", "[2001:db8:1:2:ffff:ffff:ffff:ffff]:1", true),
            ("[2001:db8:1:2::1]:1", "[2001:db8:1:3::1]:1", false),
            ("[2001:db8::1]:1", "[::1]:1", false),
            ("[::1]:1", "[::2]:1", false),
            ("0.0.0.1:1", "[::1]:1", false),
        ])
    func same(first: String, second: String, isSame: Bool) throws {
        #expect(try (Self.key(first) == Self.key(second)) == isSame)
    }

    @Test(
        "which are loopback",
        arguments: [
            ("127.0.0.1:1", true), ("127.255.255.254:1", true), ("[::1]:1", true), ("[::ffff:127.0.0.1]:1", true),
            ("128.0.0.1:1", false), ("[::2]:1", false), ("[7f00::1]:1", false),
        ])
    func loopback(peer: String, isLoopback: Bool) throws {
        #expect(try Self.key(peer).isLoopback == isLoopback)
        let exempting = AddressTable(Self.limits { $0.exemptsLoopback = true })
        let strict = AddressTable(Self.limits { $0.exemptsLoopback = false })
        #expect(try exempting.isExempt(Self.key(peer)) == isLoopback)
        #expect(try !strict.isExempt(Self.key(peer)))
    }

    @Test(
        "what is no address has no key",
        arguments: ["", "unknown", "unix:/run/a.sock", "host.example:80", "1.2.3:4", ":"])
    func noAddress(peer: String) { #expect(AddressKey(peer: peer) == nil) }

    @Test("so many connections at one time, and room again when one has left")
    func most() throws {
        let table = AddressTable(
            Self.limits {
                $0.maxConnections = 2
                $0.newConnectionsPerSecond = nil
            })
        let (one, other) = (try Self.key("192.0.2.1:1"), try Self.key("192.0.2.2:1"))
        #expect(table.came(one, at: Self.at(0)) == .welcome)
        #expect(table.came(one, at: Self.at(0)) == .welcome)
        #expect(table.came(one, at: Self.at(0)) == .refused(.maxConnectionsPerAddress, retryAfter: 5, isTold: true))
        #expect(table.came(other, at: Self.at(0)) == .welcome)
        // Whoever was told and has gone has made no room.
        table.left(one, wasTold: true, at: Self.at(0))
        #expect(table.came(one, at: Self.at(0)) != .welcome)
        table.left(one, wasTold: true, at: Self.at(0))
        table.left(one, wasTold: false, at: Self.at(0))
        #expect(table.came(one, at: Self.at(0)) == .welcome)
        for _ in 0..<2 { table.left(one, wasTold: false, at: Self.at(0)) }
        table.left(other, wasTold: false, at: Self.at(0))
        #expect(table.count == 0)
    }

    @Test("so many new ones a second, and a burst")
    func rate() throws {
        let table = AddressTable(
            Self.limits {
                $0.maxConnections = nil
                $0.newConnectionsPerSecond = 2
                $0.newConnectionBurst = 5
            })
        let key = try Self.key("192.0.2.1:1")
        func welcomed(at seconds: Double, of count: Int) -> Int {
            (0..<count).count { _ in
                let verdict = table.came(key, at: Self.at(seconds))
                switch verdict {
                case .welcome: table.left(key, wasTold: false, at: Self.at(seconds))
                case .refused(let limit, let retryAfter, let isTold):
                    #expect(limit == .newConnectionsPerAddress && retryAfter == 1 && isTold)
                    table.left(key, wasTold: true, at: Self.at(seconds))
                }
                return verdict == .welcome
            }
        }
        #expect(welcomed(at: 0, of: 8) == 5)
        #expect(welcomed(at: 0.25, of: 3) == 0)
        #expect(welcomed(at: 1, of: 3) == 2)
        #expect(welcomed(at: 2, of: 3) == 2)
        // Quiet for long: the burst, and no more.
        #expect(welcomed(at: 1_000, of: 9) == 5)
        // A clock that goes back changes nothing.
        #expect(welcomed(at: 0, of: 2) == 0)
    }

    @Test("how long to wait is told", arguments: [(0.1, 10), (0.000_1, 3_600), (0, 3_600), (-1, 3_600), (.nan, 3_600)])
    func retryAfter(rate: Double, seconds: Int) throws {
        let table = AddressTable(
            Self.limits {
                $0.newConnectionsPerSecond = rate
                $0.newConnectionBurst = 0
            })
        let key = try Self.key("192.0.2.1:1")
        #expect(table.came(key, at: Self.at(0)) == .welcome)
        #expect(
            table.came(key, at: Self.at(0)) == .refused(.newConnectionsPerAddress, retryAfter: seconds, isTold: true))
    }

    @Test("of a crowd that is refused most hear nothing")
    func crowd() throws {
        let table = AddressTable(Self.limits { $0.maxConnections = 0 })
        let key = try Self.key("192.0.2.1:1")
        let told = (0..<100).count { _ in
            table.came(key, at: Self.at(0)) == .refused(.maxConnectionsPerAddress, retryAfter: 5, isTold: true)
        }
        #expect(told == 8)
    }

    @Test("whoever has left is remembered until the bucket is full, and never too many of them")
    func memory() throws {
        let table = AddressTable(
            Self.limits {
                $0.newConnectionsPerSecond = 1
                $0.newConnectionBurst = 10
                $0.maxRemembered = 1_000
            })
        func visit(_ peer: String, at seconds: Double) throws -> Bool {
            let key = try Self.key(peer)
            let verdict = table.came(key, at: Self.at(seconds))
            table.left(key, wasTold: false, at: Self.at(seconds))
            return verdict == .welcome
        }
        var most = 0
        for number in 0..<5_000 where try visit("[2001:db8:0:\(String(number, radix: 16))::1]:1", at: 0) {
            most = max(most, table.count)
        }
        // Those that may be remembered, and those that have come since the last sweep.
        #expect(1_000...1_600 ~= most)
        // Now all buckets are full: the next sweep forgets everybody but those that have just come.
        var least = most
        for number in 0..<1_600 where try visit("10.0.\(number >> 8).\(number & 0xFF):1", at: 100) {
            least = min(least, table.count)
        }
        #expect(least < 1_000)
    }

    @Test("one that is connected is never forgotten")
    func connectedStays() throws {
        let table = AddressTable(
            Self.limits {
                $0.maxConnections = 1
                $0.maxRemembered = 0
            })
        let keys = try (0..<1_200).map { try Self.key("10.0.\($0 >> 8).\($0 & 0xFF):1") }
        #expect(keys.allSatisfy { table.came($0, at: Self.at(0)) == .welcome })
        #expect(table.count == 1_200)
        #expect(keys.allSatisfy { table.came($0, at: Self.at(1)) != .welcome })
    }
}
