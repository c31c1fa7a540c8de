/// The client's half of the opening handshake over HTTP/1.1 (RFC 6455 §4.1).
///
///     let handshake = try ClientHandshake(url: url, subprotocols: ["chat.v2"], keyBytes: random)
///     write(handshake.request)                          // and nothing more until the answer is checked
///     let accepted = try handshake.validate(response)   // skip `response.isInterim` ones first
public struct ClientHandshake: Sendable {
    /// What the server agreed to.
    public struct Accepted: Sendable, Hashable {
        /// The subprotocol that the server chose, if it chose one.
        public var subprotocol: String?
        /// What was agreed on compression; `nil` if messages are not compressed.
        public var deflate: PerMessageDeflate.Agreement?
    }

    /// The request, as it is written to the wire.
    public let request: [UInt8]

    private let subprotocols: [String]
    private let deflate: PerMessageDeflate.Configuration?
    private let acceptKey: [UInt8]

    /// Writes the request.
    ///
    /// - Parameters:
    ///   - url: where to connect to. Its user information becomes an Authorization field, unless `extraFields` has one.
    ///   - subprotocols: the subprotocols to ask for, the preferred one first. Default: none.
    ///   - origin: the Origin field, for clients that act for a web page. Default: none.
    ///   - extraFields: further fields of the request, such as cookies or authorization.
    ///   - deflate: the compression to offer; `nil`, the default, offers none.
    ///   - keyBytes: 16 random bytes, fresh for each connection (RFC 6455 §4.1).
    /// - Throws: ``HandshakeFault/invalidSubprotocol(_:)``, ``HandshakeFault/reservedField(_:)`` for an extra field that
    ///   the handshake itself writes, ``HandshakeFault/duplicateField(_:)`` if the origin is given twice, and
    ///   ``HandshakeFault/invalidField(_:)`` for an origin that is no header field value.
    public init(
        url: WebSocketURL,
        subprotocols: [String] = [],
        origin: String? = nil,
        extraFields: HeaderFields = [:],
        deflate: PerMessageDeflate.Configuration? = nil,
        keyBytes: InlineArray<16, UInt8>
    ) throws(HandshakeFault) {
        for name in subprotocols {
            guard name.isToken, subprotocols.count(where: { $0 == name }) == 1 else { throw .invalidSubprotocol(name) }
        }
        try extraFields.checkNotReserved()
        if extraFields.count(of: "Host") > 0 { throw .reservedField("Host") }
        if origin != nil, extraFields.count(of: "Origin") > 0 { throw .duplicateField("Origin") }

        let key = Base64.encode(keyBytes.indices.map { keyBytes[$0] })
        var fields = HeaderFields(reservingBytes: 512 &+ extraFields.encodedBytes, fields: 9 &+ extraFields.count)
        fields.appendValid("Host", url.authority.utf8)
        fields.appendValid("Upgrade", "websocket".utf8)
        fields.appendValid("Connection", "Upgrade".utf8)
        fields.appendValid("Sec-WebSocket-Key", key)
        fields.appendValid("Sec-WebSocket-Version", "13".utf8)
        if !subprotocols.isEmpty {
            fields.appendValid("Sec-WebSocket-Protocol", subprotocols.joined(separator: ", ").utf8)
        }
        if let deflate { fields.appendValid("Sec-WebSocket-Extensions", deflate.offer.description.utf8) }
        if let origin {
            do {
                try fields.append("Origin", origin)
            } catch {
                throw .invalidField(error)
            }
        }
        if let authorization = url.basicAuthorization, extraFields.count(of: "Authorization") == 0 {
            fields.appendValid("Authorization", authorization.utf8)
        }
        fields.append(extraFields)

        var request: [UInt8] = []
        request.reserveCapacity(16 &+ url.target.utf8.count &+ fields.encodedBytes)
        request.append(contentsOf: "GET \(url.target) HTTP/1.1\r\n".utf8)
        fields.encode(into: &request)
        self.request = request
        self.subprotocols = subprotocols
        self.deflate = deflate
        self.acceptKey = AcceptKey.response(toKey: key)
    }

    /// Checks everything that RFC 6455 §4.1 demands of the response.
    ///
    /// - Parameter response: the final response; interim ones (``ResponseHead/isInterim``) are skipped before.
    /// - Throws: ``HandshakeFault/rejected(_:)`` for any status but 101: the body, if any, follows the head. Otherwise
    ///   the first fault found: the connection must then be failed.
    public func validate(_ response: ResponseHead) throws(HandshakeFault) -> Accepted {
        let fields = response.fields
        guard response.status == 101 else { throw .rejected(response) }
        guard response.version.major == 1, response.version >= .http11 else {
            throw .unsupportedHTTPVersion(response.version)
        }
        // Upgrade must be this one word, Connection may name others as well (RFC 6455 §4.1).
        guard let upgrade = try fields.single("Upgrade") else { throw .missingField("Upgrade") }
        guard HeaderFields.matches(fields.bytes, upgrade, "websocket") else {
            throw .missingToken(field: "Upgrade", token: "websocket")
        }
        guard fields.contains("Connection", token: "Upgrade") else {
            throw .missingToken(field: "Connection", token: "Upgrade")
        }
        guard let accept = try fields.single("Sec-WebSocket-Accept") else {
            throw .missingField("Sec-WebSocket-Accept")
        }
        guard fields.bytes[accept].elementsEqual(self.acceptKey) else { throw .acceptMismatch }

        let subprotocol = try fields.single("Sec-WebSocket-Protocol").map { fields.text($0) }
        if let subprotocol, !self.subprotocols.contains(bytesOf: subprotocol) {
            throw .unrequestedSubprotocol(subprotocol)
        }
        return Accepted(subprotocol: subprotocol, deflate: try self.agreement(fields))
    }

    /// The only extension there can be is the one that was offered, once (RFC 6455 §9.1, §11.3.2).
    private func agreement(_ fields: HeaderFields) throws(HandshakeFault) -> PerMessageDeflate.Agreement? {
        guard let line = try fields.single("Sec-WebSocket-Extensions") else { return nil }
        let extensions = try ExtensionOffer.parse([fields.text(line)])
        var agreement: PerMessageDeflate.Agreement?
        for element in extensions {
            guard let deflate = self.deflate, element.name == PerMessageDeflate.name else {
                throw .unrequestedExtension(element.name)
            }
            guard agreement == nil else { throw .repeatedExtension(element.name) }
            agreement = try deflate.agreement(from: element)
        }
        return agreement
    }
}
