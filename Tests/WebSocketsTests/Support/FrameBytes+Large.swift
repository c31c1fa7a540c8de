import WebSocketTesting

extension FrameBytes {
    /// A binary message as a client sends it, with a mask of zeros: quick to make even when it is large.
    static func large(_ payload: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = [0x82]
        let width: Int
        if payload.count > 0xFFFF {
            bytes.append(0x80 | 127)
            width = 8
        } else if payload.count > 125 {
            bytes.append(0x80 | 126)
            width = 2
        } else {
            bytes.append(0x80 | UInt8(payload.count))
            width = 0
        }
        for index in 0..<width { bytes.append(UInt8(truncatingIfNeeded: payload.count >> (8 * (width - 1 - index)))) }
        bytes += [0, 0, 0, 0]
        bytes += payload
        return bytes
    }
}
