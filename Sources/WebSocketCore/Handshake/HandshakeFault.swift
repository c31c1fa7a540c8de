/// What is wrong with an opening handshake: with the request or the response that was received, or with what was to be
/// sent. A server answers it with ``status``; ``description`` says what to change.
public enum HandshakeFault: Error, Sendable, Hashable {
    // MARK: Limits

    /// The head is not complete within ``Limits/Handshake/maxHeadBytes``.
    case headTooLarge(limit: Int)
    /// The request line or status line exceeds ``Limits/Handshake/maxStartLineBytes``.
    case startLineTooLong(limit: Int)
    /// A header field exceeds ``Limits/Handshake/maxFieldBytes``.
    case fieldTooLarge(limit: Int)
    /// There are more header fields than ``Limits/Handshake/maxFields``.
    case tooManyFields(limit: Int)
    /// The head was not complete within ``Limits/Handshake/timeout``.
    case timedOut(limit: Duration)

    // MARK: Syntax of HTTP/1.1 (RFC 9112)

    /// The request line is not `method SP target SP HTTP/1.1` (RFC 9112 §3).
    case malformedRequestLine
    /// The request target is not a path, an absolute URI or `*` in visible ASCII characters (RFC 9112 §3.2).
    case invalidTarget
    /// The status line is not `HTTP/1.1 SP status SP reason` (RFC 9112 §4).
    case malformedStatusLine
    /// The HTTP version is not 1.1, or not one that can be spoken here (RFC 6455 §4.1, §4.2.1).
    case unsupportedHTTPVersion(ProtocolVersion)
    /// A line ends with LF alone (RFC 9112 §2.2).
    case bareLineFeed
    /// A CR is not followed by LF (RFC 9112 §2.2).
    case bareCarriageReturn
    /// A control character other than a tab (RFC 9110 §5.5).
    case controlCharacter(UInt8)
    /// A field line begins with whitespace: obsolete line folding (RFC 9112 §5.2).
    case foldedField
    /// A field line has no colon (RFC 9112 §5).
    case fieldWithoutColon
    /// The name of a field is empty, or not a token; whitespace before the colon is that too (RFC 9112 §5.1).
    case invalidFieldName(String)
    /// Content-Length is not one decimal number, or there are several (RFC 9112 §6.3).
    case invalidContentLength
    /// Both Content-Length and Transfer-Encoding are there: request smuggling (RFC 9112 §6.1).
    case contentLengthWithTransferEncoding
    /// The Host field, or the authority of the target, is not `host` or `host:port` (RFC 9110 §7.2).
    case invalidHost(String)

    // MARK: Both sides of the opening handshake (RFC 6455 §4)

    /// A field that must be there is not.
    case missingField(String)
    /// A field that must be there at most once is there several times.
    case duplicateField(String)
    /// A field must have this token, and does not: `Upgrade: websocket`, `Connection: Upgrade`.
    case missingToken(field: String, token: String)
    /// Sec-WebSocket-Extensions does not follow the grammar of RFC 6455 §9.1.
    case malformedExtensions
    /// Sec-WebSocket-Protocol is not a list of different tokens (RFC 6455 §11.3.4).
    case malformedSubprotocols

    // MARK: The request, as a server sees it (RFC 6455 §4.2.1)

    /// The method is not GET.
    case methodNotGET(String)
    /// Sec-WebSocket-Key is not base64 of 16 bytes.
    case invalidKey
    /// Sec-WebSocket-Version is not 13.
    case unsupportedWebSocketVersion(String)
    /// The request has a body, which the first frames would be taken for.
    case requestHasBody
    /// The policy refuses the page's origin; `nil` if the request has none (RFC 6455 §10.2).
    case originNotAllowed(String?)
    /// Nothing is served at this path.
    case notFound(path: String)
    /// The server is full, or draining.
    case unavailable

    // MARK: What this end was asked to send

    /// The chosen subprotocol is not among those that the client asked for (RFC 6455 §4.2.2).
    case subprotocolNotRequested(String)
    /// A subprotocol to ask for is not a token, or was named twice (RFC 6455 §4.1).
    case invalidSubprotocol(String)
    /// An additional field is one that the handshake itself writes.
    case reservedField(String)
    /// An additional field, or the origin, is not a header field.
    case invalidField(HeaderFields.InvalidField)

    // MARK: The response, as a client sees it (RFC 6455 §4.1)

    /// The server answered with a status other than 101; its head says why.
    case rejected(ResponseHead)
    /// Sec-WebSocket-Accept is not what follows from the key.
    case acceptMismatch
    /// The server chose a subprotocol that was not asked for.
    case unrequestedSubprotocol(String)
    /// The server uses an extension that was not asked for.
    case unrequestedExtension(String)
    /// The server names an extension twice.
    case repeatedExtension(String)
    /// A parameter of permessage-deflate is unknown, named twice, without its value, out of range, or missing although
    /// it was asked for (RFC 7692 §7.1).
    case invalidExtensionParameter(String)

    /// The status code a server answers with. What only a client meets is 502, what our own program did wrong is 500.
    public var status: Int {
        switch self {
        case .headTooLarge, .fieldTooLarge, .tooManyFields: 431
        case .startLineTooLong: 414
        case .timedOut: 408
        case .malformedRequestLine, .invalidTarget, .bareLineFeed, .bareCarriageReturn, .controlCharacter, .foldedField,
            .fieldWithoutColon, .invalidFieldName, .invalidContentLength, .contentLengthWithTransferEncoding,
            .invalidHost, .missingField, .duplicateField, .missingToken, .malformedExtensions, .malformedSubprotocols,
            .methodNotGET, .invalidKey, .requestHasBody:
            400
        case .unsupportedHTTPVersion(let version): version.major == 1 ? 400 : 505
        case .unsupportedWebSocketVersion: 426
        case .originNotAllowed: 403
        case .notFound: 404
        case .unavailable: 503
        case .subprotocolNotRequested, .invalidSubprotocol, .reservedField, .invalidField: 500
        case .rejected(let response): response.status
        case .malformedStatusLine, .acceptMismatch, .unrequestedSubprotocol, .unrequestedExtension, .repeatedExtension,
            .invalidExtensionParameter:
            502
        }
    }
}

extension HandshakeFault: CustomStringConvertible {
    /// What is wrong, in plain words, with the field or the limit and its setting.
    public var description: String {
        switch self {
        case .headTooLarge(let limit):
            "the head is larger than \(limit) bytes (limit: handshake.maxHeadBytes)"
        case .startLineTooLong(let limit):
            "the first line is longer than \(limit) bytes (limit: handshake.maxStartLineBytes)"
        case .fieldTooLarge(let limit):
            "a header field is larger than \(limit) bytes (limit: handshake.maxFieldBytes)"
        case .tooManyFields(let limit):
            "there are more than \(limit) header fields (limit: handshake.maxFields)"
        case .timedOut(let limit):
            "the head was not complete within \(limit) (limit: handshake.timeout)"
        case .malformedRequestLine:
            "the first line must be: method, space, target, space, HTTP/1.1"
        case .invalidTarget:
            "the request target must be a path, an absolute URI or *, in visible ASCII characters and without #"
        case .malformedStatusLine:
            "the first line must be: HTTP/1.1, space, status of three digits, space, reason"
        case .unsupportedHTTPVersion(let version):
            "\(version) cannot be spoken here: HTTP/1.1 is needed"
        case .bareLineFeed:
            "a line ends with LF alone instead of CR LF"
        case .bareCarriageReturn:
            "a CR is not followed by LF"
        case .controlCharacter(let byte):
            "the control character 0x\(byte < 16 ? "0" : "")\(String(byte, radix: 16, uppercase: true)) must not occur"
        case .foldedField:
            "a header field line begins with whitespace (line folding is obsolete)"
        case .fieldWithoutColon:
            "a header field line has no colon"
        case .invalidFieldName(let name):
            "\"\(name.excerpt)\" is not the name of a header field: it must be a token, right before the colon"
        case .invalidContentLength:
            "Content-Length must be one decimal number, given once"
        case .contentLengthWithTransferEncoding:
            "Content-Length and Transfer-Encoding exclude each other"
        case .invalidHost(let host):
            "\"\(host.excerpt)\" is not a host with an optional port"
        case .missingField(let name):
            "the \(name) header field is missing"
        case .duplicateField(let name):
            "the \(name) header field must occur only once"
        case .missingToken(let field, let token):
            "the \(field) header field must contain \"\(token)\""
        case .malformedExtensions:
            "Sec-WebSocket-Extensions does not follow the grammar of RFC 6455 section 9.1"
        case .malformedSubprotocols:
            "Sec-WebSocket-Protocol must be a list of different tokens"
        case .methodNotGET(let method):
            "the method must be GET, not \(method.excerpt)"
        case .invalidKey:
            "Sec-WebSocket-Key must be 24 characters of base64 that decode to 16 bytes"
        case .unsupportedWebSocketVersion(let version):
            "Sec-WebSocket-Version must be 13, not \"\(version.excerpt)\""
        case .requestHasBody:
            "a request for a WebSocket must not have a body"
        case .originNotAllowed(let origin):
            "the Origin \(origin.map { "\"\($0.excerpt)\"" } ?? "that is missing") is not allowed (setting: origin policy)"
        case .notFound(let path):
            "there is nothing at \(path.excerpt)"
        case .unavailable:
            "the server accepts no new connections at the moment"
        case .subprotocolNotRequested(let name):
            "the subprotocol \"\(name.excerpt)\" is not among those the client asked for"
        case .invalidSubprotocol(let name):
            "\"\(name.excerpt)\" cannot be asked for: a subprotocol must be a token, and each be named once"
        case .reservedField(let name):
            "the \(name.excerpt) header field is written by the handshake itself"
        case .invalidField(let reason):
            reason.description
        case .rejected(let response):
            "the server refused the WebSocket with status \(response.status) \(response.reason.excerpt)"
        case .acceptMismatch:
            "Sec-WebSocket-Accept does not follow from the key: the server does not speak WebSocket, or a cache answered"
        case .unrequestedSubprotocol(let name):
            "the server chose the subprotocol \"\(name.excerpt)\", which was not asked for"
        case .unrequestedExtension(let name):
            "the server uses the extension \"\(name.excerpt)\", which was not asked for"
        case .repeatedExtension(let name):
            "the server names the extension \"\(name.excerpt)\" more than once"
        case .invalidExtensionParameter(let name):
            "the parameter \"\(name.excerpt)\" of permessage-deflate is unknown, repeated, missing or out of range"
        }
    }
}
