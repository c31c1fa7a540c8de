import WebSocketTesting

extension FrameBytes {
    /// The code in a Close frame; `nil` if there is none, or if it is another frame.
    var closeCode: Int? {
        guard self.opcode == 8, self.payload.count >= 2 else { return nil }
        return Int(self.payload[0]) << 8 | Int(self.payload[1])
    }
}
