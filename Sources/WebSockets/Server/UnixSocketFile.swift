import NIOCore

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Android)
import Android
#endif

/// The file of a Unix socket that this process listens on.
struct UnixSocketFile: Sendable {
    let path: String
    private let device: UInt64
    private let inode: UInt64

    /// What went wrong, in the system's words.
    struct Failure: Error, CustomStringConvertible {
        let description: String

        init(_ call: String, _ code: Int32 = errno) {
            self.description = "\(call): \(String(cString: strerror(code))) (\(code))"
        }

        init(text: String) { self.description = text }
    }

    private init(path: String, _ status: stat) {
        self.path = path
        self.device = UInt64(truncatingIfNeeded: status.st_dev)
        self.inode = UInt64(truncatingIfNeeded: status.st_ino)
    }

    /// Makes the file and listens on it. Nobody can connect before it has its permissions.
    ///
    /// - Returns: the socket, which does not block and which the caller closes, and its file, which the caller removes.
    static func open(
        path: String, mode: UInt16?, backlog: Int32
    ) throws(Failure) -> (socket: Int32, file: UnixSocketFile) {
        let address: SocketAddress
        do { address = try SocketAddress(unixDomainSocketPath: path) } catch {
            throw Failure(text: "the path is longer than a socket's may be: \(path.utf8.count) bytes")
        }
        let socket = try Self.makeSocket()
        do throws(Failure) {
            if Self.bind(socket, address) != 0 {
                guard errno == EADDRINUSE else { throw Failure("bind") }
                try Self.removeStale(path, address)
                guard Self.bind(socket, address) == 0 else { throw Failure("bind") }
            }
        } catch {
            close(socket)
            throw error
        }
        do throws(Failure) {
            if let mode, chmod(path, mode_t(mode & 0o7777)) != 0 { throw Failure("chmod") }
            let status = try Self.status(of: path)
            guard listen(socket, backlog) == 0 else { throw Failure("listen") }
            return (socket, UnixSocketFile(path: path, status))
        } catch {
            close(socket)
            unlink(path)
            throw error
        }
    }

    /// Removes the file, if it still is the one that was made.
    func remove() {
        guard let status = try? Self.status(of: self.path), UInt64(truncatingIfNeeded: status.st_dev) == self.device,
            UInt64(truncatingIfNeeded: status.st_ino) == self.inode
        else { return }
        unlink(self.path)
    }

    /// A socket's file on which nobody listens, as a crash leaves it behind, is removed. Anything else stays.
    private static func removeStale(_ path: String, _ address: SocketAddress) throws(Failure) {
        let status = try Self.status(of: path)
        guard status.st_mode & S_IFMT == S_IFSOCK else { throw Failure(text: "there is a file that is no socket") }
        let probe = try Self.makeSocket()
        defer { close(probe) }
        let result = address.withSockAddr { connect(probe, $0, socklen_t($1)) }
        // A full backlog (EAGAIN) has somebody who listens, and of what may not be connected to nobody knows.
        guard result != 0, errno == ECONNREFUSED else { throw Failure("bind", EADDRINUSE) }
        guard unlink(path) == 0 || errno == ENOENT else { throw Failure("unlink") }
    }

    private static func status(of path: String) throws(Failure) -> stat {
        var status = stat()
        guard lstat(path, &status) == 0 else { throw Failure("lstat") }
        return status
    }

    private static func bind(_ socket: Int32, _ address: SocketAddress) -> Int32 {
        address.withSockAddr { systemBind(socket, $0, socklen_t($1)) }
    }

    private static func makeSocket() throws(Failure) -> Int32 {
        #if canImport(Glibc)
        let kind = Int32(SOCK_STREAM.rawValue)
        #else
        let kind = SOCK_STREAM
        #endif
        let descriptor = socket(AF_UNIX, kind, 0)
        guard descriptor >= 0 else { throw Failure("socket") }
        guard fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0, fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0 else {
            let failure = Failure("fcntl")
            close(descriptor)
            throw failure
        }
        return descriptor
    }
}

/// `bind(2)`, which the method of the same name hides.
private func systemBind(_ socket: Int32, _ address: UnsafePointer<sockaddr>, _ size: socklen_t) -> Int32 {
    bind(socket, address, size)
}
