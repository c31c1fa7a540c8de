import Testing

@testable import WebSockets

@Suite("Pins of public keys (RFC 7469 §2.4)")
struct PublicKeyPinTests {
    private static func hex(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    @Test(
        "SHA-256 has the values of FIPS 180-4",
        arguments: [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
            ),
            (
                "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
                "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"
            ),
        ])
    func vectors(text: String, wanted: String) {
        #expect(Self.hex(SHA256.hash(Array(text.utf8))) == wanted)
    }

    @Test("SHA-256 of every length around a block's end")
    func lengths() {
        // From Python's hashlib: the hash of the hashes of 0 to 200 bytes 'a'.
        let hashes = (0...200).flatMap { SHA256.hash([UInt8](repeating: 0x61, count: $0)) }
        #expect(Self.hex(SHA256.hash(hashes)) == "1be2d7d291484baf4c78d463a65b40a26c255b1946e5205eac8edad606a76fdd")
    }

    @Test("are read in three forms, and written in curl's")
    func forms() throws {
        let base64 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
        for text in ["sha256//\(base64)", "sha256/\(base64)", base64] {
            let pin = try PublicKeyPin(text)
            #expect(pin == PublicKeyPin(of: []))
            #expect("\(pin)" == "sha256//\(base64)")
        }
        #expect(try PublicKeyPin(sha256: SHA256.hash([])) == PublicKeyPin(of: []))
    }

    @Test(
        "are refused if they are not of 32 bytes",
        arguments: ["", "sha256//", "sha1//2jmj7l5rSw0yVb/vlWAYkK/YBwk=", "sha256//Zm9v", "sha256// ", "sha256//é"])
    func refuses(text: String) {
        #expect(throws: PublicKeyPin.Invalid.self) { try PublicKeyPin(text) }
        #expect(throws: PublicKeyPin.Invalid.self) { try PublicKeyPin(sha256: [UInt8](repeating: 0, count: 31)) }
    }
}
