extension LoadResult {
    /// Of one core, the whole process.
    package var cpuPercent: Double {
        self.seconds > 0 ? Double(self.generator.cpu.nanoseconds) / 1e7 / self.seconds : 0
    }

    /// From this share on a loop counts as the limit.
    static let busyShare = 0.9
    /// Later than this at the 99th percentile, the generator's own lateness is worth a word.
    static let lateNanoseconds: UInt64 = 5_000_000

    /// What whoever reads the figures should know.
    package var warnings: [String] {
        var warnings: [String] = []
        switch self.ending {
        case .duration, .messages: break
        case .interrupted: warnings.append("ended by hand after \(Figures.duration(self.seconds))")
        case .noConnections:
            warnings.append(
                self.opened == 0
                    ? "no connection could be opened"
                    : "every connection was lost after \(Figures.duration(self.seconds))")
        case .stalled: warnings.append("nothing came any more for \(Figures.duration(self.plan.timeout.inSeconds))")
        }
        if self.plan.mode != .connect, self.opened > 0, self.opened < self.plan.descriptors {
            warnings.append(
                "only \(Figures.grouped(self.opened)) of \(Figures.grouped(self.plan.descriptors)) connections were "
                    + "opened")
        }
        if self.plan.deflate != .off, self.tally.compressed < self.opened {
            warnings.append(
                "the server did not agree to compress on \(Figures.grouped(self.opened - self.tally.compressed)) of "
                    + "\(Figures.grouped(self.opened)) connections")
        }
        if let broadcast, broadcast.published > 0, broadcast.delivered == 0 {
            warnings.append("nothing was delivered: does the server pass messages on, does it want a --hello first?")
        }
        if let rate = self.plan.connectRate, self.plan.mode != .connect, self.opened >= 100, self.connectSeconds > 0 {
            let achieved = Double(self.opened) / self.connectSeconds
            if achieved < rate * 0.9 {
                warnings.append(
                    "\(Figures.short(achieved)) connections a second were opened, not the \(Figures.short(rate)) that "
                        + "were asked for")
            }
        }
        if let rate = self.plan.rate { warnings += self.rateWarnings(rate) }
        let busy = self.generator.busy.filter { $0 > Self.busyShare }
        if let busiest = busy.max() {
            let which =
                self.generator.busy.count == 1
                ? "the event loop" : "\(busy.count) of \(self.generator.busy.count) event loops"
            warnings.append(
                "\(which) of the generator was up to \(Int((busiest * 100).rounded())) % busy: the generator may be "
                    + "the limit, more --threads may help")
        }
        return warnings
    }

    private func rateWarnings(_ rate: Double) -> [String] {
        var warnings: [String] = []
        let late = self.tally.lateness
        if late.nanoseconds(at: 99) > Self.lateNanoseconds {
            warnings.append(
                "the generator was late by up to \(Figures.time(late.max)) (p50 "
                    + "\(Figures.time(late.nanoseconds(at: 50))), p99 \(Figures.time(late.nanoseconds(at: 99)))): "
                    + "part of the latency is its own")
        }
        if self.tally.heldBack > 0 {
            let count = Figures.grouped(self.tally.heldBack)
            warnings.append(
                self.plan.mode == .connect
                    ? "\(count) handshakes were begun late because --connections (\(self.plan.connections)) were under way: "
                        + "their latency counts from when they were due"
                    : "\(count) messages were sent late because --in-flight (\(self.plan.inFlight)) were waiting for an "
                        + "answer: their latency counts from when they were due")
        }
        let achieved = self.perSecond(self.plan.mode == .connect ? self.done : self.tally.sent)
        // A run of a few messages ends between two of them.
        if self.ending == .duration, achieved < rate * 0.98, rate * self.seconds >= 200 {
            warnings.append(
                "\(Figures.short(achieved)) a second were sent, not the \(Figures.short(rate)) that were asked for")
        }
        return warnings
    }
}
