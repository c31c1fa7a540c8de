import Testing
import WebSocketCore

@Suite("RFC 7692 §5 Extension negotiation, §7 permessage-deflate, §7.1 Method parameters")
struct Section5Negotiation {
    /// Everything a server can allow.
    private static let generous = PerMessageDeflate.Configuration(
        serverContextTakeover: true, clientContextTakeover: true)

    private static func response(
        _ offers: String, _ configuration: PerMessageDeflate.Configuration = generous
    ) throws -> (text: String, agreement: PerMessageDeflate.Agreement)? {
        try configuration.response(to: ExtensionOffer.parse([offers])).map { ($0.response.description, $0.agreement) }
    }

    private static func agreement(
        _ response: String, _ configuration: PerMessageDeflate.Configuration = generous
    ) throws -> PerMessageDeflate.Agreement? {
        guard let element = try ExtensionOffer.parse([response]).first else { return nil }
        return try? configuration.agreement(from: element)
    }

    @Test(
        "A server MUST decline an offer with an unknown parameter, a repeated one or an invalid value (§7)",
        arguments: [
            "unknown", "server_no_context_takeover=1", "server_no_context_takeover; server_no_context_takeover",
            "client_no_context_takeover=true", "client_no_context_takeover; client_no_context_takeover",
            "server_max_window_bits", "server_max_window_bits=7", "server_max_window_bits=16",
            "server_max_window_bits=010",
            "server_max_window_bits=+10", "server_max_window_bits=1e1",
            "server_max_window_bits=10; server_max_window_bits=10",
            "client_max_window_bits=7", "client_max_window_bits=16", "client_max_window_bits=08",
            "client_max_window_bits=-9",
            "client_max_window_bits=99999999999999999999", "client_max_window_bits; client_max_window_bits",
            "server_no_context_takeover; unknown=5", "SERVER_max_window_bits=abc",
        ])
    func declined(parameters: String) throws {
        let chosen = try Self.response("permessage-deflate; \(parameters)")
        #expect(chosen == nil)
        // The next offer is looked at for itself.
        let next = try Self.response("permessage-deflate; \(parameters), permessage-deflate")
        #expect(next?.text == "permessage-deflate")
    }

    @Test("A server takes the first offer that it can meet, in the client's order (§5)")
    func order() throws {
        let chosen = try Self.response(
            "permessage-deflate; server_max_window_bits=8, permessage-deflate; server_max_window_bits=10, permessage-deflate"
        )
        #expect(chosen?.agreement.serverMaxWindowBits == 10)
        #expect(chosen?.text == "permessage-deflate; server_max_window_bits=10")
    }

    @Test("server_no_context_takeover that was offered and accepted stands in the response (§7.1.1.1)")
    func serverNoContextTakeover() throws {
        let asked = try Self.response("permessage-deflate; server_no_context_takeover")
        #expect(asked?.text == "permessage-deflate; server_no_context_takeover")
        #expect(asked?.agreement.serverNoContextTakeover == true)
        let free = try Self.response("permessage-deflate")
        #expect(free?.agreement.serverNoContextTakeover == false)
        // A server may add it unasked.
        let thrifty = try Self.response("permessage-deflate", .init())
        #expect(thrifty?.agreement.serverNoContextTakeover == true)
        #expect(thrifty?.text.contains("server_no_context_takeover") == true)
    }

    @Test("client_no_context_takeover of a response binds the client (§7.1.1.2)")
    func clientNoContextTakeover() throws {
        let asked = try Self.response(
            "permessage-deflate; client_no_context_takeover", .init(clientContextTakeover: false))
        #expect(asked?.text.contains("client_no_context_takeover") == true)
        #expect(try Self.agreement("permessage-deflate; client_no_context_takeover")?.clientNoContextTakeover == true)
        #expect(try Self.agreement("permessage-deflate")?.clientNoContextTakeover == false)
    }

    @Test("server_max_window_bits of the response is at most what was offered (§7.1.2.1)", arguments: 9...15)
    func serverMaxWindowBits(bits: Int) throws {
        let chosen = try Self.response("permessage-deflate; server_max_window_bits=\(bits)")
        #expect(chosen?.agreement.serverMaxWindowBits == bits)
        #expect(chosen?.text == "permessage-deflate; server_max_window_bits=\(bits)")
        let client = PerMessageDeflate.Configuration(
            serverContextTakeover: true, clientContextTakeover: true, serverMaxWindowBits: bits)
        for answered in 8...15 {
            let agreement = try Self.agreement("permessage-deflate; server_max_window_bits=\(answered)", client)
            #expect(agreement?.serverMaxWindowBits == (answered <= bits ? answered : nil))
        }
        #expect(try Self.agreement("permessage-deflate", client)?.serverMaxWindowBits == (bits == 15 ? 15 : nil))
    }

    @Test("A server may limit its own window unasked (§7.1.2.1)")
    func unaskedServerWindow() throws {
        let chosen = try Self.response(
            "permessage-deflate",
            .init(serverContextTakeover: true, clientContextTakeover: true, serverMaxWindowBits: 11))
        #expect(chosen?.text == "permessage-deflate; server_max_window_bits=11")
        #expect(try Self.agreement("permessage-deflate; server_max_window_bits=11")?.serverMaxWindowBits == 11)
    }

    @Test("client_max_window_bits stands in a response only if it was offered (§7.1.2.2)")
    func clientMaxWindowBits() throws {
        let narrow = PerMessageDeflate.Configuration(
            serverContextTakeover: true, clientContextTakeover: true, clientMaxWindowBits: 10)
        let notOffered = try Self.response("permessage-deflate", narrow)
        #expect(notOffered?.text == "permessage-deflate")
        #expect(notOffered?.agreement.clientMaxWindowBits == 15)
        let offered = try Self.response("permessage-deflate; client_max_window_bits", narrow)
        #expect(offered?.text == "permessage-deflate; client_max_window_bits=10")
        #expect(offered?.agreement.clientMaxWindowBits == 10)
        let smaller = try Self.response("permessage-deflate; client_max_window_bits=9", narrow)
        #expect(smaller?.agreement.clientMaxWindowBits == 9)
        let larger = try Self.response("permessage-deflate; client_max_window_bits=12", narrow)
        #expect(larger?.agreement.clientMaxWindowBits == 10)
    }

    @Test("In a response client_max_window_bits has a value, at most the offered one (§7.1.2.2)")
    func clientMaxWindowBitsOfResponse() throws {
        let client = PerMessageDeflate.Configuration(
            serverContextTakeover: true, clientContextTakeover: true, clientMaxWindowBits: 12)
        #expect(try Self.agreement("permessage-deflate; client_max_window_bits", client) == nil)
        #expect(try Self.agreement("permessage-deflate; client_max_window_bits=13", client) == nil)
        #expect(try Self.agreement("permessage-deflate; client_max_window_bits=12", client)?.clientMaxWindowBits == 12)
        #expect(try Self.agreement("permessage-deflate; client_max_window_bits=9", client)?.clientMaxWindowBits == 9)
        #expect(try Self.agreement("permessage-deflate", client)?.clientMaxWindowBits == 12)
    }

    @Test(
        "A client MUST fail the connection for an unknown, repeated or invalid parameter of a response (§7)",
        arguments: [
            "unknown", "server_no_context_takeover=1", "server_no_context_takeover; server_no_context_takeover",
            "client_no_context_takeover=x", "server_max_window_bits", "server_max_window_bits=7",
            "server_max_window_bits=16",
            "server_max_window_bits=09", "client_max_window_bits", "client_max_window_bits=0",
            "client_max_window_bits=16",
            "client_max_window_bits=10; client_max_window_bits=10",
        ])
    func refusedResponse(parameters: String) throws {
        #expect(try Self.agreement("permessage-deflate; \(parameters)") == nil)
        #expect(try Self.agreement("permessage-deflate") != nil)
    }

    @Test("A client that asked for server_no_context_takeover does not go without it (§7.1.1.1)")
    func missingServerNoContextTakeover() throws {
        #expect(try Self.agreement("permessage-deflate", .init()) == nil)
        #expect(try Self.agreement("permessage-deflate; server_no_context_takeover", .init()) != nil)
    }

    @Test(
        "An offer that has the server use 8 bits is declined; a response that has the client use 8 is met uncompressed")
    func eightBits() throws {
        let declined = try Self.response("permessage-deflate; server_max_window_bits=8")
        #expect(declined == nil)
        let client = try Self.response("permessage-deflate; client_max_window_bits=8")
        #expect(client?.agreement.clientMaxWindowBits == 8)
        let agreement = try #require(try Self.agreement("permessage-deflate; client_max_window_bits=8"))
        #expect(!agreement.canCompress(as: .client) && agreement.canCompress(as: .server))
    }

    @Test("Every server's answer to a client's offer is one that the client understands, in the same way (§7.1)")
    func together() throws {
        var configurations: [PerMessageDeflate.Configuration] = []
        for takeover in 0..<4 {
            for bits in [9, 12, 15] {
                for clientBits in [9, 12, 15] {
                    configurations.append(
                        .init(
                            serverContextTakeover: takeover & 1 != 0, clientContextTakeover: takeover & 2 != 0,
                            serverMaxWindowBits: bits, clientMaxWindowBits: clientBits))
                }
            }
        }
        for client in configurations {
            for server in configurations {
                let chosen = try #require(server.response(to: [client.offer]))
                let seen = try client.agreement(from: chosen.response)
                // Each end knows what the other may do; it may itself do with less than it has agreed to.
                #expect(seen.serverMaxWindowBits == chosen.agreement.serverMaxWindowBits)
                #expect(seen.serverNoContextTakeover == chosen.agreement.serverNoContextTakeover)
                #expect(seen.clientMaxWindowBits <= chosen.agreement.clientMaxWindowBits)
                #expect(seen.clientNoContextTakeover || !chosen.agreement.clientNoContextTakeover)
            }
        }
    }
}
