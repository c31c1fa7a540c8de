import ArgumentParser
import Dispatch
import WebSockets

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Where and how a server listens, besides its host and port.
struct ListenerOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Certificate chain in PEM format, for TLS. Read again on SIGHUP.", valueName: "file"))
    var tlsCert: String?

    @Option(help: ArgumentHelp("Private key in PEM format, for TLS.", valueName: "file"))
    var tlsKey: String?

    @Option(
        help: ArgumentHelp(
            "Authorities in PEM format: clients must show a certificate that one of them has signed.",
            valueName: "file"))
    var tlsClientCa: String?

    @Option(help: ArgumentHelp("Listen on a Unix socket as well, without TLS.", valueName: "path"))
    var unix: String?

    func validate() throws {
        guard (self.tlsCert == nil) == (self.tlsKey == nil) else {
            throw ValidationError("--tls-cert and --tls-key go together")
        }
        guard self.tlsClientCa == nil || self.isSecure else {
            throw ValidationError("--tls-client-ca needs --tls-cert and --tls-key")
        }
    }

    var isSecure: Bool { self.tlsCert != nil }

    func listeners(host: String, port: Int) -> [WebSocketServer.Listener] {
        var tls: ServerTLS?
        if let certificate = self.tlsCert, let key = self.tlsKey {
            var settings = ServerTLS(certificateChain: certificate, privateKey: key)
            if let authorities = self.tlsClientCa {
                settings.clientCertificates = .required(authorities: .file(authorities))
            }
            tls = settings
        }
        return [.tcp(host: host, port: port, tls: tls)] + (self.unix.map { [.unix(path: $0)] } ?? [])
    }
}

extension Signals {
    /// From now on SIGHUP makes `server` read its certificates again, if it has any. Without them the signal ends the
    /// process, as it does when a terminal is closed.
    static func reloadTLSOnHangup(_ server: RunningServer) {
        guard server.speaksTLS else { return }
        signal(SIGHUP, SIG_IGN)
        let source = DispatchSource.makeSignalSource(signal: SIGHUP, queue: .global())
        source.setEventHandler {
            // Held by its own handler: it lives as long as the process.
            _ = source
            Task {
                // What is wrong with them has been logged.
                guard (try? await server.reloadTLS()) != nil else { return }
                Output.line("certificates reloaded")
            }
        }
        source.resume()
    }
}
