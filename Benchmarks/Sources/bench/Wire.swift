import CBench
import CBenchLibraries
import Glibc

/// The bytes of one connection, plain or over TLS.
struct Wire {
    let descriptor: Int32
    /// OpenSSL's `SSL`.
    private let session: OpaquePointer?

    enum Outcome {
        /// So many bytes were read or written.
        case bytes(Int)
        /// Not now.
        case later
        /// The peer has closed the connection, or it is broken.
        case ended
    }

    /// Connects, and completes the handshake of TLS if there is a context.
    ///
    /// Blocking, with a limit of 10 seconds for each call.
    init(port: UInt16, tls: TLSContext?) throws(BenchError) {
        self.descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard self.descriptor >= 0 else { throw .last("socket") }
        do throws(BenchError) {
            try LoopbackSocket.prepare(self.descriptor, isBlocking: true)
            guard LoopbackSocket.connect(self.descriptor, to: port) == 0 else { throw .last("connect") }
            self.session = try tls?.session(on: self.descriptor)
        } catch {
            close(self.descriptor)
            throw error
        }
    }

    var isEncrypted: Bool { self.session != nil }

    func makeNonBlocking() throws(BenchError) {
        guard fcntl(self.descriptor, F_SETFL, O_NONBLOCK) == 0 else { throw .last("fcntl") }
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> Outcome {
        guard let session else {
            let count = recv(self.descriptor, buffer.baseAddress, buffer.count, 0)
            return Self.outcome(count)
        }
        let count = SSL_read(session, buffer.baseAddress, Int32(clamping: buffer.count))
        return count > 0 ? .bytes(Int(count)) : Self.reason(session, count)
    }

    func write(_ bytes: UnsafeRawBufferPointer) -> Outcome {
        guard let session else {
            return Self.outcome(send(self.descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL)))
        }
        let count = SSL_write(session, bytes.baseAddress, Int32(clamping: bytes.count))
        return count > 0 ? .bytes(Int(count)) : Self.reason(session, count)
    }

    private static func outcome(_ count: Int) -> Outcome {
        if count > 0 { return .bytes(count) }
        return count < 0 && errno == EAGAIN ? .later : .ended
    }

    private static func reason(_ session: OpaquePointer, _ count: Int32) -> Outcome {
        switch SSL_get_error(session, count) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: .later
        default: .ended
        }
    }

    /// Ends it with a reset.
    func drop() {
        if let session { SSL_free(session) }
        close(self.descriptor)
    }
}

/// OpenSSL's context for clients: TLS 1.3, AES-128-GCM, any certificate.
final class TLSContext {
    private let context: OpaquePointer

    init() throws(BenchError) {
        guard let context = aloft_client_context() else { throw .tls("no context") }
        self.context = context
    }

    deinit { SSL_CTX_free(self.context) }

    /// Completes the handshake on a connected, blocking socket.
    fileprivate func session(on descriptor: Int32) throws(BenchError) -> OpaquePointer {
        guard let session = SSL_new(self.context) else { throw .tls("no session") }
        guard SSL_set_fd(session, descriptor) == 1, SSL_connect(session) == 1 else {
            SSL_free(session)
            throw .tls("the handshake failed")
        }
        return session
    }
}

/// TCP over the loopback interface.
enum LoopbackSocket {
    static func prepare(_ descriptor: Int32, isBlocking: Bool) throws(BenchError) {
        // Dropped connections leave nothing behind in the system.
        try Self.set(descriptor, SOL_SOCKET, SO_LINGER, linger(l_onoff: 1, l_linger: 0))
        guard isBlocking else { return }
        try Self.set(descriptor, IPPROTO_TCP, TCP_NODELAY, Int32(1))
        try Self.set(descriptor, SOL_SOCKET, SO_RCVTIMEO, timeval(tv_sec: 10, tv_usec: 0))
        try Self.set(descriptor, SOL_SOCKET, SO_SNDTIMEO, timeval(tv_sec: 10, tv_usec: 0))
    }

    /// What `connect` returns.
    static func connect(_ descriptor: Int32, to port: UInt16) -> Int32 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return withUnsafeBytes(of: &address) { bytes in
            Glibc.connect(
                descriptor, bytes.assumingMemoryBound(to: sockaddr.self).baseAddress, socklen_t(bytes.count))
        }
    }

    private static func set(
        _ descriptor: Int32, _ level: some BinaryInteger, _ option: Int32, _ value: some BitwiseCopyable
    ) throws(BenchError) {
        let status = withUnsafeBytes(of: value) { bytes in
            setsockopt(descriptor, Int32(level), option, bytes.baseAddress, socklen_t(bytes.count))
        }
        guard status == 0 else { throw .last("setsockopt") }
    }
}
