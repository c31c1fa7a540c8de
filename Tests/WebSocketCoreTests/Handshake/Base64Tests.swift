import Testing

@testable import WebSocketCore

@Suite("Base64 (RFC 4648 §4)")
struct Base64Tests {
    @Test(
        "the vectors of RFC 4648 §10, both ways",
        arguments: [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ])
    func vectors(bytes: String, text: String) {
        #expect(Base64.encode(Array(bytes.utf8)) == Array(text.utf8))
        #expect(Base64.decode(text.utf8) == Array(bytes.utf8))
    }

    @Test("every byte comes back")
    func roundTrip() {
        let all = (0...255).map { UInt8($0) }
        for count in 0...all.count {
            let bytes = Array(all.prefix(count))
            #expect(Base64.decode(Base64.encode(bytes)) == bytes)
        }
    }

    @Test(
        "what is none",
        arguments: [
            "Z", "Zg", "Zg=", "Zg===", "====", "=", "Z===", "Zg==Zg==", "Zm=v", "Zh==", "Zm9=", "Zm9v\n", "Zm 9v",
            "Zm9-",
            "Zm9_", "é===",
        ])
    func refuses(text: String) {
        #expect(Base64.decode(text.utf8) == nil)
    }
}
