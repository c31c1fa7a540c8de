import NIOCore
import NIOPosix
import NIOSSL
import WebSocketCore
import WebSocketTesting

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// A TCP connection whose bytes the test writes and reads itself.
final class RawConnection: Sendable {
    let channel: any Channel
    private let inbox: RawInbox

    init(_ channel: any Channel, _ inbox: RawInbox) {
        self.channel = channel
        self.inbox = inbox
    }

    /// - Parameter receiveBufferBytes: how much the system may hold for a peer that does not read.
    static func connect(to port: Int, receiveBufferBytes: Int32? = nil) async throws -> RawConnection {
        let inbox = RawInbox()
        var bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(inbox) }
            }
        if let receiveBufferBytes {
            bootstrap = bootstrap.channelOption(
                .socketOption(.so_rcvbuf), value: SocketOptionValue(receiveBufferBytes))
        }
        return RawConnection(try await bootstrap.connect(host: "127.0.0.1", port: port).get(), inbox)
    }

    /// - Parameters:
    ///   - host: of the server.
    ///   - source: the address that the connection comes from; `nil` for the one that the system chooses.
    static func connect(to port: Int, host: String = "127.0.0.1", from source: String?) async throws -> RawConnection {
        let inbox = RawInbox()
        var bootstrap = Self.bootstrap(inbox, tls: nil)
        if let source { bootstrap = bootstrap.bind(to: try SocketAddress(ipAddress: source, port: 0)) }
        return RawConnection(try await bootstrap.connect(host: host, port: port).get(), inbox)
    }

    /// Connects by a Unix socket.
    static func connect(toUnix path: String, tls: NIOSSLContext? = nil) async throws -> RawConnection {
        let inbox = RawInbox()
        let bootstrap = Self.bootstrap(inbox, tls: tls)
        return RawConnection(try await bootstrap.connect(unixDomainSocketPath: path).get(), inbox)
    }

    /// Connects by TLS, and returns when the server has shown its certificate.
    static func connect(to port: Int, tls configure: (inout TLSConfiguration) -> Void) async throws -> RawConnection {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.certificateVerification = .none
        // Reading those of the system takes long.
        configuration.trustRoots = .certificates([])
        configure(&configuration)
        let inbox = RawInbox()
        let bootstrap = Self.bootstrap(inbox, tls: try NIOSSLContext(configuration: configuration))
        let connection = RawConnection(try await bootstrap.connect(host: "127.0.0.1", port: port).get(), inbox)
        try await eventually("the server's certificate") {
            if try await connection.serverCertificate != nil { return true }
            // It may be over already, with a last word of the server or without.
            guard let end = try await connection.end else { return false }
            guard try await connection.hasReceived else { throw RawInbox.Ended(end: end, bytes: []) }
            return true
        }
        return connection
    }

    private static func bootstrap(_ inbox: RawInbox, tls: NIOSSLContext?) -> ClientBootstrap {
        ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            // TLS ends in both directions at once.
            .channelOption(.allowRemoteHalfClosure, value: tls == nil)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls {
                        let handler = try NIOSSLClientHandler(context: tls, serverHostname: "localhost")
                        try channel.pipeline.syncOperations.addHandler(handler)
                    }
                    try channel.pipeline.syncOperations.addHandler(inbox)
                }
            }
    }

    /// Whether anything has come that nobody has read.
    private var hasReceived: Bool {
        get async throws {
            let inbox = self.inbox
            return try await self.channel.eventLoop.submit { !inbox.isEmpty }.get()
        }
    }

    /// The certificate that the server has shown.
    var serverCertificate: NIOSSLCertificate? {
        get async throws {
            let channel = self.channel
            return try await channel.eventLoop.submit {
                (try? channel.pipeline.syncOperations.nioSSL_peerCertificate()).flatMap { $0 }
            }.get()
        }
    }

    // MARK: Writing

    /// Returns once the system has taken all of it.
    func send(_ bytes: [UInt8]) async throws { try await self.channel.writeAndFlush(ByteBuffer(bytes: bytes)).get() }

    func send(_ text: String) async throws { try await self.send(Array(text.utf8)) }

    /// Sends frames as a client does.
    func send(_ frames: FrameBytes...) async throws { try await self.send(frames.flatMap { $0.from(.client).bytes }) }

    /// The result comes true when the system has taken all of it.
    @discardableResult
    func sendSoon(_ bytes: [UInt8]) -> EventLoopFuture<Void> { self.channel.writeAndFlush(ByteBuffer(bytes: bytes)) }

    /// Ends this side of the stream.
    func shutDownOutput() async throws { try await self.channel.close(mode: .output).get() }

    /// Ends both sides.
    func close() async throws {
        do { try await self.channel.close().get() } catch NIOSSLError.uncleanShutdown {}
    }

    /// Ends the connection with RST.
    func reset() async throws {
        let provider = self.channel as? any SocketOptionProvider
        try await provider?.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
        try await self.channel.close().get()
    }

    // MARK: Reading

    func stopReading() async throws { try await self.channel.setOption(.autoRead, value: false).get() }

    func resumeReading() async throws { try await self.channel.setOption(.autoRead, value: true).get() }

    func read(_ what: String = "bytes", _ want: @escaping RawInbox.Want) async throws -> [UInt8] {
        let loop = self.channel.eventLoop
        let inbox = self.inbox
        let outcome = loop.makePromise(of: [UInt8].self)
        loop.execute { inbox.take(want, outcome) }
        let timer = loop.scheduleTask(in: patience) { inbox.giveUp(DeadlinePassed("reading \(what)")) }
        defer { timer.cancel() }
        return try await outcome.futureResult.get()
    }

    func read(count: Int) async throws -> [UInt8] {
        try await self.read("\(count) bytes") { bytes, _ in bytes.count >= count ? count : nil }
    }

    /// All bytes until the peer ends its side of the stream.
    func readToEnd() async throws -> [UInt8] {
        try await self.read("the end") { bytes, isEnded in isEnded ? bytes.count : nil }
    }

    /// Text up to the empty line that ends a head, included.
    func readHead() async throws -> String {
        let bytes = try await self.read("a head") { bytes, _ in
            bytes.firstRange(of: Array("\r\n\r\n".utf8)).map { $0.upperBound }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The next frame of a server.
    func readFrame() async throws -> FrameBytes {
        let bytes = try await self.read("a frame") { bytes, _ in Self.byteCountOfFirstFrame(bytes) }
        guard let frame = FrameBytes.frames(in: bytes).first else { throw DeadlinePassed("a frame") }
        return frame
    }

    func readFrames(_ count: Int) async throws -> [FrameBytes] {
        var frames: [FrameBytes] = []
        for _ in 0..<count { frames.append(try await self.readFrame()) }
        return frames
    }

    private static func byteCountOfFirstFrame(_ bytes: [UInt8]) -> Int? {
        guard bytes.count >= 2 else { return nil }
        let mask = bytes[1] & 0x80 == 0 ? 0 : 4
        let length = Int(bytes[1] & 0x7F)
        guard length >= 126 else { return 2 + mask + length }
        let width = length == 126 ? 2 : 8
        guard bytes.count >= 2 + width else { return nil }
        return 2 + width + mask + bytes[2..<(2 + width)].reduce(0) { $0 << 8 | Int($1) }
    }

    /// How the stream has ended so far.
    var end: RawInbox.End? {
        get async throws {
            let inbox = self.inbox
            return try await self.channel.eventLoop.submit { inbox.end }.get()
        }
    }
}
