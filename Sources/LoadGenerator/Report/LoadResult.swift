/// What a run has measured.
package struct LoadResult: Sendable {
    /// Why measuring ended.
    package enum Ending: String, Sendable {
        case duration
        /// All messages were sent and answered.
        case messages
        case interrupted
        /// No connection was open any more, or none had been opened.
        case noConnections
        /// Messages were still to be answered, and nothing came for the timeout.
        case stalled
    }

    /// What the generator has cost while it measured.
    package struct Generator: Sendable, Equatable {
        package var cpu: ProcessorTime
        /// Of each event loop's thread: 0 to 1.
        package var busy: [Double]

        package init(cpu: ProcessorTime, busy: [Double]) {
            self.cpu = cpu
            self.busy = busy
        }
    }

    package struct Broadcast: Sendable, Equatable {
        package var published: Int
        /// Messages published times subscribers, warm-up included.
        package var expected: Int
        package var delivered: Int

        package init(published: Int, expected: Int, delivered: Int) {
            self.published = published
            self.expected = expected
            self.delivered = delivered
        }
    }

    package var plan: LoadPlan
    package var ending: Ending
    /// How long was measured.
    package var seconds: Double
    /// How long opening the connections took.
    package var connectSeconds: Double
    /// How many connections were opened before measuring, and how many were still open at its end.
    package var opened: Int
    package var openAtEnd: Int
    /// What was sent and received while it was measured. Its errors and latencies are those of the whole run, without
    /// the warm-up's latencies.
    package var tally: Tally
    package var generator: Generator
    package var broadcast: Broadcast?

    package init(
        plan: LoadPlan, ending: Ending, seconds: Double, connectSeconds: Double, opened: Int, openAtEnd: Int,
        tally: Tally, generator: Generator, broadcast: Broadcast? = nil
    ) {
        self.plan = plan
        self.ending = ending
        self.seconds = seconds
        self.connectSeconds = connectSeconds
        self.opened = opened
        self.openAtEnd = openAtEnd
        self.tally = tally
        self.generator = generator
        self.broadcast = broadcast
    }

    /// Whether anything could be measured.
    package var hasMeasured: Bool { self.opened > 0 }

    /// Latencies count from when a message was due, which only a schedule says.
    package var isLatencyCorrected: Bool { self.plan.rate != nil || self.plan.expectedInterval != nil }

    /// What the mode counts: answers, handshakes, deliveries.
    package var done: Int { self.plan.mode == .connect ? self.tally.opened : self.tally.received }

    package func perSecond(_ count: Int) -> Double { self.seconds > 0 ? Double(count) / self.seconds : 0 }

    /// `nil` if nothing was done.
    package var cpuNanosecondsPerMessage: Double? {
        let count = self.plan.mode == .broadcast ? self.done + self.tally.sent : self.done
        return count > 0 ? Double(self.generator.cpu.nanoseconds) / Double(count) : nil
    }
}
