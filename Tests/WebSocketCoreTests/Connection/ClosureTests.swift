import Testing

@testable import WebSocketCore

@Suite("How a connection ended, in words")
struct ClosureTests {
    @Test(
        "What the peer gives as a reason stays in the line that quotes it",
        arguments: [
            ("bye", "bye"), ("a\r\nb", "a\u{FFFD}\u{FFFD}b"), ("\u{1B}[2J", "\u{FFFD}[2J"), ("a\0b", "a\u{FFFD}b"),
            ("a\u{2028}b\u{2029}c", "a\u{FFFD}b\u{FFFD}c"), ("a\u{85}b", "a\u{FFFD}b"),
            ("\u{202E}evil", "\u{FFFD}evil"),
            ("Grüße, 漢字 🪁", "Grüße, 漢字 🪁"),
        ])
    func reason(reason: String, quoted: String) {
        let closure = Closure(
            ending: .clean, initiator: .peer, sent: nil, received: Close(.normal, reason: reason))
        // As bytes: strings of other bytes can be equal.
        #expect(Array(closure.description.utf8) == Array("closed by the peer 1000 (\(quoted))".utf8))
        #expect(closure.reason == reason)
    }

    @Test("A quoted text has at most 64 characters, however they are made")
    func excerpt() {
        #expect(String(repeating: "x", count: 64).excerpt.count == 64)
        #expect(String(repeating: "x", count: 65).excerpt == String(repeating: "x", count: 64) + "…")
        // One character for a reader, and a megabyte.
        let combined = "a" + String(repeating: "\u{301}", count: 500_000)
        #expect(combined.excerpt.utf8.count < 200)
    }
}
