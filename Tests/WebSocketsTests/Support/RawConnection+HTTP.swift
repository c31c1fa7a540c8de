import WebSocketCore

/// A response as a test sees it.
struct RawResponse: Sendable {
    let head: String
    let body: String

    var status: Int { Int(self.head.split(separator: " ").dropFirst().first ?? "") ?? 0 }

    /// The values of a field, in order.
    func values(_ name: String) -> [String] {
        self.head.components(separatedBy: "\r\n").dropFirst().compactMap { line in
            guard let colon = line.firstIndex(of: ":"), line[..<colon].lowercased() == name.lowercased() else {
                return nil
            }
            return String(line[line.index(after: colon)...].drop { $0 == " " })
        }
    }

    subscript(name: String) -> String? { self.values(name).first }
}

extension String {
    fileprivate func components(separatedBy separator: String) -> [Substring] {
        self.split(separator: separator, omittingEmptySubsequences: true)
    }
}

extension RawConnection {
    /// The next response: its body by its Content-Length, and none where there can be none.
    func readResponse(isToHEAD: Bool = false) async throws -> RawResponse {
        let head = try await self.readHead()
        let response = RawResponse(head: head, body: "")
        let hasBody = !isToHEAD && response.status >= 200 && response.status != 204 && response.status != 304
        let length = hasBody ? response["Content-Length"].flatMap { Int($0) } ?? 0 : 0
        let body = try await self.read(count: length)
        return RawResponse(head: head, body: String(decoding: body, as: UTF8.self))
    }

    /// Opens a WebSocket as a client and returns the response.
    @discardableResult
    func upgrade(_ path: String, _ fields: [(String, String)] = [], port: Int = 0) async throws -> RawResponse {
        try await self.send(UpgradeText.request(path, fields))
        return try await self.readResponse()
    }

    static func open(_ path: String, on port: Int, receiveBufferBytes: Int32? = nil) async throws -> RawConnection {
        let connection = try await RawConnection.connect(to: port, receiveBufferBytes: receiveBufferBytes)
        let response = try await connection.upgrade(path)
        guard response.status == 101 else { throw UnexpectedResponse(response: response) }
        return connection
    }
}

struct UnexpectedResponse: Error { let response: RawResponse }

/// The example of RFC 6455 §1.3: its key, and what follows from it.
enum UpgradeText {
    static let key = "dGhlIHNhbXBsZSBub25jZQ=="
    static let accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

    /// A request for a WebSocket. A field in `fields` replaces the one of the same name; an empty value removes it.
    static func request(_ path: String, _ fields: [(String, String)] = [], method: String = "GET") -> String {
        var all = [
            ("Host", "server.example"), ("Upgrade", "websocket"), ("Connection", "Upgrade"),
            ("Sec-WebSocket-Key", Self.key), ("Sec-WebSocket-Version", "13"),
        ]
        all.removeAll { own in fields.contains { $0.0.lowercased() == own.0.lowercased() } }
        all += fields.filter { !$0.1.isEmpty }
        return "\(method) \(path) HTTP/1.1\r\n" + all.map { "\($0): \($1)\r\n" }.joined() + "\r\n"
    }
}
