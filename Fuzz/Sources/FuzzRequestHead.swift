// The head of a request, and the server's half of the opening handshake.
//
// Holds that
// - nothing traps, whatever the bytes and the limits;
// - the result does not depend on how the bytes are cut, and a head is told complete at its last byte;
// - a parsed head obeys the limits, and its names and values could be sent again;
// - a head that is written again reads the same;
// - whatever is answered, acceptance or rejection, is itself a head that a client can read.

import WebSocketCore

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzRequestHead(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    var choices = Choices(start, count)
    let limits = headLimits(choices.next())
    let seed = choices.next()
    let bytes = choices.rest

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
        checkRejection(fault)
    case .complete(let head, let headBytes):
        require(headBytes <= min(bytes.count, limits.maxHeadBytes), "the head has \(headBytes) bytes")
        require(head.method.utf8.count + head.target.utf8.count + 10 <= limits.maxStartLineBytes, "a long first line")
        checkFields(head.fields, limits)
        checkRewritten(head)
        checkHandshake(head)
    }
    return 0
}

private func parse(_ bytes: [UInt8], _ limits: Limits.Handshake, _ cuts: Cuts) -> RequestHeadParser.Result {
    var parser = RequestHeadParser(limits: limits)
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

/// Nothing gets lost when the head is written again and read with limits that do not matter.
private func checkRewritten(_ head: RequestHead) {
    var written = Array("\(head.method) \(head.target) \(head.version)\r\n".utf8)
    guard write(head.fields, to: &written) else { return }
    var limits = Limits.Handshake()
    limits.maxHeadBytes = 1 << 20
    limits.maxFieldBytes = 1 << 20
    limits.maxStartLineBytes = 1 << 20
    limits.maxFields = 1 << 20
    let result = parse(written, limits, .atOnce)
    require(result == .complete(head, headBytes: written.count), "written again: \(result)")
}

private func checkHandshake(_ head: RequestHead) {
    _ = (head.path, head.query, head.authority, head.hasBody, head.contentLength, head.description)
    let handshake: ServerHandshake
    do throws(HandshakeFault) {
        handshake = try ServerHandshake(validating: head)
    } catch {
        checkRejection(error)
        return
    }
    require(ServerHandshake.isUpgrade(head), "an upgrade that does not ask for one")
    for policy in [OriginPolicy.sameHost, .any, .list(["https://a.example", "https://*.example.com"])] {
        _ = policy.allows(origin: handshake.origin, host: handshake.host, isSecure: true)
        require(policy.allows(origin: nil, host: handshake.host, isSecure: false), "no origin, no browser")
    }
    let configurations = [
        PerMessageDeflate.Configuration(), .init(followsOffer: true),
        .init(serverContextTakeover: true, serverMaxWindowBits: 9, clientMaxWindowBits: 10),
    ]
    for deflate in configurations {
        for subprotocol in handshake.subprotocols.map(Optional.some).prefix(2) + [nil] {
            do throws(HandshakeFault) {
                let accepted = try handshake.accept(subprotocol: subprotocol, deflate: deflate, extraFields: ["X": "y"])
                checkAnswer(accepted.response.encode(), accepted.response)
                require(accepted.subprotocol == subprotocol, "another subprotocol")
                guard let agreement = accepted.deflate else { continue }
                require(agreement.canCompress(as: .server), "agreed to a window that zlib cannot make")
                require(8...15 ~= agreement.clientMaxWindowBits, "a window of \(agreement.clientMaxWindowBits) bits")
            } catch { require(false, "a valid request cannot be accepted: \(error)") }
        }
    }
}

private func checkRejection(_ fault: HandshakeFault) {
    require(400...599 ~= fault.status, "status \(fault.status)")
    let rejection = Rejection(fault)
    require(rejection.head.contentLength == rejection.body.count, "a wrong length")
    require(rejection.encode() == rejection.head.encode() + rejection.body, "a wrong encoding")
    checkAnswer(rejection.head.encode(), rejection.head)
}

/// What a server answers is a head that a client can read, with the default limits.
private func checkAnswer(_ bytes: [UInt8], _ head: ResponseHead) {
    var parser = ResponseHeadParser()
    let result = parser.parse(bytes.span.bytes)
    require(result == .complete(head, headBytes: bytes.count), "the answer reads as \(result)")
}
