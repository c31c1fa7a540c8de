/// The proof that a server has read the client's key (RFC 6455 §1.3, §4.2.2).
public enum AcceptKey {
    /// What RFC 6455 §1.3 has every server append to the key.
    private static let suffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

    /// The value of Sec-WebSocket-Accept for a Sec-WebSocket-Key: base64 of the SHA-1 of the key and a fixed suffix.
    ///
    /// - Parameter key: the key as it was sent, in base64, without whitespace around it.
    /// - Returns: 28 ASCII characters.
    public static func response(toKey key: some Sequence<UInt8>) -> [UInt8] {
        var message: [UInt8] = []
        // With the padding of SHA-1.
        message.reserveCapacity(128)
        message.append(contentsOf: key)
        message.append(contentsOf: Self.suffix.utf8)
        return Base64.encode(SHA1.hash(message))
    }
}
