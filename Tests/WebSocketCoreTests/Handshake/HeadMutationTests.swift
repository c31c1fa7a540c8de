import Testing

@testable import WebSocketCore

@Suite("Mutated heads")
struct HeadMutationTests {
    static let requests = [
        "GET /chat?x=1 HTTP/1.1\r\nHost: a.example:80\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
            + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nOrigin: http://a.example\r\n"
            + "Sec-WebSocket-Protocol: a, b\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=10, "
            + "x; y=\"\\z\"\r\n\r\n",
        "POST http://[::1]:80/ HTTP/1.1\r\nHost: [::1]:80\r\nContent-Length: 12\r\n\r\n",
    ].map { Array($0.utf8) }

    static let responses = [
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: a\r\n"
            + "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_max_window_bits=9\r\n\r\n",
        "HTTP/1.0 503\r\nContent-Length: 0\r\n\r\n",
    ].map { Array($0.utf8) }

    static let limits: Limits.Handshake = {
        var limits = Limits.Handshake()
        limits.maxHeadBytes = 600
        limits.maxFieldBytes = 200
        limits.maxStartLineBytes = 100
        limits.maxFields = 12
        return limits
    }()

    @Test(
        "of a request never trap, mean the same however they are cut, and keep within the limits",
        arguments: 1...10 as ClosedRange<UInt64>)
    func requests(seed: UInt64) {
        var random = SplitMix64(state: seed)
        for _ in 0..<1000 {
            let bytes = Self.mutant(of: Self.requests, &random)
            let whole = parseRequest(bytes, Self.limits)
            #expect(Self.parseInPieces(bytes, &random) == whole, "seed \(seed): \(bytes)")
            switch whole {
            case .needMoreBytes:
                #expect(bytes.count < Self.limits.maxHeadBytes, "seed \(seed): \(bytes)")
            case .invalid(let fault):
                #expect(400...505 ~= fault.status, "seed \(seed): \(bytes)")
            case .complete(let head, let headBytes):
                #expect(headBytes <= min(bytes.count, Self.limits.maxHeadBytes), "seed \(seed): \(bytes)")
                #expect(head.fields.bytes.count <= headBytes, "seed \(seed): \(bytes)")
                #expect(head.fields.count <= Self.limits.maxFields, "seed \(seed): \(bytes)")
                Self.useAll(head)
            }
        }
    }

    @Test("of a response never trap, and mean the same however they are cut", arguments: 11...20 as ClosedRange<UInt64>)
    func responses(seed: UInt64) throws {
        var random = SplitMix64(state: seed)
        let client = try ClientHandshakeTests.handshake(subprotocols: ["a"], deflate: .init())
        for _ in 0..<1000 {
            let bytes = Self.mutant(of: Self.responses, &random)
            let whole = parseResponse(bytes, Self.limits)
            #expect(parseResponseBytewise(bytes, Self.limits) == whole, "seed \(seed): \(bytes)")
            guard case .complete(let head, let headBytes) = whole else { continue }
            #expect(headBytes <= bytes.count)
            #expect(head.fields.bytes.count <= headBytes)
            // Whatever it is, it opens the connection or names a fault; a mutant of the key is a mismatch.
            if (try? client.validate(head)) != nil {
                #expect(head.fields["Sec-WebSocket-Accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "seed \(seed)")
            }
        }
    }

    @Test("of a URL never trap, and are read again as they are written", arguments: 21...30 as ClosedRange<UInt64>)
    func urls(seed: UInt64) throws {
        var random = SplitMix64(state: seed)
        let originals = ["wss://u:p%20w@a.example:8080/ü%20x?y=z", "ws://[::ffff:1.2.3.4]:1/", "ws://a"].map {
            Array($0.utf8)
        }
        for _ in 0..<1000 {
            let text = String(decoding: Self.mutant(of: originals, &random), as: UTF8.self)
            guard let url = try? WebSocketURL(text) else { continue }
            #expect(1...65_535 ~= url.port, "seed \(seed): \(text)")
            let scheme = url.isSecure ? "wss" : "ws"
            let again = try WebSocketURL(
                "\(scheme)://\(url.userInfo.map { "\($0)@" } ?? "")\(url.authority)\(url.target)")
            #expect(again == url, "seed \(seed): \(text)")
            let request = try ClientHandshake(url: url, keyBytes: ClientHandshakeTests.keyBytes).request
            guard case .complete(let head, request.count) = parseRequest(request, Limits.Handshake()) else {
                Issue.record("seed \(seed): \(text): \(parseRequest(request))")
                continue
            }
            #expect(head.target == url.target)
        }
    }

    @Test("of origins and hosts never trap", arguments: 31...34 as ClosedRange<UInt64>)
    func origins(seed: UInt64) {
        var random = SplitMix64(state: seed)
        let originals = ["https://*.a.example:8080", "http://[::1]:80", "null"].map { Array($0.utf8) }
        let hosts = ["[::1]:80", "a.example:8080"].map { Array($0.utf8) }
        for _ in 0..<1000 {
            let origin = String(decoding: Self.mutant(of: originals, &random), as: UTF8.self)
            let host = String(decoding: Self.mutant(of: originals + hosts, &random), as: UTF8.self)
            if OriginPolicy.sameHost.allows(origin: origin, host: host, isSecure: false) {
                #expect(Authority.isValid(host), "seed \(seed): \(origin) \(host)")
                #expect(origin.contains("://"), "seed \(seed): \(origin) \(host)")
            }
            if OriginPolicy.list([host]).allows(origin: origin, host: "", isSecure: true) {
                #expect(host.contains("://") && !origin.contains("*"), "seed \(seed): \(origin) \(host)")
            }
        }
    }

    /// Everything that can be read from a head, and everything a server makes of it.
    private static func useAll(_ head: RequestHead) {
        for (name, value) in head.fields {
            #expect(!name.isEmpty)
            #expect(!value.utf8.contains { $0 < 0x20 && $0 != 0x09 })
        }
        #expect(!head.path.isEmpty)
        _ = (head.query, head.authority, head.contentLength, head.description)
        do throws(HandshakeFault) {
            let handshake = try ServerHandshake(validating: head)
            let bytes = try handshake.accept(subprotocol: handshake.subprotocols.first, deflate: .init()).response
                .encode()
            guard case .complete(let response, bytes.count) = parseResponse(bytes) else {
                Issue.record("\(String(decoding: bytes, as: UTF8.self))")
                return
            }
            #expect(response.status == 101)
        } catch {
            guard case .complete = parseResponse(Rejection(error).encode()) else {
                Issue.record("\(error)")
                return
            }
        }
    }

    private static func parseInPieces(_ bytes: [UInt8], _ random: inout SplitMix64) -> RequestHeadParser.Result {
        var parser = RequestHeadParser(limits: Self.limits)
        var count = 0
        while count < bytes.count {
            count = min(bytes.count, count + Int.random(in: 1...40, using: &random))
            let result = parser.parse(bytes.span.extracting(0..<count).bytes)
            if result != .needMoreBytes { return result }
        }
        return .needMoreBytes
    }

    /// One of `originals`, with one to eight bytes flipped, removed, doubled or replaced by something that matters.
    private static func mutant(of originals: [[UInt8]], _ random: inout SplitMix64) -> [UInt8] {
        let telling: [UInt8] = Array("\r\n\t\0 :;,=\"\\/?#%@[]*A0".utf8) + [0x80, 0xFF, 0x7F]
        var bytes = originals[Int.random(in: originals.indices, using: &random)]
        for _ in 0..<Int.random(in: 1...8, using: &random) {
            guard !bytes.isEmpty else { break }
            let index = Int.random(in: bytes.indices, using: &random)
            switch Int.random(in: 0..<6, using: &random) {
            case 0: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1: bytes.remove(at: index)
            case 2: bytes.insert(telling[Int.random(in: telling.indices, using: &random)], at: index)
            case 3: bytes[index] = telling[Int.random(in: telling.indices, using: &random)]
            case 4:
                let end = min(bytes.count, index + Int.random(in: 1...64, using: &random))
                bytes.insert(contentsOf: bytes[index..<end], at: index)
            default: bytes.removeLast(Int.random(in: 0...min(8, bytes.count), using: &random))
            }
        }
        return bytes
    }
}

/// A small seeded generator (SplitMix64), so that a failing case can be found again.
private struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var word = self.state
        word = (word ^ (word &>> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word &>> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word &>> 31)
    }
}
