import ArgumentParser
import Foundation
import WebSockets

/// What may stand between a client and its server, as curl names it.
struct ConnectionOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Proxy: http://[USER:PASSWORD@]HOST:PORT or socks5://…; an empty one is none. (default: https_proxy, "
                + "http_proxy or all_proxy of the environment)",
            valueName: "url"))
    var proxy: String?

    @Option(
        help: ArgumentHelp(
            "Hosts, addresses and networks to reach without proxy, between commas; * is all. (default: no_proxy of the "
                + "environment)",
            valueName: "hosts"))
    var noProxy: String?

    @Option(help: "Redirects to follow.")
    var maxRedirects = 0

    @Option(
        help: ArgumentHelp(
            "Connect to these addresses instead of the host's; may be repeated.", valueName: "host:port:address,…"),
        transform: { text in
            do { return try HostOverride(text) } catch { throw ValidationError("\(error)") }
        })
    var resolve: [HostOverride] = []

    @Option(
        help: ArgumentHelp("Connect to this socket in the file system.", valueName: "path"), completion: .file())
    var unix: String?

    @Option(
        help: ArgumentHelp(
            "Accept only a server with this public key; may be repeated.", valueName: "sha256//base64"),
        transform: { text in
            do { return try PublicKeyPin(text) } catch { throw ValidationError("\(error)") }
        })
    var pin: [PublicKeyPin] = []

    @Option(
        help: ArgumentHelp("The client's certificate, in PEM format, with the intermediate ones.", valueName: "file"),
        completion: .file())
    var cert: String?

    @Option(
        help: ArgumentHelp("Its key, in PEM format. (default: in the file of --cert)", valueName: "file"),
        completion: .file())
    var key: String?

    @Option(
        help: ArgumentHelp("A file whose first line is the passphrase of the key.", valueName: "file"),
        completion: .file())
    var passphraseFile: String?

    @Option(
        help: ArgumentHelp(
            "The name that the server's certificate must have. (default: the URL's host)", valueName: "name"))
    var serverName: String?

    func validate() throws {
        guard self.maxRedirects >= 0 else { throw ValidationError("--max-redirects must not be negative") }
        if self.cert == nil, self.key != nil { throw ValidationError("--key needs --cert") }
        if self.cert == nil, self.passphraseFile != nil { throw ValidationError("--passphrase-file needs --cert") }
    }

    /// - Throws: `Failure` for a proxy that is none, or a passphrase that cannot be read.
    func apply(to configuration: inout WebSocketClient.Configuration) throws {
        configuration.proxy = try self.proxySettings()
        configuration.maxRedirects = self.maxRedirects
        configuration.hostOverrides = self.resolve
        configuration.unixSocketPath = self.unix
        configuration.tls.pins = self.pin
        configuration.tls.serverName = self.serverName
        if let cert {
            configuration.tls.identity = ClientTLS.Identity(
                certificateChain: .file(cert), privateKey: .file(self.key ?? cert), passphrase: try self.passphrase())
        }
    }

    private func proxySettings() throws -> ProxySettings {
        var settings: ProxySettings
        if let proxy {
            do { settings = ProxySettings(proxy.isEmpty ? nil : try Proxy(proxy)) } catch {
                throw Failure("--proxy: \(error)")
            }
        } else {
            do { settings = try ProxySettings(environment: ProcessInfo.processInfo.environment) } catch {
                throw Failure("\(error)")
            }
        }
        if let noProxy { settings.bypass = ProxyBypass(noProxy) }
        return settings
    }

    private func passphrase() throws -> String? {
        guard let passphraseFile else { return nil }
        do {
            let text = try String(contentsOfFile: passphraseFile, encoding: .utf8)
            return String(text.prefix { !$0.isNewline })
        } catch {
            throw Failure("--passphrase-file: \(passphraseFile) cannot be read")
        }
    }
}
