// Deflater and Inflater: arbitrary bytes as compressed messages, and arbitrary bytes as messages to compress.
//
// Holds that
// - nothing traps, and no more is written than the limit allows;
// - the outcome and the output do not depend on how the compressed bytes are cut, but for references that reach behind
//   a small window, which zlib understands as long as the bytes happen to be at hand;
// - an inflater retains a bounded amount of memory, and its output's capacity follows its content;
// - what was compressed, in fragments cut anywhere, inflates to what it was, and one byte less is too little room.

import WebSocketCore

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzDeflate(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    var choices = Choices(start, count)
    let settings = Settings(
        level: choices.next(of: Array(0...9)), windowBits: choices.next(of: Array(9...15)),
        memoryLevel: choices.next(of: Array(1...9)), limit: choices.next(of: [0, 1, 100, 5000, 100_000, 1 << 20]),
        seed: choices.next())
    let bytes = choices.rest
    checkInflate(bytes, settings)
    checkRoundTrip(bytes, settings)
    return 0
}

private struct Settings {
    var level: Int
    var windowBits: Int
    var memoryLevel: Int
    var limit: Int
    var seed: UInt8
}

private struct Inflation: Equatable, CustomStringConvertible {
    var outcome: Inflater.Outcome
    var bytes: [UInt8]

    var description: String { "\(self.outcome) with \(self.bytes.count) bytes" }
}

/// Inflates one message.
private func inflate(
    _ payload: ArraySlice<UInt8>, _ inflater: inout Inflater, cuts: Cuts, limit: Int
) -> Inflation {
    var output: [UInt8] = []
    var start = payload.startIndex
    for end in cuts.ends(payload.count) {
        let piece = ExactBytes(payload[start..<(payload.startIndex + end)])
        let isFinal = end == payload.count
        let outcome = inflater.inflate(piece.memory.bytes, isFinal: isFinal, into: &output, limit: limit)
        require(output.count <= limit, "\(output.count) bytes, the limit is \(limit)")
        if outcome != .done { return Inflation(outcome: outcome, bytes: output) }
        start = payload.startIndex + end
    }
    let allowance = 2 * output.count + 2 * payload.count + 8192
    require(output.capacity <= allowance, "a capacity of \(output.capacity) bytes for \(output.count)")
    return Inflation(outcome: .done, bytes: output)
}

private func checkInflate(_ bytes: [UInt8], _ settings: Settings) {
    // Byte by byte is strictest: nothing but the window is at hand.
    let strictest = inflateMessages(bytes, settings, .byteByByte)
    for cuts in [Cuts.atOnce, .random(seed: settings.seed)] {
        for (result, strict) in zip(inflateMessages(bytes, settings, cuts), strictest) {
            let isLenient = settings.windowBits < 15 && strict.outcome == .corrupt
            require(
                isLenient ? result.bytes.starts(with: strict.bytes) : result == strict,
                "\(cuts): \(result), not \(strict); \(difference(result.bytes, strict.bytes))")
            // The windows may differ from here on.
            if isLenient { break }
        }
    }
}

/// Inflates three messages, the later of which may refer back to the earlier.
private func inflateMessages(_ bytes: [UInt8], _ settings: Settings, _ cuts: Cuts) -> [Inflation] {
    let before = allocatedBytes()
    var results: [Inflation] = []
    guard var inflater = Inflater(windowBits: settings.windowBits) else { return [] }
    for message in [bytes.prefix(bytes.count / 2), bytes.dropFirst(bytes.count / 2), bytes[...]] {
        let result = inflate(message, &inflater, cuts: cuts, limit: settings.limit)
        if result.outcome != .done {
            let next = inflate([0x00], &inflater, cuts: .atOnce, limit: settings.limit)
            require(next == Inflation(outcome: .corrupt, bytes: []), "a lost stream was used: \(next)")
            inflater.reset()
            let empty = inflate([0x00], &inflater, cuts: .atOnce, limit: settings.limit)
            require(empty == Inflation(outcome: .done, bytes: []), "a reset stream does not work: \(empty)")
        }
        results.append(result)
    }
    // The stream and its window, and what was inflated.
    let allowance = results.reduce(64 << 10) { $0 + 2 * $1.bytes.capacity }
    require(allocatedBytes() - before <= allowance, "\(allocatedBytes() - before) bytes allocated")
    return results
}

private func checkRoundTrip(_ message: [UInt8], _ settings: Settings) {
    guard
        var deflater = Deflater(
            level: settings.level, windowBits: settings.windowBits, memoryLevel: settings.memoryLevel),
        var inflater = Inflater(windowBits: settings.windowBits)
    else { return }
    // Twice, so that the second time can refer back to the first.
    for cuts in [Cuts.random(seed: settings.seed), .atOnce] {
        var compressed: [UInt8] = []
        compressed.reserveCapacity(Int(settings.seed))
        var start = 0
        for end in cuts.ends(message.count) {
            let fragment = ExactBytes(message[start..<end])
            deflater.compress(fragment.memory.bytes, isFinal: end == message.count, into: &compressed)
            start = end
        }
        let most = message.count + message.count / 8 + 16 * (cuts.ends(message.count).count + 1)
        require(compressed.count <= most, "\(message.count) bytes became \(compressed.count)")
        require(!compressed.isEmpty, "even an empty message has a payload (RFC 7692 §7.2.3.6)")
        let result = inflate(compressed[...], &inflater, cuts: .random(seed: settings.seed), limit: message.count)
        require(result == Inflation(outcome: .done, bytes: message), "came back as \(result)")
    }

    guard !message.isEmpty else { return }
    deflater.reset()
    inflater.reset()
    var compressed: [UInt8] = []
    deflater.compress(message.span.bytes, isFinal: true, into: &compressed)
    let result = inflate(compressed[...], &inflater, cuts: .atOnce, limit: message.count - 1)
    require(result == Inflation(outcome: .tooBig, bytes: message.dropLast()), "too big, but \(result)")
}
