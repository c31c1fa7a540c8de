import WebSocketCore

/// Asks a SOCKS proxy for a connection (RFC 1928), and says who asks, if it wants to know (RFC 1929).
///
///     greeting ──▶ method ──▶ [credentials ──▶ their verdict] ──▶ request ──▶ reply
struct SOCKSHandshake {
    private enum State {
        case method
        case verdict
        case reply
    }

    private static let version: UInt8 = 5
    private static let noAuthentication: UInt8 = 0
    private static let userAndPassword: UInt8 = 2
    private static let noneAcceptable: UInt8 = 0xFF

    private let authentication: [UInt8]?
    private let request: [UInt8]
    private var state = State.method

    /// - Throws: ``WebSocketError/invalidSetting(_:)`` for a user name or password that is empty or has more than 255 bytes.
    init(host: String, port: Int, credentials: Proxy.Credentials?) throws(WebSocketError) {
        if let credentials {
            var message: [UInt8] = [1]
            for (what, text) in [("user name", credentials.user), ("password", credentials.password)] {
                guard 1...255 ~= text.utf8.count else {
                    throw .invalidSetting("proxy: the \(what) of a SOCKS proxy must have 1 to 255 bytes")
                }
                message.append(UInt8(truncatingIfNeeded: text.utf8.count))
                message.append(contentsOf: text.utf8)
            }
            self.authentication = message
        } else {
            self.authentication = nil
        }

        // CONNECT, then the kind of address.
        var request: [UInt8] = [Self.version, 1, 0]
        if let address = IPAddress(host) {
            request.append(address.bytes.count == 4 ? 1 : 4)
            request += address.bytes
        } else {
            // A URL's host has at most 255 bytes.
            request += [3, UInt8(clamping: host.utf8.count)]
            request += host.utf8.prefix(255)
        }
        request += [UInt8(truncatingIfNeeded: port >> 8), UInt8(truncatingIfNeeded: port)]
        self.request = request
    }

    /// What is sent first: the methods of authentication there are.
    var greeting: [UInt8] {
        self.authentication == nil
            ? [Self.version, 1, Self.noAuthentication] : [Self.version, 2, Self.noAuthentication, Self.userAndPassword]
    }

    mutating func received(_ bytes: inout [UInt8]) -> ProxyHandshake.Step {
        switch self.state {
        case .method: self.receivedMethod(&bytes)
        case .verdict: self.receivedVerdict(&bytes)
        case .reply: self.receivedReply(&bytes)
        }
    }

    private mutating func receivedMethod(_ bytes: inout [UInt8]) -> ProxyHandshake.Step {
        guard let version = bytes.first else { return .needMoreBytes }
        // An HTTP server would answer for as long as it liked.
        guard version == Self.version else { return .failed(.protocolError("it does not speak SOCKS 5")) }
        guard bytes.count >= 2 else { return .needMoreBytes }
        let method = bytes[1]
        bytes.removeFirst(2)
        switch (method, self.authentication) {
        case (Self.noAuthentication, _):
            self.state = .reply
            return .write(self.request)
        case (Self.userAndPassword, let authentication?):
            self.state = .verdict
            return .write(authentication)
        case (Self.noneAcceptable, nil): return .failed(.authenticationRequired)
        case (Self.noneAcceptable, _?): return .failed(.authenticationRefused)
        default: return .failed(.protocolError("it chose a method of authentication that was not offered"))
        }
    }

    private mutating func receivedVerdict(_ bytes: inout [UInt8]) -> ProxyHandshake.Step {
        guard bytes.count >= 2 else { return .needMoreBytes }
        let verdict = (bytes[0], bytes[1])
        bytes.removeFirst(2)
        // Some send the version of SOCKS instead of that of the authentication.
        guard verdict.0 == 1 || verdict.0 == Self.version else {
            return .failed(.protocolError("its answer to the credentials is none of SOCKS"))
        }
        guard verdict.1 == 0 else { return .failed(.authenticationRefused) }
        self.state = .reply
        return .write(self.request)
    }

    private mutating func receivedReply(_ bytes: inout [UInt8]) -> ProxyHandshake.Step {
        guard bytes.count >= 2 else { return .needMoreBytes }
        guard bytes[0] == Self.version else { return .failed(.protocolError("its reply is none of SOCKS 5")) }
        guard bytes[1] == 0 else { return .failed(.socksRefused(ProxyFault.SOCKSReply(rawValue: bytes[1]))) }
        guard bytes.count >= 5 else { return .needMoreBytes }
        let addressBytes: Int
        switch bytes[3] {
        case 1: addressBytes = 4
        case 3: addressBytes = 1 + Int(bytes[4])
        case 4: addressBytes = 16
        default: return .failed(.protocolError("its reply has an unknown kind of address"))
        }
        let count = 4 + addressBytes + 2
        guard bytes.count >= count else { return .needMoreBytes }
        bytes.removeFirst(count)
        return .established
    }
}
