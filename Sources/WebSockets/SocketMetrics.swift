import Metrics
import WebSocketCore

/// What is counted, through swift-metrics. Nothing here is called for each message on the ordinary path.
///
/// | metric | kind | dimensions |
/// |---|---|---|
/// | `websocket_connections` | gauge by increments | |
/// | `websocket_handshakes_total` | counter | `status`: 101 or the HTTP status of the refusal |
/// | `websocket_closures_total` | counter | `ending`: clean, failed, abnormal, timed_out; `code`: a number below 3000, 3xxx, 4xxx, none |
/// | `websocket_limit_refusals_total` | counter | `limit`: the name of the setting |
/// | `websocket_tls_reloads_total` | counter | `outcome`: good, bad |
/// | `websocket_messages_dropped_total` | counter | `reason`: outbox_full, refused |
enum SocketMetrics {
    // Made once: a broadcast to peers that do not read drops many messages.
    private static let outboxFull = Counter(label: "websocket_limit_refusals_total", dimensions: [("limit", "outbox")])
    private static let droppedFull = Counter(
        label: "websocket_messages_dropped_total", dimensions: [("reason", "outbox_full")])
    private static let droppedRefused = Counter(
        label: "websocket_messages_dropped_total", dimensions: [("reason", "refused")])

    static func handshake(status: Int) {
        Counter(label: "websocket_handshakes_total", dimensions: [("status", "\(status)")]).increment()
    }

    static func refused(limit: String) {
        Counter(label: "websocket_limit_refusals_total", dimensions: [("limit", limit)]).increment()
    }

    static func reloadedTLS(isGood: Bool) {
        Counter(label: "websocket_tls_reloads_total", dimensions: [("outcome", isGood ? "good" : "bad")]).increment()
    }

    static func dropped(_ reason: SendStatus.DropReason) {
        switch reason {
        case .outboxFull:
            Self.outboxFull.increment()
            Self.droppedFull.increment()
        case .refused: Self.droppedRefused.increment()
        case .closed: break
        }
    }

    static func opened() {
        Meter(label: "websocket_connections").increment()
    }

    static func closed(_ closure: Closure) {
        Meter(label: "websocket_connections").decrement()
        let code = Self.name(of: closure.code)
        Counter(
            label: "websocket_closures_total", dimensions: [("ending", Self.name(of: closure.ending)), ("code", code)]
        ).increment()
        if case .failed(let violation) = closure.ending, let limit = Self.limit(of: violation) {
            Self.refused(limit: limit)
        }
    }

    /// Private codes are the peer's to choose: as a dimension they would have no end.
    private static func name(of code: CloseCode?) -> String {
        switch code?.rawValue {
        case nil: "none"
        case let code? where code < 3000: "\(code)"
        case let code? where code < 4000: "3xxx"
        case .some: "4xxx"
        }
    }

    private static func name(of ending: Closure.Ending) -> String {
        switch ending {
        case .clean: "clean"
        case .failed: "failed"
        case .abnormal: "abnormal"
        case .timedOut: "timed_out"
        }
    }

    /// The setting that a violation has exceeded, if it is one of a limit.
    private static func limit(of violation: ProtocolViolation) -> String? {
        switch violation.reason {
        case .frameTooLarge: "max_frame_bytes"
        case .messageTooLarge: "max_message_bytes"
        case .tooManyFragments: "max_fragments"
        case .tooManyEmptyFragments: "max_consecutive_empty_fragments"
        case .tooManyControlFrames: "control_frames_per_second"
        case .messageTooSlow: "assembly_timeout"
        case .reservedBitsSet, .reservedOpcode, .fragmentedControlFrame, .controlFrameTooLong, .lengthNotMinimal,
            .lengthTooLarge, .frameNotMasked, .frameMasked, .continuationWithoutMessage, .messageInsideMessage,
            .textNotUTF8, .closeBodyTooShort, .invalidCloseCode, .closeReasonNotUTF8, .corruptDeflateData,
            .outOfMemory:
            nil
        }
    }
}
