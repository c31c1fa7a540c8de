/// The live progress as one line.
package enum ProgressLine {
    /// - Parameter width: columns there are, to which it is cut; `nil` for a line of a log, without a bar.
    package static func text(_ progress: Progress, mode: LoadPlan.Mode, width: Int?) -> String {
        guard let width else {
            return "\(progress.phase.rawValue): \(Self.parts(progress, mode, isShort: false))"
        }
        let room = max(0, width - 1)
        let long = "\(progress.phase.rawValue) \(Self.parts(progress, mode, isShort: false))"
        if long.count + Self.barColumns <= room { return Self.bar(progress) + long }
        if long.count <= room { return long }
        return String("\(progress.phase.rawValue) \(Self.parts(progress, mode, isShort: true))".prefix(room))
    }

    /// - Parameter isShort: leaves out what matters least.
    private static func parts(_ progress: Progress, _ mode: LoadPlan.Mode, isShort: Bool) -> String {
        var parts: [String] = [Self.time(progress)]
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
                if !isShort { parts.append("\(Figures.bytes(Double(progress.tally.receivedBytes) / seconds))/s") }
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
        return parts.joined(separator: "  ")
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
        let width = Self.barColumns - 3
        return "▕\(Figures.bar(share, width: width).padded(to: width))▏ "
    }

    private static let barColumns = 19
}
