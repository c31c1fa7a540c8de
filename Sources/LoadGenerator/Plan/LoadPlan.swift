package import WebSocketCore
package import WebSockets

/// Everything that a run of the load generator is told. ``check()`` before use.
package struct LoadPlan: Sendable {
    package enum Mode: String, Sendable, CaseIterable {
        /// Messages go out, and each is expected back.
        case echo
        /// Connections are opened and closed.
        case connect
        /// Connections are opened and held.
        case idle
        /// Messages of a few go to many.
        case broadcast
    }

    /// What is offered of permessage-deflate (RFC 7692).
    package enum Deflate: String, Sendable {
        case off
        /// Each message is compressed by itself (RFC 7692 §7.1.1).
        case withoutContextTakeover
        case withContextTakeover
    }

    package var mode: Mode
    package var url: String

    /// Connections in all; in mode `connect` how many at once, in mode `broadcast` the subscribers.
    package var connections = 50
    /// Messages of one connection that wait for their answer.
    package var inFlight = 1
    /// Bytes of a message. Ignored where there is a ``message``.
    package var sizeBytes = 64
    package var kind = MessageKind.text
    /// What to send instead of generated content.
    package var message: [UInt8]?
    /// Whether what comes back is compared byte by byte, not only by its length and kind.
    package var verifiesContent = false
    package var deflate = Deflate.off

    /// How long is measured; `nil`: until ``messages`` have been sent.
    package var duration: Duration? = .seconds(10)
    /// How long before that the load is there without being measured.
    package var warmUp: Duration = .zero
    /// Ends the run early after so many messages in all; in mode `connect`, connections.
    package var messages: Int?
    /// Messages a second in all; in mode `connect`, connections. `nil`: as fast as the answers come.
    package var rate: Double?
    /// Connections opened in a second; `nil`: as fast as it goes.
    package var connectRate: Double?
    /// Opening handshakes that are under way at the same time.
    package var connectAtOnce = 100
    /// Corrects the latencies of a closed loop as if a message had been due each time this has passed.
    package var expectedInterval: Duration?

    /// Event loops, one thread each.
    package var threads = 1
    /// For connecting, the opening handshake, and what is still under way at the end.
    package var timeout: Duration = .seconds(10)
    /// Pings that this end sends; `nil`: none.
    package var pingInterval: Duration?

    package var subprotocols: [String] = []
    package var fields: HeaderFields = [:]
    package var origin: String?
    package var trust = WebSocketClient.ServerTrust.systemRoots

    /// Mode `broadcast`: connections that publish.
    package var publishers = 1
    /// Mode `broadcast`: where they publish, if not at ``url``.
    package var publishURL: String?
    /// Mode `broadcast`: what a published message is wrapped in, with ``placeholder`` in its place.
    package var template: String?
    /// Modes `idle` and `broadcast`: a text message that each connection sends first, such as a subscription.
    package var hello: String?

    /// Whether anything of it is encrypted.
    var isSecure: Bool {
        [self.url, self.publishURL].contains { url in url.flatMap { try? WebSocketURL($0) }?.isSecure ?? false }
    }

    package init(_ mode: Mode, url: String) {
        self.mode = mode
        self.url = url
    }

    /// Stands for the message in a ``template``.
    package static let placeholder = "{message}"

    package static let maxConnections = 1_000_000
    package static let maxInFlight = 65_536
    package static let maxInFlightInAll = 1 << 24
    package static let maxMessageBytes = 64 << 20
    /// Of all messages in flight: what the generator may have to keep.
    package static let maxBytesInFlight = 2 << 30
    package static let maxThreads = 256
    package static let maxRate = 100_000_000.0
    package static let maxPublishers = 10_000
    /// Pairs of a subscriber and a publisher, whose sequence numbers are watched.
    package static let maxPairs = 4_000_000
    package static let minExpectedInterval = Duration.microseconds(10)
    static let timeLimits = Duration.milliseconds(1)...Duration.seconds(7 * 86_400)

    /// Bytes of each message.
    package var messageBytes: Int { self.message?.count ?? self.sizeBytes }

    /// Connections of which each takes a descriptor.
    package var descriptors: Int { self.connections + (self.mode == .broadcast ? self.publishers : 0) }

    /// - Throws: ``PlanFault``, which names the option and its range.
    package func check() throws(PlanFault) {
        try Self.checkURL(self.url, "URL")
        if let publishURL { try Self.checkURL(publishURL, "--publish-url") }
        try Self.check(self.connections, "--connections", 1...Self.maxConnections)
        try Self.check(self.threads, "--threads", 1...Self.maxThreads)
        try Self.check(self.connectAtOnce, "--connect-at-once", 1...100_000)
        try Self.check(self.warmUp, "--warm-up", .zero...Self.timeLimits.upperBound)
        try Self.check(self.timeout, "--timeout", Self.timeLimits)
        if let duration { try Self.check(duration, "--duration", Self.timeLimits) }
        if let pingInterval {
            try Self.check(pingInterval, "--ping-interval", .milliseconds(100)...Self.timeLimits.upperBound)
        }
        if let rate { try Self.check(rate, "--rate") }
        if let connectRate { try Self.check(connectRate, "--connect-rate") }
        if let messages { try Self.check(messages, "--messages", 1...Int(Int32.max) * 1024) }
        if self.duration == nil, self.messages == nil { throw PlanFault("give --duration or --messages") }
        if self.messages != nil, self.warmUp != .zero {
            throw PlanFault("--messages and --warm-up do not go together: all messages are measured")
        }
        switch self.mode {
        case .echo:
            try self.checkMessage(least: 0)
            try self.checkInFlight()
            if let expectedInterval {
                try Self.check(
                    expectedInterval, "--expected-interval", Self.minExpectedInterval...Self.timeLimits.upperBound)
                if self.rate != nil {
                    throw PlanFault("--expected-interval is for a closed loop: with --rate latencies are corrected")
                }
            }
        case .broadcast:
            try Self.check(self.publishers, "--publishers", 1...Self.maxPublishers)
            try self.checkMessage(least: BroadcastMark.byteCount)
            guard self.rate != nil else { throw PlanFault("a broadcast has a --rate") }
            guard self.message == nil else { throw PlanFault("a broadcast makes its messages itself") }
            if let template, template.ranges(of: Self.placeholder).count != 1 {
                throw PlanFault("--template must have \(Self.placeholder) in it once")
            }
            guard self.connections <= Self.maxPairs / self.publishers else {
                throw PlanFault(
                    "--connections times --publishers must be at most \(Self.maxPairs), "
                        + "not \(self.connections) times \(self.publishers)")
            }
        case .connect, .idle: break
        }
    }

    private func checkMessage(least: Int) throws(PlanFault) {
        let option = self.message == nil ? "--size" : "the size of the --message-file"
        try Self.check(self.messageBytes, option, least...Self.maxMessageBytes)
        if let message, self.kind == .text, String(validating: message, as: UTF8.self) == nil {
            throw PlanFault("the --message-file is not UTF-8 text: send it with --binary")
        }
    }

    private func checkInFlight() throws(PlanFault) {
        try Self.check(self.inFlight, "--in-flight", 1...Self.maxInFlight)
        let all = self.connections * self.inFlight
        guard all <= Self.maxInFlightInAll else {
            throw PlanFault(
                "--connections times --in-flight must be at most \(Self.maxInFlightInAll), "
                    + "not \(self.connections) times \(self.inFlight)")
        }
        guard all * max(1, self.messageBytes) <= Self.maxBytesInFlight else {
            throw PlanFault(
                "--connections times --in-flight times --size must be at most 2 GiB, "
                    + "not \(self.connections) times \(self.inFlight) times \(self.messageBytes)")
        }
    }

    private static func checkURL(_ text: String, _ option: String) throws(PlanFault) {
        do { _ = try WebSocketURL(text) } catch {
            throw PlanFault("\(option): \(error)")
        }
    }

    private static func check(_ value: Int, _ option: String, _ range: ClosedRange<Int>) throws(PlanFault) {
        guard range.contains(value) else {
            throw PlanFault("\(option) must be \(range.lowerBound) to \(range.upperBound), not \(value)")
        }
    }

    private static func check(
        _ value: Duration, _ option: String, _ range: ClosedRange<Duration>
    ) throws(PlanFault) {
        guard range.contains(value) else {
            throw PlanFault("\(option) must be \(range.lowerBound) to \(range.upperBound), not \(value)")
        }
    }

    private static func check(_ rate: Double, _ option: String) throws(PlanFault) {
        guard rate >= 0.001, rate <= Self.maxRate else {
            throw PlanFault("\(option) must be 0.001 to \(Int(Self.maxRate)) in a second, not \(rate)")
        }
    }
}

/// Why a plan cannot be carried out, in the words of the command line.
package struct PlanFault: Error, Equatable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}
