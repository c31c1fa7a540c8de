/// The parameters of one permessage-deflate element, checked as far as they can be on their own (RFC 7692 §7.1).
struct DeflateParameters {
    var serverNoContextTakeover = false
    var clientNoContextTakeover = false
    var serverMaxWindowBits: Int?
    /// In an offer, 15 where `client_max_window_bits` is named without a value.
    var clientMaxWindowBits: Int?
    /// Whether `client_max_window_bits` is there with a value.
    var clientWindowHasValue = false

    /// - Throws: ``HandshakeFault/invalidExtensionParameter(_:)`` for one that is unknown, repeated or has a wrong value.
    init(_ parameters: [ExtensionOffer.Parameter], isOffer: Bool) throws(HandshakeFault) {
        for parameter in parameters {
            let isValid: Bool
            switch parameter.name {
            case "server_no_context_takeover":
                isValid = parameter.value == nil && !self.serverNoContextTakeover
                self.serverNoContextTakeover = true
            case "client_no_context_takeover":
                isValid = parameter.value == nil && !self.clientNoContextTakeover
                self.clientNoContextTakeover = true
            case "server_max_window_bits":
                let bits = parameter.value.flatMap(Self.windowBits)
                isValid = bits != nil && self.serverMaxWindowBits == nil
                self.serverMaxWindowBits = bits
            case "client_max_window_bits":
                let bits = parameter.value.flatMap(Self.windowBits)
                isValid = (bits != nil || (isOffer && parameter.value == nil)) && self.clientMaxWindowBits == nil
                self.clientMaxWindowBits = bits ?? 15
                self.clientWindowHasValue = bits != nil
            default:
                isValid = false
            }
            guard isValid else { throw .invalidExtensionParameter(parameter.name) }
        }
    }

    /// A decimal number from 8 to 15 without leading zeros (RFC 7692 §7.1.2.1).
    private static func windowBits(_ text: String) -> Int? {
        (8...15).first { String($0) == text }
    }
}
