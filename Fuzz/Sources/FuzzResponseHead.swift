// The head of a response, the client's half of the opening handshake, and the URL it begins with.
//
// Holds that
// - nothing traps, whatever the bytes and the limits;
// - the result does not depend on how the bytes are cut, and a head is told complete at its last byte;
// - a parsed head obeys the limits; one that is written again reads the same;
// - what the client accepts is within what it asked for.

import WebSocketCore

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzResponseHead(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    var choices = Choices(start, count)
    let limits = headLimits(choices.next())
    let seed = choices.next()
    let bytes = choices.rest
    checkURL(bytes)

    let result = parse(bytes, limits, .atOnce)
    for cuts in [Cuts.byteByByte, .random(seed: seed)] {
        let other = parse(bytes, limits, cuts)
        require(other == result, "\(cuts): \(other), not \(result)")
    }
    switch result {
    case .needMoreBytes:
        let limit = limits.maxHeadBytes
        require(bytes.count < limit, "\(bytes.count) bytes and no end, the limit is \(limit)")
    case .invalid(let fault):
        _ = (fault.status, fault.description)
    case .complete(let head, let headBytes):
        require(headBytes <= min(bytes.count, limits.maxHeadBytes), "the head has \(headBytes) bytes")
        require(100...999 ~= head.status, "status \(head.status)")
        checkFields(head.fields, limits)
        checkRewritten(head)
        checkHandshake(head)
    }
    return 0
}

private func parse(_ bytes: [UInt8], _ limits: Limits.Handshake, _ cuts: Cuts) -> ResponseHeadParser.Result {
    var parser = ResponseHeadParser(limits: limits)
    for end in cuts.ends(bytes.count) {
        let soFar = ExactBytes(bytes[..<end])
        let result = parser.parse(soFar.memory.bytes)
        switch result {
        case .needMoreBytes: continue
        case .complete(_, let headBytes):
            if case .byteByByte = cuts { require(headBytes == end, "complete only at byte \(end), not \(headBytes)") }
        case .invalid:
            let again = parser.parse(soFar.memory.bytes)
            require(again == result, "first \(result), then \(again)")
        }
        return result
    }
    return .needMoreBytes
}

private func checkRewritten(_ head: ResponseHead) {
    var limits = Limits.Handshake()
    limits.maxHeadBytes = 1 << 20
    limits.maxFieldBytes = 1 << 20
    limits.maxStartLineBytes = 1 << 20
    limits.maxFields = 1 << 20
    if head.reason.unicodeScalars.contains("\u{FFFD}") { return }
    let written = head.encode()
    let result = parse(written, limits, .atOnce)
    require(result == .complete(head, headBytes: written.count), "written again: \(result)")
}

/// The key is the one of RFC 6455 §1.3, so the corpus can hold responses that are accepted.
private let keyBytes: InlineArray<16, UInt8> = [
    0x74, 0x68, 0x65, 0x20, 0x73, 0x61, 0x6D, 0x70, 0x6C, 0x65, 0x20, 0x6E, 0x6F, 0x6E, 0x63, 0x65,
]

private func checkHandshake(_ head: ResponseHead) {
    let configurations: [PerMessageDeflate.Configuration?] = [
        nil, .init(), .init(serverContextTakeover: true, clientContextTakeover: true),
        .init(serverContextTakeover: true, serverMaxWindowBits: 12, clientMaxWindowBits: 9),
    ]
    guard let url = try? WebSocketURL("ws://server.example.com/chat") else { return require(false, "a valid URL") }
    for deflate in configurations {
        for subprotocols in [[], ["chat", "superchat"]] {
            guard
                let handshake = try? ClientHandshake(
                    url: url, subprotocols: subprotocols, deflate: deflate, keyBytes: keyBytes)
            else { return require(false, "a valid handshake") }
            do throws(HandshakeFault) {
                let accepted = try handshake.validate(head)
                require(head.status == 101, "accepted with status \(head.status)")
                require(accepted.subprotocol.map(subprotocols.contains) ?? true, "a subprotocol that nobody asked for")
                guard let agreement = accepted.deflate else { continue }
                guard let deflate else { return require(false, "an extension that nobody asked for") }
                require(8...deflate.serverMaxWindowBits ~= agreement.serverMaxWindowBits, "the server's window")
                require(8...deflate.clientMaxWindowBits ~= agreement.clientMaxWindowBits, "the client's window")
                require(agreement.serverNoContextTakeover || deflate.serverContextTakeover, "the server's context")
                require(agreement.clientNoContextTakeover || deflate.clientContextTakeover, "the client's context")
            } catch {
                _ = (error.status, error.description)
            }
        }
    }
}

/// A URL that is accepted makes a request that a server reads, and is understood.
private func checkURL(_ bytes: [UInt8]) {
    let text = String(decoding: bytes, as: UTF8.self)
    guard let url = try? WebSocketURL(text) else { return }
    // A longer one is no fault of the client's: the server's limits refuse its request line, its Host, or the credentials
    // in it, which are sent in Base64.
    let limits = Limits.Handshake()
    guard url.target.utf8.count + 16 <= limits.maxStartLineBytes, text.utf8.count * 4 / 3 + 32 <= limits.maxFieldBytes
    else { return }
    require(1...65535 ~= url.port, "port \(url.port)")
    guard let handshake = try? ClientHandshake(url: url, keyBytes: keyBytes) else {
        return require(false, "no request for \(url)")
    }
    var parser = RequestHeadParser()
    switch parser.parse(handshake.request.span.bytes) {
    case .needMoreBytes: require(false, "half a request for \(url)")
    case .invalid(let fault): require(false, "\(fault), for \(url)")
    case .complete(let head, let headBytes):
        require(headBytes == handshake.request.count, "more than a head for \(url)")
        require(head.target == url.target, "\(head.target), for \(url)")
        guard let server = try? ServerHandshake(validating: head) else {
            return require(false, "an invalid request for \(url)")
        }
        require(server.host == url.authority, "\(server.host), for \(url)")
    }
}
