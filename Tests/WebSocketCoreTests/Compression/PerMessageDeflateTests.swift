import Testing

@testable import WebSocketCore

@Suite("What permessage-deflate can be set to (RFC 7692 §7.1)")
struct PerMessageDeflateTests {
    @Test(
        "values out of range become the nearest one",
        arguments: [
            (Int.min, 1, 9, 0), (0, 1, 9, 0), (1, 1, 9, 1), (8, 8, 9, 8), (9, 9, 9, 9), (10, 9, 10, 10),
            (15, 9, 15, 15),
            (16, 9, 15, 16), (Int.max, 9, 15, Int.max),
        ])
    func clamping(value: Int, level: Int, windowBits: Int, minimumBytes: Int) {
        let configuration = PerMessageDeflate.Configuration(
            level: value, serverMaxWindowBits: value, clientMaxWindowBits: value, memoryLevel: value,
            minimumBytes: value)
        #expect(configuration.level == level)
        #expect(configuration.memoryLevel == level)
        #expect(configuration.serverMaxWindowBits == windowBits)
        #expect(configuration.clientMaxWindowBits == windowBits)
        #expect(configuration.minimumBytes == minimumBytes)
    }

    @Test("defaults")
    func defaults() {
        let configuration = PerMessageDeflate.Configuration()
        #expect(configuration.level == 1)
        #expect(configuration.memoryLevel == 8)
        #expect(configuration.minimumBytes == 1024)
        #expect(!configuration.serverContextTakeover)
        #expect(!configuration.clientContextTakeover)
        #expect(!configuration.followsOffer)
        #expect(configuration.serverMaxWindowBits == 15)
        #expect(configuration.clientMaxWindowBits == 15)
    }

    @Test(
        "a window of 8 bits cannot be made",
        arguments: [
            (Int.min, 8, 15, false, true), (8, 8, 8, false, false), (8, 8, 9, false, true), (9, 9, 8, true, false),
            (15, 15, Int.max, true, true),
        ])
    func canCompress(server: Int, kept: Int, client: Int, serverCan: Bool, clientCan: Bool) {
        let agreement = PerMessageDeflate.Agreement(serverMaxWindowBits: server, clientMaxWindowBits: client)
        #expect(agreement.serverMaxWindowBits == kept)
        #expect(agreement.canCompress(as: .server) == serverCan)
        #expect(agreement.canCompress(as: .client) == clientCan)
    }
}
