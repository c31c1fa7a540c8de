import WebSocketCore

extension FrameBytes {
    /// The whole frames in `bytes`, their payloads unmasked; what is left over at the end is not looked at.
    ///
    /// Read without the decoder under test. The masking keys are kept: ``from(_:mask:)`` takes them away.
    public static func frames(in bytes: [UInt8]) -> [FrameBytes] {
        var frames: [FrameBytes] = []
        var rest = bytes[...]
        while let (frame, byteCount) = Self.firstFrame(in: rest) {
            frames.append(frame)
            rest = rest.dropFirst(byteCount)
        }
        return frames
    }

    private static func firstFrame(in bytes: ArraySlice<UInt8>) -> (FrameBytes, byteCount: Int)? {
        var reader = bytes
        guard let first = reader.popFirst(), let second = reader.popFirst() else { return nil }
        var form = LengthForm.minimal
        var length = UInt64(second & 0x7F)
        if length >= 126 {
            let width = length == 126 ? 2 : 8
            guard reader.count >= width else { return nil }
            length = reader.prefix(width).reduce(0) { $0 << 8 | UInt64($1) }
            reader = reader.dropFirst(width)
            let isMinimal = width == 2 ? length > 125 : length > 0xFFFF
            if !isMinimal { form = width == 2 ? .twoBytes : .eightBytes }
        }
        var mask: MaskingKey?
        if second & 0x80 != 0 {
            guard reader.count >= 4 else { return nil }
            mask = MaskingKey(word: reader.prefix(4).reversed().reduce(0) { $0 << 8 | UInt32($1) })
            reader = reader.dropFirst(4)
        }
        guard length <= UInt64(reader.count) else { return nil }
        var payload = Array(reader.prefix(Int(length)))
        reader = reader.dropFirst(payload.count)
        if let word = mask?.word {
            for index in payload.indices {
                payload[index] ^= UInt8(truncatingIfNeeded: word >> (8 * UInt32(index % 4)))
            }
        }
        let frame = FrameBytes(
            first & 0x0F, payload, isFinal: first & 0x80 != 0, reserved: first >> 4 & 7, mask: mask, lengthForm: form)
        return (frame, bytes.count - reader.count)
    }
}
