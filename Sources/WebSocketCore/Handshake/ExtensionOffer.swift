/// One extension of Sec-WebSocket-Extensions, offered or accepted, with its parameters in order (RFC 6455 §9.1).
public struct ExtensionOffer: Sendable, Hashable {
    /// A parameter; `value` is `nil` if it is only named. A quoted value is kept without its quotes.
    public struct Parameter: Sendable, Hashable {
        public var name: String
        public var value: String?

        public init(_ name: String, _ value: String? = nil) {
            self.name = name
            self.value = value
        }
    }

    /// The registered name, such as `permessage-deflate`.
    public var name: String
    /// The parameters, in the order in which they were sent; a name may occur several times.
    public var parameters: [Parameter]

    public init(_ name: String, _ parameters: [Parameter] = []) {
        self.name = name
        self.parameters = parameters
    }
}

extension ExtensionOffer: CustomStringConvertible {
    /// The extension as it is written in the header field.
    public var description: String {
        self.parameters.reduce(self.name) { text, parameter in
            "\(text); \(parameter.name)\(parameter.value.map { "=\($0)" } ?? "")"
        }
    }
}

extension ExtensionOffer {
    /// The extensions in the lines of Sec-WebSocket-Extensions, which make up one list (RFC 6455 §9.1):
    ///
    ///     extension-list  = 1#extension
    ///     extension       = extension-token *( ";" extension-param )
    ///     extension-param = token [ "=" ( token | quoted-string ) ]       ; unquoted, it must be a token
    ///
    /// Empty members of the list are skipped (RFC 9110 §5.6.1.2), so an empty line offers nothing. Every byte is looked
    /// at once.
    ///
    /// - Throws: ``HandshakeFault/malformedExtensions``.
    public static func parse(_ lines: [String]) throws(HandshakeFault) -> [ExtensionOffer] {
        var offers: [ExtensionOffer] = []
        for line in lines {
            var cursor = Cursor(bytes: Array(line.utf8))
            try cursor.parseList(into: &offers)
        }
        return offers
    }

    /// A position in one line.
    private struct Cursor {
        let bytes: [UInt8]
        var index = 0

        init(bytes: [UInt8]) { self.bytes = bytes }

        /// The byte at ``index``, unless the line ends there.
        var next: UInt8? { self.index < self.bytes.count ? self.bytes[self.index] : nil }

        mutating func skipWhitespace() {
            while let byte = self.next, byte.isWhitespace { self.index &+= 1 }
        }

        /// Passes `byte` and the whitespace behind it, if it is next.
        mutating func skip(_ byte: UInt8) -> Bool {
            guard self.next == byte else { return false }
            self.index &+= 1
            self.skipWhitespace()
            return true
        }

        mutating func parseList(into offers: inout [ExtensionOffer]) throws(HandshakeFault) {
            self.skipWhitespace()
            while self.next != nil {
                if self.skip(ASCII.comma) { continue }
                offers.append(try self.parseExtension())
                guard self.next == nil || self.skip(ASCII.comma) else { throw .malformedExtensions }
            }
        }

        mutating func parseExtension() throws(HandshakeFault) -> ExtensionOffer {
            var offer = ExtensionOffer(try self.parseToken())
            while self.skip(ASCII.semicolon) {
                let name = try self.parseToken()
                guard self.skip(ASCII.equals) else {
                    offer.parameters.append(Parameter(name))
                    continue
                }
                let value = self.next == ASCII.quote ? try self.parseQuotedString() : try self.parseToken()
                offer.parameters.append(Parameter(name, value))
            }
            return offer
        }

        /// A token, and the whitespace behind it.
        mutating func parseToken() throws(HandshakeFault) -> String {
            let start = self.index
            while let byte = self.next, byte.isTokenCharacter { self.index &+= 1 }
            guard self.index > start else { throw .malformedExtensions }
            let token = String(decoding: self.bytes[start..<self.index], as: UTF8.self)
            self.skipWhitespace()
            return token
        }

        /// A quoted-string (RFC 9110 §5.6.4) whose content is a token, and the whitespace behind it.
        mutating func parseQuotedString() throws(HandshakeFault) -> String {
            var content: [UInt8] = []
            self.index &+= 1
            while let byte = self.next {
                self.index &+= 1
                if byte == ASCII.quote {
                    guard !content.isEmpty else { throw .malformedExtensions }
                    self.skipWhitespace()
                    return String(decoding: content, as: UTF8.self)
                }
                var character = byte
                if byte == ASCII.backslash {
                    guard let escaped = self.next else { throw .malformedExtensions }
                    self.index &+= 1
                    character = escaped
                }
                guard character.isTokenCharacter else { throw .malformedExtensions }
                content.append(character)
            }
            throw .malformedExtensions
        }
    }
}
