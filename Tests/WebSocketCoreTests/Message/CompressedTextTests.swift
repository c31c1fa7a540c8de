import Testing

@testable import WebSocketCore

@Suite("Message assembler: compressed text")
struct CompressedTextTests {
    /// What appending the payload of one compressed text frame ends with, in pieces of `pieceBytes`.
    private func fault(of payload: [UInt8], pieceBytes: Int, limit: Int) throws -> ProtocolViolation.Reason? {
        let limits = Limits(maxMessageBytes: limit, maxFrameBytes: 1 << 20)
        let header = FrameHeader(opcode: .text, reservedBits: .rsv1, payloadBytes: payload.count)
        var assembler = MessageAssembler()
        do throws(ProtocolViolation) {
            try assembler.beginFrame(header, now: .zero, limits: limits)
            for start in stride(from: 0, to: payload.count, by: pieceBytes) {
                let piece = Array(payload[start..<min(start + pieceBytes, payload.count)])
                try assembler.append(piece.span.bytes, deflate: ConnectionDeflate.keeping, limits: limits)
            }
            _ = try assembler.finish(deflate: ConnectionDeflate.keeping, limits: limits)
            return nil
        } catch { return error.reason }
    }

    private func compressed(_ text: [UInt8]) throws -> [UInt8] {
        var deflater = try makeDeflater()
        return deflater.compressed(text)
    }

    @Test("text that is wrong before it is too big is wrong text", arguments: [1, 1 << 20])
    func wrongThenTooBig(pieceBytes: Int) throws {
        let payload = try self.compressed([0x61, 0xFF] + [UInt8](repeating: 0x61, count: 500))
        #expect(try self.fault(of: payload, pieceBytes: pieceBytes, limit: 100) == .textNotUTF8)
    }

    @Test("text that is too big before it is wrong is too big", arguments: [1, 1 << 20])
    func tooBigThenWrong(pieceBytes: Int) throws {
        let payload = try self.compressed([UInt8](repeating: 0x61, count: 500) + [0xFF])
        #expect(try self.fault(of: payload, pieceBytes: pieceBytes, limit: 100) == .messageTooLarge(limit: 100))
    }

    @Test("text that is wrong before it is corrupt is wrong text", arguments: [1, 1 << 20])
    func wrongThenCorrupt(pieceBytes: Int) throws {
        let stored: [UInt8] = [0x00, 0x02, 0x00, 0xFD, 0xFF, 0x61, 0xFF]
        #expect(try self.fault(of: stored + [0x07], pieceBytes: pieceBytes, limit: 100) == .textNotUTF8)
        let right: [UInt8] = [0x00, 0x02, 0x00, 0xFD, 0xFF, 0x61, 0x62]
        #expect(try self.fault(of: right + [0x07], pieceBytes: pieceBytes, limit: 100) == .corruptDeflateData)
    }

    @Test("text that is neither is accepted", arguments: [1, 1 << 20])
    func right(pieceBytes: Int) throws {
        let payload = try self.compressed([UInt8](repeating: 0x61, count: 100))
        #expect(try self.fault(of: payload, pieceBytes: pieceBytes, limit: 100) == nil)
    }
}
