#if os(Linux)
import Dispatch
import Glibc
import NIOCore
import Testing

@testable import LinuxTransport

@Suite("A socket on its loop")
struct SocketConnectionTests {
    /// Sends back what comes, in pieces of its own, and notes what it is told.
    private final class Mirror: SocketHandler, @unchecked Sendable {
        // `@unchecked`: on the loop, but for the log.
        let connection: SocketConnection
        let events = Log<String>()
        let writesThrough: Bool

        init(_ connection: SocketConnection, writesThrough: Bool) {
            self.connection = connection
            self.writesThrough = writesThrough
        }

        func received(_ bytes: UnsafeMutableRawBufferPointer, headroom: Int) -> Int {
            let first = bytes.count / 3
            self.connection.write(UnsafeRawBufferPointer(rebasing: bytes[..<first]))
            let rest = UnsafeRawBufferPointer(rebasing: bytes[first...])
            if self.writesThrough {
                self.connection.flush(followedBy: rest)
            } else {
                self.connection.write(rest)
                self.connection.flush()
            }
            // The headroom is ours.
            let before = UnsafeMutableRawBufferPointer(start: bytes.baseAddress.map { $0 - headroom }, count: headroom)
            before.initializeMemory(as: UInt8.self, repeating: 0xAA)
            return 1
        }

        func ending() { self.events.add("ending") }

        func ended(_ failure: SystemError?) {
            self.events.add(failure.map { "failed \($0.code)" } ?? "ended")
            self.connection.closeWhenSent(atMost: .seconds(60))
        }

        func drained() {}

        func closed() {}
    }

    /// A mirror at our end; what it is told comes back when `body` has returned and the mirror has ended.
    private func mirrored(
        faults: SocketFaults? = nil, writesThrough: Bool = false,
        _ body: @escaping @Sendable (Int32) throws -> Void
    ) async throws -> [String] {
        let pair = try SocketPair()
        let events = Log<[String]>()
        let fault = Carried(faults)
        try await withLoop { loop in
            let mirror = try await loop.submit {
                loop.faults = fault.value
                let connection = SocketConnection(descriptor: pair.ours, loop: loop)
                let mirror = Mirror(connection, writesThrough: writesThrough)
                connection.handler = mirror
                try connection.start()
                return mirror
            }.get()
            try await Blocking.run { try body(pair.theirs) }
            try await eventually { try await loop.submit { mirror.connection.descriptor < 0 }.get() }
            events.add(mirror.events.all)
        }
        close(pair.theirs)
        return events.all[0]
    }

    /// Passes a reference that only the loop uses.
    private struct Carried<Value>: @unchecked Sendable {
        let value: Value
        init(_ value: Value) { self.value = value }
    }

    /// Writes a lot, reads it back at the same time, and ends the stream.
    private static func exchange(_ socket: Int32, count: Int) throws {
        let sent = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
        var received: [UInt8] = []
        var offset = 0
        var buffer = [UInt8](repeating: 0, count: 40_000)
        while received.count < count {
            if offset < count {
                let piece = sent[offset..<min(count, offset + 10_000)]
                let written = piece.withUnsafeBytes { send(socket, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT)) }
                if written > 0 { offset += written }
                if offset == count { shutdown(socket, Int32(SHUT_WR)) }
            }
            let flags = offset < count ? Int32(MSG_DONTWAIT) : 0
            let read = recv(socket, &buffer, buffer.count, flags)
            if read > 0 { received += buffer[..<read] }
            if read == 0 { break }
            if read < 0, errno != EAGAIN { throw SystemError("recv") }
        }
        #expect(received == sent)
    }

    @Test("bytes come back whole and in order, then the end", arguments: [false, true])
    func mirror(writesThrough: Bool) async throws {
        let events = try await self.mirrored(writesThrough: writesThrough) { try Self.exchange($0, count: 3_000_000) }
        #expect(events == ["ended"])
    }

    /// Notes how much each read brings, all of which it takes for so much work.
    private final class Worker: SocketHandler, @unchecked Sendable {
        // `@unchecked`: on the loop, but for the log.
        let reads = Log<Int>()
        private let work: Int
        private let connection: SocketConnection

        init(_ connection: SocketConnection, work: Int) {
            self.connection = connection
            self.work = work
        }

        func received(_ bytes: UnsafeMutableRawBufferPointer, headroom: Int) -> Int {
            self.reads.add(bytes.count)
            return self.work
        }

        func ending() {}
        func ended(_ failure: SystemError?) { self.connection.close() }
        func drained() {}
        func closed() {}
    }

    /// The sizes of the reads of `count` connections with 128 KiB each to be read, whose bytes are so much work.
    private static func reads(connections count: Int, work: Int) async throws -> [[Int]] {
        let pairs = try (0..<count).map { _ in try SocketPair() }
        let bytes = [UInt8](repeating: 1, count: 128 << 10)
        for pair in pairs {
            var room = Int32(1 << 20)
            setsockopt(pair.theirs, SOL_SOCKET, SO_SNDBUF, &room, socklen_t(MemoryLayout<Int32>.size))
            #expect(send(pair.theirs, bytes, bytes.count, Int32(MSG_DONTWAIT)) == bytes.count)
            close(pair.theirs)
        }
        let reads = Log<[Int]>()
        try await withLoop { loop in
            // All in one turn, so that all are ready in the next.
            let workers = try await loop.submit {
                try pairs.map { pair in
                    let connection = SocketConnection(descriptor: pair.ours, loop: loop)
                    let worker = Worker(connection, work: work)
                    connection.handler = worker
                    try connection.start()
                    return worker
                }
            }.get()
            for worker in workers {
                try await eventually { worker.reads.all.reduce(0, +) == 128 << 10 }
                reads.add(worker.reads.all)
            }
        }
        return reads.all
    }

    @Test("who brings much work is read from in smaller and smaller pieces, while others wait")
    func fair() async throws {
        for reads in try await Self.reads(connections: 2, work: 65) {
            #expect(Array(reads.prefix(7)) == [65_536, 32_768, 16_384, 8_192, 4_096, 2_048, 2_048])
        }
    }

    @Test("but not if little work is in it, or if nobody waits")
    func fairEnough() async throws {
        for reads in try await Self.reads(connections: 2, work: 64) { #expect(reads == [65_536, 65_536]) }
        for reads in try await Self.reads(connections: 1, work: 10_000) { #expect(reads == [65_536, 65_536]) }
    }

    @Test(
        "also on a system that does less than it is asked to",
        arguments: [SocketFaults.Fault.short, .wouldBlock, .interrupted], [2, 3, 7])
    func faults(fault: SocketFaults.Fault, every: Int) async throws {
        for writesThrough in [false, true] {
            let faults = SocketFaults(fault, every: every)
            let events = try await self.mirrored(faults: faults, writesThrough: writesThrough) {
                try Self.exchange($0, count: 200_000)
            }
            #expect(events == ["ended"])
            #expect(faults.count > 0)
        }
    }

    @Test("a reset at any call is told once, and everything is given back", arguments: 1..<12)
    func reset(every: Int) async throws {
        let faults = SocketFaults(.reset, every: every)
        let events = try await self.mirrored(faults: faults) { socket in
            var buffer = [UInt8](repeating: 7, count: 10_000)
            while send(socket, buffer, buffer.count, Int32(MSG_NOSIGNAL)) > 0,
                recv(socket, &buffer, buffer.count, 0) > 0
            {}
        }
        #expect(events == ["failed \(ECONNRESET)"])
    }

    @Test("a peer that has ended is noticed by one that does not read, once")
    func ending() async throws {
        let pair = try SocketPair()
        try await withLoop { loop in
            let mirror = try await loop.submit {
                let connection = SocketConnection(descriptor: pair.ours, loop: loop)
                let mirror = Mirror(connection, writesThrough: false)
                connection.handler = mirror
                try connection.start()
                connection.setReading(false)
                return mirror
            }.get()
            _ = send(pair.theirs, "bytes", 5, 0)
            shutdown(pair.theirs, Int32(SHUT_WR))
            try await eventually { !mirror.events.all.isEmpty }
            // What came before is still there.
            try await loop.submit { mirror.connection.setReading(true) }.get()
            try await eventually { try await loop.submit { mirror.connection.descriptor < 0 }.get() }
            #expect(mirror.events.all == ["ending", "ended"])
            var buffer = [UInt8](repeating: 0, count: 16)
            #expect(recv(pair.theirs, &buffer, buffer.count, 0) == 5)
        }
        close(pair.theirs)
    }

    @Test("what the peer does not take is dropped with the connection when its time is over")
    func closeTimer() async throws {
        let pair = try SocketPair()
        try await withLoop { loop in
            let connection = try await loop.submit {
                let connection = SocketConnection(descriptor: pair.ours, loop: loop)
                try connection.start()
                connection.write(4 << 20) { memory in memory.count }
                connection.closeWhenSent(atMost: .milliseconds(5))
                #expect(connection.descriptor >= 0 && connection.waitingBytes > 0)
                return Carried(connection)
            }.get()
            try await eventually { try await loop.submit { connection.value.descriptor < 0 }.get() }
        }
        close(pair.theirs)
    }
}

/// Runs what blocks on a thread where that does no harm.
private enum Blocking {
    static func run(_ body: @escaping @Sendable () throws -> Void) async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            DispatchQueue.global().async { continuation.resume(with: Result { try body() }) }
        }
    }
}
#endif
