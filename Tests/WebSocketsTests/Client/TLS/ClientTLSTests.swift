import Foundation
import NIOCore
import NIOSSL
import Testing
import WebSocketCore
import WebSocketTesting

@testable import WebSockets

@Suite("TLS of the client")
struct ClientTLSTests {
    /// The key of ``TestCertificate/other``, encrypted with `secret`. Public, for tests only.
    private static let encryptedKey = """
        -----BEGIN ENCRYPTED PRIVATE KEY-----
        MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAhucbVWDO+DMQICCAAw
        DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEMoVWLz6iCg/myyCu8StF74EgZCV
        ui8L/wcpOVJrfhNYr/cgUa2uj6FwzGRV/gSnNlcJpwAxw42LlbGAIWznsWZ3Gey0
        2vw62ls/vjF5znmY24ItNDYm7UnRG6oC3fwATKruv1kAw7SGfOpgReYEsHiaimXf
        th3neniXaQqTBmdp1P6czXSoh8KG3JVSm37wG8x1Fsr6jQBwyaGsp9tZdgLCzxA=
        -----END ENCRYPTED PRIVATE KEY-----

        """

    private static func client(_ configure: (inout ClientTLS) -> Void) -> WebSocketClient {
        var configuration = WebSocketClient.Configuration.forTests()
        configuration.tls.trust = .roots(Array(TestCertificate.local.certificate.utf8))
        configure(&configuration.tls)
        return WebSocketClient(configuration)
    }

    /// A server's context with ``TestCertificate/local``.
    private static func context(_ configure: (inout TLSConfiguration) -> Void = { _ in }) throws -> NIOSSLContext {
        let chain = try NIOSSLCertificate.fromPEMBytes(Array(TestCertificate.local.certificate.utf8))
        let key = try NIOSSLPrivateKey(bytes: Array(TestCertificate.local.key.utf8), format: .pem)
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        configuration.applicationProtocols = ["http/1.1"]
        configure(&configuration)
        return try NIOSSLContext(configuration: configuration)
    }

    private static func pin(of certificate: TestCertificate) throws -> PublicKeyPin {
        let certificates = try NIOSSLCertificate.fromPEMBytes(Array(certificate.certificate.utf8))
        return PublicKeyPin(of: try #require(certificates.first).extractPublicKey().toSPKIBytes())
    }

    /// What connecting to a server in TLS comes to, and whether the server has seen a request.
    private static func outcome(
        _ client: WebSocketClient, _ context: NIOSSLContext, host: String = "localhost"
    ) async throws -> (failure: WebSocketError?, isAsked: Bool) {
        let server = try await RawServer.start(tls: context)
        let url = "wss://\(host):\(server.port)/"
        let connecting = Task { try await client.connect(to: url) }
        let serving = Task { try await server.first().accept() }
        let failure: WebSocketError?
        do {
            try await withDeadline { try await connecting.value }.abort()
            failure = nil
        } catch let error as WebSocketError { failure = error }
        if server.acceptedCount > 0 { try? await server.first().close() }
        // Whoever waits for a request, will get none.
        let isAsked = (try? await serving.value) != nil
        try await server.stop()
        return (failure, isAsked)
    }

    // MARK: Pins

    @Test("OpenSSL makes the same pin of a certificate")
    func pin() throws {
        #expect("\(try Self.pin(of: .local))" == "sha256//7pcNAdEnPrNIbkikI2hvFQQBTqrHrsIEnxBn0uexHKw=")
    }

    @Test("a server with one of the pinned keys is connected to")
    func pinned() async throws {
        let pins = [try Self.pin(of: .other), try Self.pin(of: .local)]
        let outcome = try await Self.outcome(Self.client { $0.pins = pins }, try Self.context())
        #expect(outcome.failure == nil)
        #expect(outcome.isAsked)
    }

    @Test("a trusted server with another key is told which one, and is sent nothing", arguments: [true, false])
    func notPinned(isTrusted: Bool) async throws {
        let pins = [try Self.pin(of: .other)]
        let client = Self.client {
            $0.pins = pins
            if !isTrusted { $0.trust = .anything }
        }
        let outcome = try await Self.outcome(client, try Self.context())
        guard case .tlsFailed(.notPinned(let pin))? = outcome.failure else {
            Issue.record("\(String(describing: outcome.failure))")
            return
        }
        #expect(pin == (try Self.pin(of: .local)))
        #expect(!outcome.isAsked)
    }

    @Test("a pin is no substitute for trust, nor for the name", arguments: ["localhost", "127.0.0.1"])
    func pinnedOnly(host: String) async throws {
        let pins = [try Self.pin(of: .local)]
        let untrusted = Self.client {
            $0.pins = pins
            $0.trust = .roots(Array(TestCertificate.other.certificate.utf8))
        }
        let misnamed = Self.client {
            $0.pins = pins
            $0.serverName = "other.example"
        }
        for client in [untrusted, misnamed] {
            let outcome = try await Self.outcome(client, try Self.context(), host: host)
            guard case .tlsFailed(.untrusted)? = outcome.failure else {
                Issue.record("\(String(describing: outcome.failure))")
                return
            }
            #expect(!outcome.isAsked)
        }
    }

    // MARK: Who the client is

    private static func demanding(_ newest: TLSVersion = .tlsv13) throws -> NIOSSLContext {
        try Self.context {
            $0.maximumTLSVersion = newest
            $0.certificateVerification = .noHostnameVerification
            let roots = try? NIOSSLCertificate.fromPEMBytes(Array(TestCertificate.other.certificate.utf8))
            $0.trustRoots = .certificates(roots ?? [])
        }
    }

    private static let identities: [ClientTLS.Identity] = [
        .init(
            certificateChain: .bytes(Array(TestCertificate.other.certificate.utf8)),
            privateKey: .bytes(Array(TestCertificate.other.key.utf8))),
        .init(
            certificateChain: .bytes(Array(TestCertificate.other.certificate.utf8)),
            privateKey: .bytes(Array(Self.encryptedKey.utf8)), passphrase: "secret"),
    ]

    @Test("the server that asks is shown the certificate", arguments: Self.identities)
    func identity(identity: ClientTLS.Identity) async throws {
        let outcome = try await Self.outcome(Self.client { $0.identity = identity }, try Self.demanding())
        #expect(outcome.failure == nil)
        #expect(outcome.isAsked)
    }

    @Test("certificate and key from files")
    func identityFiles() async throws {
        try await TestCertificate.other.withFiles { files in
            let client = Self.client {
                $0.identity = .init(
                    certificateChain: .file(files.certificateChain), privateKey: .file(files.privateKey))
            }
            let failure = try await Self.outcome(client, try Self.demanding()).failure
            #expect(failure == nil)
        }
    }

    @Test("a client that is nobody is refused, and told by TLS")
    func noIdentity() async throws {
        // With TLS 1.3 the client learns it behind its own handshake, unless a reset overtakes it.
        let outcome = try await Self.outcome(Self.client { _ in }, try Self.demanding(.tlsv12))
        guard case .tlsFailed(.handshakeFailed)? = outcome.failure else {
            Issue.record("\(String(describing: outcome.failure))")
            return
        }
        #expect(!outcome.isAsked)
    }

    @Test("what cannot be read is a setting that is named")
    func invalid() async throws {
        let (certificate, key) = (TestCertificate.other.certificate, TestCertificate.other.key)
        func identity(_ certificate: String, _ key: String, _ passphrase: String? = nil) -> ClientTLS.Identity {
            .init(
                certificateChain: .bytes(Array(certificate.utf8)), privateKey: .bytes(Array(key.utf8)),
                passphrase: passphrase)
        }
        let faults: [(setting: String, configure: (inout ClientTLS) -> Void)] = [
            ("tls.trust", { $0.trust = .rootsFile("/does/not/exist.pem") }), ("tls.trust", { $0.trust = .roots([]) }),
            ("tls.trust", { $0.trust = .roots(Array("no certificate".utf8)) }),
            ("tls.identity.certificateChain", { $0.identity = identity("", key) }),
            ("tls.identity.privateKey", { $0.identity = identity(certificate, "") }),
            ("tls.identity.privateKey", { $0.identity = identity(certificate, Self.encryptedKey) }),
            ("tls.identity.privateKey", { $0.identity = identity(certificate, Self.encryptedKey, "wrong") }),
            ("tls", { $0.identity = identity(certificate, TestCertificate.local.key) }),
            ("tls.serverName", { $0.serverName = "" }),
            ("tls.serverName", { $0.serverName = String(repeating: "a", count: 256) }),
        ]
        for (setting, configure) in faults {
            let client = Self.client(configure)
            do {
                _ = try await withDeadline { try await client.connect(to: "wss://127.0.0.1:1/") }
                Issue.record("connected")
            } catch WebSocketError.invalidSetting(let text) {
                #expect(text.hasPrefix(setting), "\(text)")
                #expect(!text.contains("PRIVATE KEY"))
            }
        }
    }

    @Test("nothing secret is shown")
    func description() {
        let text = Self.identities.map { "\($0)" }.joined()
        #expect(!text.contains("secret") && !text.contains("BEGIN"))
    }

    // MARK: Versions and names

    @Test("a server that speaks only what is too old is refused")
    func version() async throws {
        let old = try Self.context { $0.maximumTLSVersion = .tlsv12 }
        let failure = try await Self.outcome(Self.client { _ in }, old).failure
        #expect(failure == nil)
        guard
            case .tlsFailed(.handshakeFailed)? = try await Self.outcome(Self.client { $0.minimumVersion = .v13 }, old)
                .failure
        else {
            Issue.record("not refused")
            return
        }
        let ancient = try Self.context {
            $0.minimumTLSVersion = .tlsv1
            $0.maximumTLSVersion = .tlsv11
        }
        guard case .tlsFailed(.handshakeFailed)? = try await Self.outcome(Self.client { _ in }, ancient).failure else {
            Issue.record("not refused")
            return
        }
    }

    @Test("another name than the host's is asked for and checked", arguments: ["localhost", "127.0.0.1", "::1"])
    func serverName(name: String) async throws {
        // `localhost` would not do here: the certificate is another one's.
        let wrong = Self.client { $0.serverName = "other.example" }
        let failure = try await Self.outcome(wrong, try Self.context(), host: "127.0.0.1").failure
        #expect(failure != nil)
        let right = Self.client { $0.serverName = name }
        let none = try await Self.outcome(right, try Self.context(), host: "127.0.0.1").failure
        #expect(none == nil)
    }

    @Test(
        "the names in a certificate",
        arguments: [
            ("a.example", "a.example", true), ("A.Example.", "a.eXample", true), ("a.example", "b.example", false),
            ("a.example", "*.example", true), ("a.b.example", "*.b.example", true), ("b.example", "*.b.example", false),
            ("x.a.b.example", "*.b.example", false), ("a.b.example", "a.*.example", false),
            ("ab.example", "a*.example", false),
            ("localhost", "localhost", true), ("localhost", "*", false), ("", "", false), (".", "*", false),
            (".example", "*.example", false), ("a..example", "a..example", false),
        ])
    func names(host: String, pattern: String, isName: Bool) {
        #expect(TLSPlan.isName(host, pattern) == isName)
    }

    @Test("HTTP/1.1 is the one protocol that is offered")
    func alpn() async throws {
        let context = try Self.context { $0.applicationProtocols = ["h2", "http/1.1"] }
        let failure = try await Self.outcome(Self.client { _ in }, context).failure
        #expect(failure == nil)
    }

    // MARK: Files that change

    @Test("roots that have been replaced are trusted by the next connection")
    func rootsChange() async throws {
        try await TestCertificate.other.withFiles { files in
            let client = Self.client { $0.trust = .rootsFile(files.certificateChain) }
            for _ in 0..<2 {
                guard case .tlsFailed(.untrusted)? = try await Self.outcome(client, try Self.context()).failure else {
                    Issue.record("trusted")
                    return
                }
            }
            try TestCertificate.local.certificate.write(
                toFile: files.certificateChain, atomically: true, encoding: .utf8)
            let failure = try await Self.outcome(client, try Self.context()).failure
            #expect(failure == nil)
        }
    }

    @Test("the same settings share what was read")
    func shared() throws {
        let contexts = TLSContexts()
        var tls = ClientTLS()
        tls.trust = .roots(Array(TestCertificate.local.certificate.utf8))
        let first = try contexts.context(tls, checksHostName: true)
        #expect(try contexts.context(tls, checksHostName: true) === first)
        tls.pins = [try Self.pin(of: .local)]
        tls.serverName = "a"
        #expect(try contexts.context(tls, checksHostName: true) === first)
        tls.minimumVersion = .v13
        #expect(try contexts.context(tls, checksHostName: true) !== first)
    }

    // MARK: The end

    @Test("a stream that ends without TLS's own end is an end, and no clean closure", arguments: [false, true])
    func uncleanShutdown(hasClosed: Bool) async throws {
        try await RawServer.whileRunning(tls: try Self.context()) { server in
            let url = "wss://localhost:\(server.port)/"
            let client = Self.client { _ in }
            let connecting = Task { try await client.connect(to: url) }
            let connection = try await server.first()
            try await connection.accept(then: FrameBytes.text("last words").bytes)
            let socket = try await withDeadline { try await connecting.value }
            let message = try await withDeadline { try await socket.receive() }
            #expect(message == "last words")
            if hasClosed {
                let closing = Task { await socket.close(.normal) }
                let code = try await connection.readFrame().from(.server).closeCode
                #expect(code == 1000)
                try await connection.send(FrameBytes(.close, [0x03, 0xE8]).bytes)
                try await connection.dropBelowTLS()
                let closure = try await withDeadline { await closing.value }
                #expect(closure.isClean)
            } else {
                try await connection.dropBelowTLS()
                let ending = try await withDeadline { await socket.closed() }.ending
                #expect(ending == .abnormal(.endOfStream))
            }
        }
    }

    @Test("a server that ends during the handshake is a lost connection, not one that is not trusted")
    func lostDuringHandshake() async throws {
        try await RawServer.whileRunning { server in
            let url = "wss://localhost:\(server.port)/"
            let client = Self.client { _ in }
            let connecting = Task { try await client.connect(to: url) }
            let connection = try await server.first()
            _ = try await connection.read(count: 5)
            try await connection.close()
            do {
                _ = try await withDeadline { try await connecting.value }
                Issue.record("connected")
            } catch let error as WebSocketError { #expect(error.retry == .now, "\(error)") }
        }
    }
}

extension RawConnection {
    /// Ends TCP as a peer does that knows no better: without TLS's own end.
    fileprivate func dropBelowTLS() async throws {
        let channel = self.channel
        try await channel.eventLoop.submit {
            let tls = try channel.pipeline.syncOperations.context(handlerType: NIOSSLServerHandler.self)
            tls.close(mode: .all, promise: nil)
        }.get()
    }
}
