/// The server's half of the opening handshake over HTTP/1.1 (RFC 6455 §4.2).
///
///     guard ServerHandshake.isUpgrade(head) else { … }             // an ordinary HTTP request
///     let handshake = try ServerHandshake(validating: head)        // or Rejection(fault)
///     let accepted = try handshake.accept(subprotocol: "chat.v2", deflate: configuration)
///     write(accepted.response.encode())                            // and from here on, frames
public struct ServerHandshake: Sendable {
    /// What the server agreed to.
    public struct Accepted: Sendable, Hashable {
        /// The response that opens the connection, with status 101.
        public var response: ResponseHead
        /// What was agreed on compression; `nil` if messages are not compressed.
        public var deflate: PerMessageDeflate.Agreement?
        /// The subprotocol, if one was chosen.
        public var subprotocol: String?
    }

    /// The request.
    public let head: RequestHead

    /// The host and, if it was given, the port that the client has connected to: the authority of an absolute-form
    /// target, otherwise the Host field.
    public let host: String

    /// The origin of the page whose script asks; `nil` from a client that is no browser, or pretends (RFC 6455 §10.2).
    public let origin: String?

    /// The subprotocols that the client asks for, the one it prefers first; they differ from each other.
    public let subprotocols: [String]

    /// The extensions that the client offers, the one it prefers first.
    public let extensionOffers: [ExtensionOffer]

    /// Where the key is in the bytes of the fields.
    private let key: Range<Int>

    /// Whether a request asks for a WebSocket: its Upgrade field has the token `websocket`. If it does not, it is an
    /// ordinary HTTP request; if it does, it may still be wrong.
    public static func isUpgrade(_ head: RequestHead) -> Bool { head.fields.contains("Upgrade", token: "websocket") }

    /// Checks everything that RFC 6455 §4.2.1 demands of a request.
    ///
    /// - Throws: the first ``HandshakeFault`` found; its ``HandshakeFault/status`` is 400, or 426 for a version of the
    ///   WebSocket protocol other than 13.
    public init(validating head: RequestHead) throws(HandshakeFault) {
        let fields = head.fields
        guard head.method == "GET" else { throw .methodNotGET(head.method) }
        guard head.version.major == 1, head.version >= .http11 else { throw .unsupportedHTTPVersion(head.version) }

        guard let host = try fields.single("Host") else { throw .missingField("Host") }
        let name = head.authority ?? fields.text(host)
        guard Authority.isValid(name) else { throw .invalidHost(name) }
        guard fields.contains("Upgrade", token: "websocket") else {
            throw .missingToken(field: "Upgrade", token: "websocket")
        }
        guard fields.contains("Connection", token: "Upgrade") else {
            throw .missingToken(field: "Connection", token: "Upgrade")
        }

        guard let version = try fields.single("Sec-WebSocket-Version") else {
            throw .missingField("Sec-WebSocket-Version")
        }
        guard HeaderFields.matches(fields.bytes, version, "13") else {
            throw .unsupportedWebSocketVersion(fields.text(version))
        }
        guard let key = try fields.single("Sec-WebSocket-Key") else { throw .missingField("Sec-WebSocket-Key") }
        guard Base64.isEncodingOf16Bytes(fields.bytes[key]) else { throw .invalidKey }
        // The bytes of a body would be read as frames, by us or by a proxy on the way.
        guard !head.hasBody else { throw .requestHasBody }

        self.head = head
        self.host = name
        self.key = key
        self.origin = try fields.single("Origin").map { fields.text($0) }
        self.subprotocols = try Self.subprotocols(fields)
        self.extensionOffers = try ExtensionOffer.parse(fields.values(for: "Sec-WebSocket-Extensions"))
    }

    /// The members of all Sec-WebSocket-Protocol lines (RFC 6455 §11.3.4).
    private static func subprotocols(_ fields: HeaderFields) throws(HandshakeFault) -> [String] {
        let names = fields.elements(of: "Sec-WebSocket-Protocol")
        if names.isEmpty, fields.count(of: "Sec-WebSocket-Protocol") > 0 { throw .malformedSubprotocols }
        guard names.allSatisfy(\.isToken) else { throw .malformedSubprotocols }
        guard names.count < 2 || Set(names).count == names.count else { throw .malformedSubprotocols }
        return names
    }

    /// The response that opens the connection (RFC 6455 §4.2.2).
    ///
    /// - Parameters:
    ///   - subprotocol: one of ``subprotocols``, or `nil`, the default, for none.
    ///   - deflate: compress messages as this says, if the client offers permessage-deflate; `nil`, the default, never.
    ///   - extraFields: further fields of the response, such as cookies.
    /// - Throws: ``HandshakeFault/subprotocolNotRequested(_:)``, or ``HandshakeFault/reservedField(_:)`` for an extra
    ///   field that the handshake itself writes, or that would announce a body.
    public func accept(
        subprotocol: String? = nil, deflate: PerMessageDeflate.Configuration? = nil, extraFields: HeaderFields = [:]
    ) throws(HandshakeFault) -> Accepted {
        if let subprotocol, !self.subprotocols.contains(bytesOf: subprotocol) {
            throw .subprotocolNotRequested(subprotocol)
        }
        try extraFields.checkNotReserved()
        let choice = deflate.flatMap { $0.response(to: self.extensionOffers) }

        var fields = HeaderFields(reservingBytes: 256 &+ extraFields.encodedBytes, fields: 5 &+ extraFields.count)
        fields.appendValid("Upgrade", "websocket".utf8)
        fields.appendValid("Connection", "Upgrade".utf8)
        fields.appendValid("Sec-WebSocket-Accept", AcceptKey.response(toKey: self.head.fields.bytes[self.key]))
        if let subprotocol { fields.appendValid("Sec-WebSocket-Protocol", subprotocol.utf8) }
        if let choice { fields.appendValid("Sec-WebSocket-Extensions", choice.response.description.utf8) }
        fields.append(extraFields)
        return Accepted(
            response: ResponseHead(status: 101, fields: fields), deflate: choice?.agreement, subprotocol: subprotocol)
    }
}

extension HeaderFields {
    /// - Throws: ``HandshakeFault/reservedField(_:)`` for a field that only the handshake itself may write.
    func checkNotReserved() throws(HandshakeFault) {
        for (name, _) in self {
            let lowercased = name.asciiLowercased
            let isReserved =
                ["upgrade", "connection", "content-length", "transfer-encoding"].contains(lowercased)
                || lowercased.hasPrefix("sec-websocket-")
            if isReserved { throw .reservedField(name) }
        }
    }
}
