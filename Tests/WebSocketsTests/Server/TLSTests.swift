import Foundation
import Logging
import NIOCore
import NIOSSL
import Testing
import WebSocketCore
import WebSocketTesting

@testable import WebSockets

@Suite("TLS of a server")
struct TLSTests {
    #if os(Linux)
    static let transports = [Transport.linux, .portable]
    #else
    static let transports = [Transport.portable]
    #endif

    private static func serial(_ certificate: TestCertificate) throws -> [UInt8] {
        try NIOSSLCertificate(bytes: Array(certificate.certificate.utf8), format: .pem).serialNumber
    }

    /// The serial number that a new connection is shown.
    private static func serial(at port: Int) async throws -> [UInt8]? {
        let connection = try await RawConnection.connect(to: port, tls: { _ in })
        let serial = try await connection.serverCertificate?.serialNumber
        try await connection.close()
        return serial
    }

    // MARK: Reload

    @Test("A reload drops nobody, and new handshakes show the new certificate", arguments: Self.transports)
    func reload(transport: Transport) async throws {
        let serials = [try Self.serial(.local), try Self.serial(.other)]
        try await TestCertificate.local.withFiles { files in
            let server = WebSocketServer.echoing {
                $0.transport = transport
                $0.tls = files.tls
                $0.socket.keepAlive = nil
            }
            try await server.whileRunning { running in
                var peers: [RawConnection] = []
                for _ in 0..<24 {
                    let peer = try await RawConnection.connect(to: running.port, tls: { _ in })
                    #expect(try await peer.upgrade("/echo").status == 101)
                    peers.append(peer)
                }
                for round in 1...20 {
                    let certificate = round.isMultiple(of: 2) ? TestCertificate.local : .other
                    try certificate.write(to: files)
                    try await running.reloadTLS()
                    #expect(try await Self.serial(at: running.port) == serials[round % 2])
                    let peer = peers[round]
                    try await peer.send(FrameBytes.text("round \(round)"))
                    #expect(try await peer.readFrame() == .text("round \(round)"))
                }
                for peer in peers {
                    try await peer.send(FrameBytes.text("still here"))
                    #expect(try await peer.readFrame() == .text("still here"))
                    try await peer.close()
                }
            }
        }
    }

    @Test(
        "A reload of what is not right changes nothing, throws and logs",
        arguments: ["", "no certificate", "key of another", "no file"])
    func badReload(what: String) async throws {
        let log = LogLines()
        try await TestCertificate.local.withFiles { files in
            let server = WebSocketServer.echoing {
                $0.tls = files.tls
                $0.logger = Logger(label: "test") { _ in LogLines.Handler(lines: log) }
                $0.logger.logLevel = .error
            }
            try await server.whileRunning { running in
                switch what {
                case "no file": try FileManager.default.removeItem(atPath: files.certificateChain)
                case "key of another":
                    try TestCertificate.other.key.write(toFile: files.privateKey, atomically: false, encoding: .utf8)
                default: try what.write(toFile: files.certificateChain, atomically: false, encoding: .utf8)
                }
                await #expect(throws: TLSConfigurationError.self) { try await running.reloadTLS() }
                #expect(
                    log.all.count { $0.contains(files.certificateChain) && $0.contains("TLS was not reloaded") } == 1)
                #expect(try await Self.serial(at: running.port) == Self.serial(.local))
                // And when all is well again, it goes on.
                try TestCertificate.other.write(to: files)
                try await running.reloadTLS()
                #expect(try await Self.serial(at: running.port) == Self.serial(.other))
            }
        }
    }

    @Test("Files that are watched are reloaded when they have changed, good ones only")
    func watch() async throws {
        let log = LogLines()
        try await TestCertificate.local.withFiles { files in
            let server = WebSocketServer.echoing {
                var tls = files.tls
                tls.watchInterval = .milliseconds(1)
                $0.tls = tls
                $0.logger = Logger(label: "test") { _ in LogLines.Handler(lines: log) }
                $0.logger.logLevel = .error
            }
            try await server.whileRunning { running in
                try "rubbish".write(toFile: files.certificateChain, atomically: true, encoding: .utf8)
                try await eventually("the failure to be logged") { log.all.contains { $0.contains("not reloaded") } }
                #expect(try await Self.serial(at: running.port) == Self.serial(.local))
                try TestCertificate.other.write(to: files)
                try await eventually("the new certificate") {
                    try await Self.serial(at: running.port) == Self.serial(.other)
                }
            }
        }
    }

    @Test("Certificates in memory, and others instead of them")
    func memory() async throws {
        let server = WebSocketServer.echoing { $0.tls = TestCertificate.local.tlsInMemory }
        try await server.whileRunning { running in
            #expect(try await Self.serial(at: running.port) == Self.serial(.local))
            try await running.reloadTLS()
            #expect(try await Self.serial(at: running.port) == Self.serial(.local))
            try await running.reloadTLS(with: TestCertificate.other.tlsInMemory)
            #expect(try await Self.serial(at: running.port) == Self.serial(.other))
            await #expect(throws: TLSConfigurationError.self) {
                try await running.reloadTLS(with: TestCertificate.local.tlsInMemory, listener: 1)
            }
            let mixed = ServerTLS(
                certificateChain: .bytes(Array(TestCertificate.local.certificate.utf8)),
                privateKey: .bytes(Array(TestCertificate.other.key.utf8)))
            await #expect(throws: TLSConfigurationError.self) { try await running.reloadTLS(with: mixed) }
            #expect(try await Self.serial(at: running.port) == Self.serial(.other))
        }
    }

    @Test("A key is in no description")
    func description() {
        let tls = TestCertificate.local.tlsInMemory
        var dumped = ""
        dump(tls, to: &dumped)
        for text in ["\(tls)", String(reflecting: tls), dumped] { #expect(!text.contains("45, 45, 45")) }
        #expect("\(PEM.bytes([45, 45]))" == "2 bytes in memory")
    }

    @Test("A server without TLS has nothing to reload")
    func plain() async throws {
        try await WebSocketServer.echoing().whileRunning { running in
            try await running.reloadTLS()
            await #expect(throws: TLSConfigurationError.self) {
                try await running.reloadTLS(with: TestCertificate.local.tlsInMemory)
            }
        }
    }

    // MARK: Client certificates

    private static func server(_ clients: ServerTLS.ClientCertificates, _ transport: Transport) -> WebSocketServer {
        var server = WebSocketServer.forTests {
            var tls = TestCertificate.local.tlsInMemory
            tls.clientCertificates = clients
            $0.tls = tls
            $0.transport = transport
        }
        server.on(
            "/who",
            accept: { request in
                guard let certificate = request.clientCertificate else { return .reject(status: 401) }
                return .accept(fields: [
                    "X-Serial": certificate.serialNumber, "X-Name": certificate.commonName ?? "",
                    "X-Host": certificate.dnsNames.joined(separator: " "),
                ])
            },
            receiver: { _ in Echo() })
        server.onRequest { HTTPResponse("\($0.clientCertificate?.dnsNames ?? []) \($0.isSecure)") }
        return server
    }

    private static func connect(to port: Int, showing certificate: TestCertificate?) async throws -> RawConnection {
        try await RawConnection.connect(to: port) { tls in
            guard let certificate else { return }
            tls.certificateChain = certificate.sources
            tls.privateKey = (try? NIOSSLPrivateKey(bytes: Array(certificate.key.utf8), format: .pem)).map {
                .privateKey($0)
            }
        }
    }

    @Test("A certificate that was verified is seen by whoever decides", arguments: Self.transports, [true, false])
    func clientCertificate(transport: Transport, isRequired: Bool) async throws {
        let authorities = PEM.bytes(Array(TestCertificate.other.certificate.utf8))
        let server = Self.server(
            isRequired ? .required(authorities: authorities) : .optional(authorities: authorities), transport)
        try await server.whileRunning { running in
            for _ in 0..<2 {
                let known = try await Self.connect(to: running.port, showing: .other)
                let response = try await known.upgrade("/who")
                #expect(response.status == 101)
                #expect(response["X-Serial"] == "76e38fe683612bf45a7b8e96f77c423f182766dd")
                #expect(response["X-Name"] == "test only, do not trust")
                #expect(response["X-Host"] == "other.example")
                try await known.close()
            }
            let http = try await Self.connect(to: running.port, showing: .other)
            try await http.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try await http.readResponse().body == #"["other.example"] true"#)
            // The same connection may become a WebSocket later.
            #expect(try await http.upgrade("/who").status == 101)
            try await http.close()

            // In TLS 1.3 a client hears of its refusal when it reads.
            await #expect(throws: (any Error).self) {
                _ = try await Self.connect(to: running.port, showing: .local).upgrade("/who")
            }
            if isRequired {
                await #expect(throws: (any Error).self) {
                    _ = try await Self.connect(to: running.port, showing: nil).upgrade("/who")
                }
            } else {
                let unknown = try await Self.connect(to: running.port, showing: nil)
                #expect(try await unknown.upgrade("/who").status == 401)
                // The server has ended it, perhaps.
                try? await unknown.close()
            }
        }
    }

    // MARK: Versions and protocols

    @Test("The oldest version", arguments: [(TLSProtocolVersion.v12, true), (.v13, false)])
    func version(minimum: TLSProtocolVersion, isTLS12Spoken: Bool) async throws {
        let server = WebSocketServer.echoing {
            var tls = TestCertificate.local.tlsInMemory
            tls.minimumVersion = minimum
            $0.tls = tls
        }
        try await server.whileRunning { running in
            for (version, isSpoken) in [
                (TLSVersion.tlsv11, false), (.tlsv12, isTLS12Spoken), (.tlsv13, true),
            ] {
                let connection = try? await RawConnection.connect(to: running.port) {
                    $0.minimumTLSVersion = .tlsv1
                    $0.maximumTLSVersion = version
                }
                #expect((connection != nil) == isSpoken, "\(version)")
                if let connection {
                    #expect(try await connection.upgrade("/echo").status == 101)
                    try await connection.close()
                }
            }
        }
    }

    @Test("A client that offers other protocols only is not refused, and is told of none", arguments: Self.transports)
    func alpn(transport: Transport) async throws {
        let server = WebSocketServer.echoing {
            $0.tls = TestCertificate.local.tlsInMemory
            $0.transport = transport
        }
        try await server.whileRunning { running in
            for offer in [["h2"], ["h2", "http/1.1"], []] {
                let connection = try await RawConnection.connect(to: running.port) { $0.applicationProtocols = offer }
                #expect(try await connection.upgrade("/echo").status == 101)
                try await connection.close()
            }
        }
    }
}

extension TestCertificate {
    var tlsInMemory: ServerTLS {
        ServerTLS(certificateChain: .bytes(Array(self.certificate.utf8)), privateKey: .bytes(Array(self.key.utf8)))
    }

    /// For a client of SwiftNIO.
    var sources: [NIOSSLCertificateSource] {
        (try? NIOSSLCertificate.fromPEMBytes(Array(self.certificate.utf8)))?.map { .certificate($0) } ?? []
    }

    /// Puts this one in the place of what is there.
    func write(to files: CertificateFiles) throws {
        try self.certificate.write(toFile: files.certificateChain, atomically: true, encoding: .utf8)
        try self.key.write(toFile: files.privateKey, atomically: true, encoding: .utf8)
    }
}

/// What was logged, a line each.
final class LogLines: Sendable {
    private let lines = Log<String>()

    var all: [String] { self.lines.all }

    struct Handler: LogHandler {
        let lines: LogLines
        var metadata = Logger.Metadata()
        var logLevel = Logger.Level.trace

        init(lines: LogLines) { self.lines = lines }

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { self.metadata[key] }
            set { self.metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            self.lines.lines.add("\(event.level) \(event.message) \(event.metadata ?? [:])")
        }
    }
}
