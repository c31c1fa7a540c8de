/// The live progress as one line.
package enum ProgressLine {
    /// - Parameter width: columns there are; `nil` for a line of a log, without a bar.
    package static func text(_ progress: Progress, mode: LoadPlan.Mode, width: Int?) -> String {
        var parts: [String] = []
        parts.append(Self.time(progress))
        if progress.phase == .connecting || mode == .idle {
            parts.append(
                "\(Figures.grouped(progress.openConnections))/\(Figures.grouped(progress.wantedConnections)) open")
        } else if mode != .connect {
            parts.append("\(Figures.grouped(progress.openConnections)) open")
        }
        if progress.phase == .measuring || progress.phase == .warmingUp {
            let seconds = max(progress.tallySeconds, 0.001)
            switch mode {
            case .connect: parts.append("\(Figures.short(Double(progress.tally.opened) / seconds)) handshakes/s")
            case .idle: break
            case .echo, .broadcast:
                parts.append("\(Figures.short(Double(progress.tally.received) / seconds)) msg/s")
                parts.append("\(Figures.bytes(Double(progress.tally.receivedBytes) / seconds))/s")
            }
            if !progress.tally.latency.isEmpty {
                parts.append("p50 \(Figures.time(progress.tally.latency.nanoseconds(at: 50)))")
                parts.append("p99 \(Figures.time(progress.tally.latency.nanoseconds(at: 99)))")
            }
        }
        if let total = progress.totalDone {
            parts.append("\(Figures.grouped(progress.done))/\(Figures.grouped(total))")
        }
        parts.append(progress.errors == 1 ? "1 error" : "\(Figures.grouped(progress.errors)) errors")
        let rest = parts.joined(separator: "  ")
        guard let width else { return "\(progress.phase.rawValue): \(rest)" }
        let line = "\(Self.bar(progress))\(progress.phase.rawValue) \(rest)"
        return String(line.prefix(max(0, width - 1)))
    }

    private static func time(_ progress: Progress) -> String {
        let seconds = Figures.duration(progress.seconds.rounded())
        return progress.totalSeconds.map { "\(seconds) of \(Figures.duration($0))" } ?? seconds
    }

    private static func bar(_ progress: Progress) -> String {
        let share: Double
        if progress.phase == .connecting {
            share = Double(progress.openConnections) / Double(max(1, progress.wantedConnections))
        } else if let total = progress.totalDone {
            share = Double(progress.done) / Double(max(1, total))
        } else if let total = progress.totalSeconds {
            share = progress.seconds / max(total, 0.001)
        } else {
            return ""
        }
        let width = 16
        return "▕\(Figures.bar(share, width: width).padded(to: width))▏ "
    }
}
