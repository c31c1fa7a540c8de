extension PerMessageDeflate.Configuration {
    /// The server's choice among what a client offers, and the element to answer with; `nil` if it declines all of it.
    ///
    /// Offers are looked at in the client's order of preference, and the first that can be met is taken
    /// (RFC 7692 §5). An offer with a parameter that is unknown, repeated or has a wrong value is declined, and so is
    /// one that has the server use a window of 8 bits: zlib cannot.
    public func response(
        to offers: [ExtensionOffer]
    ) -> (agreement: PerMessageDeflate.Agreement, response: ExtensionOffer)? {
        for offer in offers where offer.name == PerMessageDeflate.name {
            do throws(HandshakeFault) {
                let offered = try DeflateParameters(offer.parameters, isOffer: true)
                if offered.serverMaxWindowBits == 8 { continue }
                return self.response(to: offered)
            } catch {
                continue
            }
        }
        return nil
    }

    private func response(
        to offered: DeflateParameters
    ) -> (agreement: PerMessageDeflate.Agreement, response: ExtensionOffer) {
        let follows = self.followsOffer
        let agreement = PerMessageDeflate.Agreement(
            serverNoContextTakeover: offered.serverNoContextTakeover || !(follows || self.serverContextTakeover),
            clientNoContextTakeover: offered.clientNoContextTakeover || !(follows || self.clientContextTakeover),
            serverMaxWindowBits: min(offered.serverMaxWindowBits ?? 15, follows ? 15 : self.serverMaxWindowBits),
            // Only a client that names the parameter can be told which window to use (RFC 7692 §7.1.2.2).
            clientMaxWindowBits: offered.clientMaxWindowBits.map { min($0, follows ? 15 : self.clientMaxWindowBits) }
                ?? 15)

        var response = ExtensionOffer(PerMessageDeflate.name)
        if agreement.serverNoContextTakeover { response.parameters.append(.init("server_no_context_takeover")) }
        if agreement.clientNoContextTakeover { response.parameters.append(.init("client_no_context_takeover")) }
        if offered.serverMaxWindowBits != nil || agreement.serverMaxWindowBits < 15 {
            response.parameters.append(.init("server_max_window_bits", String(agreement.serverMaxWindowBits)))
        }
        if offered.clientWindowHasValue || agreement.clientMaxWindowBits < 15 {
            response.parameters.append(.init("client_max_window_bits", String(agreement.clientMaxWindowBits)))
        }
        return (agreement, response)
    }

    /// What a client with these wishes offers (RFC 7692 §7.1).
    ///
    /// It always lets the server limit the client's window, since it costs nothing and other servers rely on it.
    public var offer: ExtensionOffer {
        var offer = ExtensionOffer(PerMessageDeflate.name)
        if !self.serverContextTakeover { offer.parameters.append(.init("server_no_context_takeover")) }
        if !self.clientContextTakeover { offer.parameters.append(.init("client_no_context_takeover")) }
        if self.serverMaxWindowBits < 15 {
            offer.parameters.append(.init("server_max_window_bits", String(self.serverMaxWindowBits)))
        }
        let clientBits = self.clientMaxWindowBits < 15 ? String(self.clientMaxWindowBits) : nil
        offer.parameters.append(.init("client_max_window_bits", clientBits))
        return offer
    }

    /// What a server agreed to, as the client that has sent ``offer`` sees it.
    ///
    /// - Parameter response: the server's element for this extension.
    /// - Throws: ``HandshakeFault/invalidExtensionParameter(_:)`` for a parameter that is unknown, repeated, has a wrong
    ///   value or more than was offered, or is missing although it was asked for (RFC 7692 §7.1).
    public func agreement(
        from response: ExtensionOffer
    ) throws(HandshakeFault) -> PerMessageDeflate.Agreement {
        let chosen = try DeflateParameters(response.parameters, isOffer: false)
        if !self.serverContextTakeover, !chosen.serverNoContextTakeover {
            throw .invalidExtensionParameter("server_no_context_takeover")
        }
        guard chosen.serverMaxWindowBits ?? 15 <= self.serverMaxWindowBits else {
            throw .invalidExtensionParameter("server_max_window_bits")
        }
        guard chosen.clientMaxWindowBits ?? 0 <= self.clientMaxWindowBits else {
            throw .invalidExtensionParameter("client_max_window_bits")
        }
        return PerMessageDeflate.Agreement(
            serverNoContextTakeover: chosen.serverNoContextTakeover,
            // The client may drop its window unasked; nobody notices (RFC 7692 §7.1.1.2).
            clientNoContextTakeover: chosen.clientNoContextTakeover || !self.clientContextTakeover,
            serverMaxWindowBits: chosen.serverMaxWindowBits ?? 15,
            clientMaxWindowBits: chosen.clientMaxWindowBits ?? self.clientMaxWindowBits)
    }
}
