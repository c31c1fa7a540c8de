import Testing

@testable import WebSocketCore

@Suite("The accept key (RFC 6455 §4.2.2)")
struct AcceptKeyTests {
    @Test(
        "is the one of the RFC's example",
        arguments: [
            ("dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
            ("x3JJHMbDL1EzLkh9GBhXDw==", "HSmrc0sMlYUkAGmm5OPpG2HaGWk="),
        ])
    func acceptKey(key: String, response: String) {
        #expect(String(decoding: AcceptKey.response(toKey: key.utf8), as: UTF8.self) == response)
    }

    @Test("is another for another key")
    func differs() {
        let one = AcceptKey.response(toKey: "dGhlIHNhbXBsZSBub25jZQ==".utf8)
        let other = AcceptKey.response(toKey: "dGhlIHNhbXBsZSBub25jZA==".utf8)
        #expect(one != other)
        #expect(one.count == 28)
    }

    @Test("of any length of key does not trap", arguments: [0, 1, 19, 20, 27, 28, 100, 1000])
    func anyLength(length: Int) {
        #expect(AcceptKey.response(toKey: repeatElement(0xFF, count: length)).count == 28)
    }

    @Test("SHA-1 of messages on both sides of every block and padding boundary (FIPS 180-4)", arguments: 0...200)
    func sha1(length: Int) {
        let message = (0..<length).map { UInt8(truncatingIfNeeded: $0 * 7 + length) }
        let digits = Array("0123456789abcdef")
        let digest = SHA1.hash(message).map { String([digits[Int($0 >> 4)], digits[Int($0 & 15)]]) }.joined()
        #expect(digest == sha1Digests[length])
    }

    @Test(
        "Base64 of the RFC's vectors (RFC 4648 §10)",
        arguments: [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ])
    func base64(text: String, encoded: String) {
        #expect(String(decoding: Base64.encode(Array(text.utf8)), as: UTF8.self) == encoded)
    }

    @Test("Base64 uses all 64 characters in order")
    func base64Alphabet() {
        // The 6-bit groups 0, 1, 2 … 63 in a row.
        var bytes: [UInt8] = []
        for group in stride(from: UInt32(0), to: 64, by: 4) {
            let bits = group << 18 | (group + 1) << 12 | (group + 2) << 6 | (group + 3)
            bytes += [UInt8(bits >> 16), UInt8(bits >> 8 & 255), UInt8(bits & 255)]
        }
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        #expect(String(decoding: Base64.encode(bytes), as: UTF8.self) == alphabet)
    }

    @Test(
        "a key is base64 of 16 bytes, and nothing else",
        arguments: [
            ("dGhlIHNhbXBsZSBub25jZQ==", true),
            ("AAAAAAAAAAAAAAAAAAAAAA==", true),
            ("//////////+/////////+w==", true),
            ("", false),
            ("dGhlIHNhbXBsZSBub25jZQ=", false),  // 23 characters
            ("dGhlIHNhbXBsZSBub25jZQ", false),  // no padding
            ("dGhlIHNhbXBsZSBub25jZQ===", false),
            ("dGhlIHNhbXBsZSBub25jZWU=", false),  // 17 bytes
            ("dGhlIHNhbXBsZSBub25jZWVl", false),  // 18 bytes
            ("dGhlIHNhbXBsZSBub25j", false),  // 15 bytes
            ("dGhlIHNhbXBsZSBub25jZR==", false),  // bits left over
            ("dGhlIHNhbXBsZSBub25jZ-==", false),  // base64url
            ("dGhlIHNhbXBsZSBu b25jZQ==", false),
            ("dGhlIHNhbXBsZSBub25=ZQ==", false),
        ])
    func keys(key: String, isValid: Bool) {
        #expect(Base64.isEncodingOf16Bytes(Array(key.utf8)[...]) == isValid)
    }

    @Test("every encoding of 16 bytes is a key")
    func roundTrip() {
        for byte in UInt8.min...UInt8.max {
            let key = Base64.encode(Array(repeating: byte, count: 16))
            #expect(key.count == 24)
            #expect(Base64.isEncodingOf16Bytes(key[...]))
        }
    }
}
