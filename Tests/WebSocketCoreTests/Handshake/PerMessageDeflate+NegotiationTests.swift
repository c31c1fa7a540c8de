import Testing

@testable import WebSocketCore

@Suite("Negotiating permessage-deflate (RFC 7692 §5, §7.1)")
struct PerMessageDeflateNegotiationTests {
    typealias Configuration = PerMessageDeflate.Configuration
    typealias Agreement = PerMessageDeflate.Agreement

    static let takeover = Configuration(serverContextTakeover: true, clientContextTakeover: true)
    static let small = Configuration(
        serverContextTakeover: true, clientContextTakeover: true, serverMaxWindowBits: 10, clientMaxWindowBits: 11)
    static let follows = Configuration(serverMaxWindowBits: 9, clientMaxWindowBits: 9, followsOffer: true)
    static let none = "; server_no_context_takeover; client_no_context_takeover"

    @Test(
        "a server answers each offer as its configuration says",
        arguments: [
            // By default there is no context takeover, which a server may decide (§7.1.1).
            (Configuration(), "", none, Agreement(serverNoContextTakeover: true, clientNoContextTakeover: true)),
            (
                Configuration(), "; client_max_window_bits", none,
                Agreement(serverNoContextTakeover: true, clientNoContextTakeover: true)
            ),
            (takeover, "", "", Agreement()),
            (takeover, "; client_max_window_bits", "", Agreement()),
            // What a client asks of the server's window is granted and repeated (§7.1.1.1, §7.1.2.1).
            (
                takeover, "; server_no_context_takeover", "; server_no_context_takeover",
                Agreement(serverNoContextTakeover: true)
            ),
            (
                takeover, "; client_no_context_takeover", "; client_no_context_takeover",
                Agreement(clientNoContextTakeover: true)
            ),
            (takeover, "; server_max_window_bits=9", "; server_max_window_bits=9", Agreement(serverMaxWindowBits: 9)),
            (
                takeover, "; server_max_window_bits=\"10\"", "; server_max_window_bits=10",
                Agreement(serverMaxWindowBits: 10)
            ),
            (takeover, "; server_max_window_bits=15", "; server_max_window_bits=15", Agreement()),
            // The client's window is limited only if it has named the parameter (§7.1.2.2).
            (small, "", "; server_max_window_bits=10", Agreement(serverMaxWindowBits: 10)),
            (
                small, "; client_max_window_bits", "; server_max_window_bits=10; client_max_window_bits=11",
                Agreement(serverMaxWindowBits: 10, clientMaxWindowBits: 11)
            ),
            (
                small, "; client_max_window_bits=9; server_max_window_bits=15",
                "; server_max_window_bits=10; client_max_window_bits=9",
                Agreement(serverMaxWindowBits: 10, clientMaxWindowBits: 9)
            ),
            (takeover, "; client_max_window_bits=15", "; client_max_window_bits=15", Agreement()),
            // A client that keeps to 8 bits can be read with any window.
            (takeover, "; client_max_window_bits=8", "; client_max_window_bits=8", Agreement(clientMaxWindowBits: 8)),
            // What a conformance test offers is what it gets.
            (follows, "", "", Agreement()),
            (follows, none, none, Agreement(serverNoContextTakeover: true, clientNoContextTakeover: true)),
            (
                follows, "; client_max_window_bits=12; server_max_window_bits=13",
                "; server_max_window_bits=13; client_max_window_bits=12",
                Agreement(serverMaxWindowBits: 13, clientMaxWindowBits: 12)
            ),
            (follows, "; client_max_window_bits", "", Agreement()),
        ])
    func server(configuration: Configuration, offer: String, response: String, agreement: Agreement) throws {
        let offers = try ExtensionOffer.parse(["permessage-deflate\(offer)"])
        let choice = try #require(configuration.response(to: offers))
        #expect(choice.response.description == "permessage-deflate\(response)")
        #expect(choice.agreement == agreement)
    }

    static let wrong = [
        "; unknown", "; unknown=1", "; constructor", "; server_no_context_takeover=1",
        "; client_no_context_takeover=true",
        "; server_no_context_takeover; server_no_context_takeover",
        "; client_no_context_takeover; client_no_context_takeover",
        "; server_max_window_bits", "; server_max_window_bits=7", "; server_max_window_bits=16",
        "; server_max_window_bits=0", "; server_max_window_bits=09", "; server_max_window_bits=+9",
        "; server_max_window_bits=-9", "; server_max_window_bits=1e1", "; server_max_window_bits=99999999999999999999",
        "; server_max_window_bits=10; server_max_window_bits=10", "; client_max_window_bits=7",
        "; client_max_window_bits=16", "; client_max_window_bits=010", "; client_max_window_bits=x",
        "; client_max_window_bits=10; client_max_window_bits", "; client_max_window_bits; client_max_window_bits",
        "; Server_No_Context_Takeover",
    ]

    @Test(
        "a server declines what it does not understand, and takes the next (§7)",
        arguments: wrong + [
            "; server_max_window_bits=8", "; server_max_window_bits=8; client_max_window_bits",
        ])
    func declines(offer: String) throws {
        let offers = try ExtensionOffer.parse(["permessage-deflate\(offer)"])
        for configuration in [Configuration(), Self.takeover, Self.small, Self.follows] {
            #expect(configuration.response(to: offers) == nil)
            let next = try ExtensionOffer.parse(["permessage-deflate\(offer), x, permessage-deflate"])
            #expect(configuration.response(to: next) != nil)
        }
    }

    @Test("a server takes the first offer that it can meet")
    func preference() throws {
        let offers = try ExtensionOffer.parse([
            "permessage-bzip2", "permessage-deflate; server_max_window_bits=8",
            "permessage-deflate; server_max_window_bits=12, permessage-deflate; server_max_window_bits=9",
        ])
        #expect(Self.takeover.response(to: offers)?.agreement.serverMaxWindowBits == 12)
        #expect(Self.takeover.response(to: []) == nil)
        #expect(Self.takeover.response(to: [ExtensionOffer("Permessage-Deflate")]) == nil)
    }

    @Test(
        "a client offers what it wishes",
        arguments: [
            (Configuration(), "permessage-deflate\(none); client_max_window_bits"),
            (takeover, "permessage-deflate; client_max_window_bits"),
            (small, "permessage-deflate; server_max_window_bits=10; client_max_window_bits=11"),
        ])
    func offer(configuration: Configuration, text: String) {
        #expect(configuration.offer.description == text)
    }

    @Test(
        "a client accepts an answer within its offer",
        arguments: [
            (takeover, "", Agreement()),
            (takeover, none, Agreement(serverNoContextTakeover: true, clientNoContextTakeover: true)),
            (takeover, "; server_max_window_bits=8", Agreement(serverMaxWindowBits: 8)),
            (takeover, "; client_max_window_bits=15", Agreement()),
            (takeover, "; client_max_window_bits=8", Agreement(clientMaxWindowBits: 8)),
            (small, "; server_max_window_bits=10", Agreement(serverMaxWindowBits: 10, clientMaxWindowBits: 11)),
            (
                small, "; server_max_window_bits=9; client_max_window_bits=\"9\"",
                Agreement(serverMaxWindowBits: 9, clientMaxWindowBits: 9)
            ),
            // The client keeps no window although the server would let it.
            (
                Configuration(), "; server_no_context_takeover",
                Agreement(serverNoContextTakeover: true, clientNoContextTakeover: true)
            ),
        ])
    func client(configuration: Configuration, response: String, agreement: Agreement) throws {
        let element = try #require(try ExtensionOffer.parse(["permessage-deflate\(response)"]).first)
        #expect(try configuration.agreement(from: element) == agreement)
    }

    @Test(
        "a client fails on an answer beyond its offer",
        arguments: [
            (Configuration(), "", "server_no_context_takeover"),
            (small, "", "server_max_window_bits"),
            (small, "; server_max_window_bits=11", "server_max_window_bits"),
            (small, "; server_max_window_bits=10; client_max_window_bits=12", "client_max_window_bits"),
            (takeover, "; client_max_window_bits", "client_max_window_bits"),
        ])
    func clientFails(configuration: Configuration, response: String, parameter: String) throws {
        let element = try #require(try ExtensionOffer.parse(["permessage-deflate\(response)"]).first)
        #expect(throws: HandshakeFault.invalidExtensionParameter(parameter)) {
            try configuration.agreement(from: element)
        }
    }

    @Test("a client fails on what it does not understand (§7)", arguments: wrong)
    func clientRefuses(response: String) throws {
        let element = try #require(try ExtensionOffer.parse(["permessage-deflate\(response)"]).first)
        #expect(throws: HandshakeFault.self) { try Self.takeover.agreement(from: element) }
    }

    @Test("both ends agree on the same, for every pair of configurations")
    func bothEnds() throws {
        var configurations: [Configuration] = []
        for bits in [9, 12, 15] {
            for other in [9, 13, 15] {
                for takeover in [0, 1, 2, 3] {
                    configurations.append(
                        Configuration(
                            serverContextTakeover: takeover & 1 == 1, clientContextTakeover: takeover & 2 == 2,
                            serverMaxWindowBits: bits, clientMaxWindowBits: other))
                }
            }
        }
        for client in configurations {
            for server in configurations {
                let offers = try ExtensionOffer.parse([client.offer.description])
                let choice = try #require(server.response(to: offers))
                let answer = try #require(try ExtensionOffer.parse([choice.response.description]).first)
                #expect(try client.agreement(from: answer) == choice.agreement)
            }
        }
    }
}
