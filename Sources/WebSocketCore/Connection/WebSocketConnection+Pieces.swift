/// Messages that are not collected.
extension WebSocketConnection {
    /// How much compressed data is inflated at once, so that the piece it becomes stays small whatever it holds: DEFLATE
    /// makes at most 1,032 bytes of one.
    private static let inflatedAtOnce = 256

    /// From this size on, a piece that is inflated is delivered.
    private static let enough = 64 << 10

    /// More of a data frame of a message that is delivered in pieces. Returns `nil` to be called again.
    mutating func readPiece(
        of header: FrameHeader, _ incoming: IncomingMessage, _ bytes: inout MutableRawSpan,
        _ offset: inout Int, _ now: Timestamp
    ) throws(ProtocolViolation) -> Step? {
        guard let kind = incoming.assembler.kind else { throw ProtocolViolation(.continuationWithoutMessage) }
        if incoming.assembler.isCompressed {
            if incoming.frameBytesLeft > 0, offset < bytes.byteCount { incoming.assembler.goesOn(at: now) }
            while incoming.frameBytesLeft > 0, offset < bytes.byteCount, incoming.assembler.collectedBytes < Self.enough
            {
                let part = incoming.takePayload(of: header, &bytes, &offset, atMost: Self.inflatedAtOnce)
                try incoming.assembler.append(
                    bytes.bytes.extracting(part), deflate: self.deflate, limits: self.limits, .inPieces)
            }
        }
        if incoming.assembler.collectedBytes > 0, incoming.frameBytesLeft > 0 || !header.isFinal {
            // A frame that is used up makes room for the next one; what is left of another is read by the next call.
            if incoming.frameBytesLeft == 0 { incoming.frame = nil }
            return .assembledPiece(kind)
        }
        let start = offset
        // All that is left of a compressed frame has been taken, or nothing is here.
        let part = incoming.takePayload(of: header, &bytes, &offset, atMost: .max)
        if part.isEmpty, incoming.frameBytesLeft > 0 { return .needMoreBytes }
        try incoming.assembler.passOn(bytes.bytes.extracting(part), now: now, limits: self.limits)
        let isLast = incoming.frameBytesLeft == 0 && header.isFinal
        if incoming.frameBytesLeft == 0 { incoming.frame = nil }
        guard isLast else { return part.isEmpty ? nil : .piece(kind, start..<offset, isLast: false) }
        _ = try incoming.assembler.finish(deflate: self.deflate, limits: self.limits, .inPieces)
        // What was collected before the rest came in pieces, or what the end of compressed data has brought.
        if incoming.assembler.collectedBytes > 0 || incoming.assembler.isCompressed { return .assembledMessage(kind) }
        if !incoming.assembler.isInUse { self.incoming = nil }
        return .piece(kind, start..<offset, isLast: true)
    }
}

extension IncomingMessage {
    /// Takes so much of the frame's payload as is here, `most` bytes at most, unmasked where it lies. Returns where.
    func takePayload(
        of header: FrameHeader, _ bytes: inout MutableRawSpan, _ offset: inout Int, atMost most: Int
    ) -> Range<Int> {
        let available = min(bytes.byteCount - offset, most)
        let count = self.frameBytesLeft < UInt64(available) ? Int(self.frameBytesLeft) : available
        let piece = offset..<(offset + count)
        let done = Int(truncatingIfNeeded: header.payloadBytes - self.frameBytesLeft)
        header.maskingKey?.rotated(by: done).apply(to: &bytes, in: piece)
        offset += count
        self.frameBytesLeft -= UInt64(count)
        return piece
    }
}
