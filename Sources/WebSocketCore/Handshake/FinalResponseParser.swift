/// Reads the head of the final response to a request: interim ones (RFC 9110 §15.2), which a server may send before it,
/// are skipped. All of them together are limited as one head is.
public struct FinalResponseParser: Sendable {
    private let limits: Limits.Handshake
    private var parser: ResponseHeadParser
    /// Where the head begins that is being read.
    private var start = 0

    public init(limits: Limits.Handshake = Limits.Handshake()) {
        self.limits = limits
        self.parser = ResponseHeadParser(limits: limits)
    }

    /// Takes what there is.
    ///
    /// - Parameter bytes: everything received since the request was sent: what the call before was given, and more.
    /// - Returns: as ``ResponseHeadParser/parse(_:)``; `headBytes` counts the interim responses too.
    public mutating func parse(_ bytes: RawSpan) -> ResponseHeadParser.Result {
        while self.start <= self.limits.maxHeadBytes {
            let result = self.parser.parse(bytes.extracting(self.start..<bytes.byteCount))
            guard case .complete(let head, let headBytes) = result else { return result }
            self.start += headBytes
            if !head.isInterim { return .complete(head, headBytes: self.start) }
        }
        return .invalid(.headTooLarge(limit: self.limits.maxHeadBytes))
    }
}
