public import WebSocketCore

/// Through which proxies a client connects.
///
///     configuration.proxy = ProxySettings(try Proxy("socks5://127.0.0.1:1080"), bypass: ["localhost", "10.0.0.0/8"])
///     configuration.proxy = try ProxySettings(environment: ProcessInfo.processInfo.environment)
public struct ProxySettings: Sendable, Hashable {
    /// The proxy for `ws`; `nil` for none.
    public var ws: Proxy?

    /// The proxy for `wss`; `nil` for none.
    public var wss: Proxy?

    /// To which servers the client connects directly all the same.
    public var bypass: ProxyBypass

    /// One proxy for all servers that `bypass` does not name.
    ///
    /// - Parameters:
    ///   - proxy: the proxy; `nil`, the default, for none.
    ///   - bypass: what is connected to directly. Default: nothing.
    public init(_ proxy: Proxy? = nil, bypass: ProxyBypass = []) {
        self.ws = proxy
        self.wss = proxy
        self.bypass = bypass
    }

    /// Reads `https_proxy` (for `wss`), `http_proxy` (for `ws`), `all_proxy` (where the one before is missing) and `no_proxy`.
    ///
    /// A name in lower case comes before the same in upper case, and an empty value is as good as none. `HTTP_PROXY` in upper
    /// case is ignored: a web server hands a request's field `Proxy` to the programs it runs under that name (httpoxy). So
    /// does curl.
    /// - Parameter environment: variables and their values, such as `ProcessInfo.processInfo.environment`.
    /// - Throws: ``InvalidVariable`` for a variable whose value is no proxy.
    public init(environment: [String: String]) throws(InvalidVariable) {
        let all = try Self.proxy(["all_proxy", "ALL_PROXY"], in: environment)
        self.ws = try Self.proxy(["http_proxy"], in: environment) ?? all
        self.wss = try Self.proxy(["https_proxy", "HTTPS_PROXY"], in: environment) ?? all
        self.bypass = ProxyBypass(Self.value(["no_proxy", "NO_PROXY"], in: environment)?.value ?? "")
    }

    /// An environment variable whose value is no proxy.
    public struct InvalidVariable: Error, Sendable, Hashable, CustomStringConvertible {
        /// The name of the variable.
        public let name: String
        /// What is wrong with its value.
        public let reason: Proxy.Invalid

        public var description: String { "the environment variable \(self.name): \(self.reason)" }
    }

    /// The proxy for a server; `nil` if it is connected to directly.
    public func proxy(for url: WebSocketURL) -> Proxy? {
        guard let proxy = url.isSecure ? self.wss : self.ws else { return nil }
        return self.bypass.contains(host: url.host, port: url.port) ? nil : proxy
    }

    private static func value(_ names: [String], in environment: [String: String]) -> (name: String, value: String)? {
        for name in names {
            if let value = environment[name], !value.isEmpty { return (name, value) }
        }
        return nil
    }

    private static func proxy(
        _ names: [String], in environment: [String: String]
    ) throws(InvalidVariable) -> Proxy? {
        guard let (name, value) = Self.value(names, in: environment) else { return nil }
        do throws(Proxy.Invalid) {
            return try Proxy(value)
        } catch {
            throw InvalidVariable(name: name, reason: error)
        }
    }
}
