/// Why a connection is closed (RFC 6455 §7.4).
///
/// The numbers 1005, 1006 and 1015 never travel: their meanings are cases of ``Closure``.
public struct CloseCode: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
    public var rawValue: UInt16

    @inlinable
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// 1000: the purpose was fulfilled.
    public static let normal = CloseCode(rawValue: 1000)
    /// 1001: a server goes down, or a browser leaves the page.
    public static let goingAway = CloseCode(rawValue: 1001)
    /// 1002: the peer broke the protocol.
    public static let protocolError = CloseCode(rawValue: 1002)
    /// 1003: a kind of data that cannot be accepted.
    public static let unsupportedData = CloseCode(rawValue: 1003)
    /// 1007: data that does not fit the message's kind, such as text that is not UTF-8.
    public static let invalidPayload = CloseCode(rawValue: 1007)
    /// 1008: a policy was violated.
    public static let policyViolation = CloseCode(rawValue: 1008)
    /// 1009: a message too big to be processed.
    public static let messageTooBig = CloseCode(rawValue: 1009)
    /// 1010: a client misses an extension.
    public static let mandatoryExtension = CloseCode(rawValue: 1010)
    /// 1011: the server met an unexpected condition.
    public static let internalError = CloseCode(rawValue: 1011)
    /// 1012: the service restarts (IANA registry).
    public static let serviceRestart = CloseCode(rawValue: 1012)
    /// 1013: try again later (IANA registry).
    public static let tryAgainLater = CloseCode(rawValue: 1013)
    /// 1014: a gateway got an invalid answer from behind (IANA registry).
    public static let badGateway = CloseCode(rawValue: 1014)

    /// Whether the code may stand in a Close frame: 1000 to 1003, 1007 to 1014, 3000 to 4999 (RFC 6455 §7.4.1, §7.4.2
    /// and the IANA registry).
    @inlinable
    public var isValidOnTheWire: Bool {
        switch self.rawValue {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }

    public var description: String { String(self.rawValue) }
}

/// What a Close frame says: a code and a reason, or nothing at all (RFC 6455 §5.5.1).
///
/// The reason is for logs and developers: it is not written for the people who use an application.
public struct Close: Sendable, Hashable {
    /// `nil` when the frame had no body, which an API elsewhere would call 1005.
    public var code: CloseCode?
    /// At most ``maxReasonBytes`` bytes of UTF-8.
    public var reason: String

    /// The longest reason: a control frame's 125 bytes without the code.
    public static let maxReasonBytes = 123

    /// - Parameters:
    ///   - code: one that is valid on the wire. Another is replaced by 1000 when the frame is encoded.
    ///   - reason: cut at a character boundary to 123 bytes of UTF-8.
    public init(_ code: CloseCode?, reason: String = "") {
        self.code = code
        self.reason = code == nil ? "" : Self.shortened(reason)
    }

    private static func shortened(_ reason: String) -> String {
        if reason.utf8.count <= Self.maxReasonBytes { return reason }
        var bytes = 0
        var end = reason.startIndex
        for index in reason.unicodeScalars.indices {
            bytes += UTF8.width(reason.unicodeScalars[index])
            if bytes > Self.maxReasonBytes { break }
            end = reason.unicodeScalars.index(after: index)
        }
        return String(reason[..<end])
    }

    /// What may travel: a code that is valid on the wire, a reason of at most ``maxReasonBytes``.
    var sendable: Close {
        Close(self.code.map { $0.isValidOnTheWire ? $0 : .normal }, reason: self.reason)
    }

    /// The frame's payload: nothing, or the code in network order and the reason.
    var payload: [UInt8] {
        guard let code = self.code else { return [] }
        let sent = code.isValidOnTheWire ? code : .normal
        return [UInt8(truncatingIfNeeded: sent.rawValue >> 8), UInt8(truncatingIfNeeded: sent.rawValue)]
            + Array(Self.shortened(self.reason).utf8)
    }

    /// Reads a Close frame's payload: empty, or a valid code and a reason in UTF-8 (RFC 6455 §5.5.1, §7.4, §8.1).
    init(payload: RawSpan) throws(ProtocolViolation) {
        if payload.isEmpty {
            self.init(nil)
            return
        }
        guard payload.byteCount >= 2 else { throw ProtocolViolation(.closeBodyTooShort) }
        let code = CloseCode(rawValue: UInt16(bigEndian: payload.load(at: 0, as: UInt16.self)))
        guard code.isValidOnTheWire else { throw ProtocolViolation(.invalidCloseCode(code.rawValue)) }
        let reason = payload.extracting(droppingFirst: 2)
        guard UTF8Validator.isValid(reason) else { throw ProtocolViolation(.closeReasonNotUTF8) }
        self.init(code, reason: reason.text(0..<reason.byteCount))
    }
}
