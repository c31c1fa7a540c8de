#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Android)
import Android
#endif

/// Certificates or a key in PEM format: in a file, or in memory.
public enum PEM: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The path of a file, at most 1 MiB. A server reads it when it starts and with each reload; a client when it connects,
    /// if it has changed.
    case file(String)
    /// The text itself.
    case bytes([UInt8])

    /// The largest file that is read.
    static let maxFileBytes = 1 << 20

    /// Never what a key consists of.
    public var description: String {
        switch self {
        case .file(let path): path
        case .bytes(let bytes): "\(bytes.count) bytes in memory"
        }
    }

    public var debugDescription: String { self.description }

    public var customMirror: Mirror { Mirror(self, children: ["source": self.description]) }

    /// - Throws: ``TLSConfigurationError``, which names the file and says what the system says.
    func read() throws(TLSConfigurationError) -> [UInt8] {
        switch self {
        case .bytes(let bytes): return bytes
        case .file(let path): return try Self.read(path)
        }
    }

    private static func read(_ path: String) throws(TLSConfigurationError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw TLSConfigurationError(path, systemError: errno) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = piece.withUnsafeMutableBytes { systemRead(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw TLSConfigurationError(path, systemError: errno) }
            if count == 0 { return bytes }
            bytes.append(contentsOf: piece[..<count])
            guard bytes.count <= Self.maxFileBytes else {
                throw TLSConfigurationError(path, "larger than \(Self.maxFileBytes) bytes")
            }
        }
    }
}

/// `read(2)`, which the method of the same name hides.
private func systemRead(_ descriptor: Int32, _ bytes: UnsafeMutableRawPointer?, _ count: Int) -> Int {
    read(descriptor, bytes, count)
}

/// What is wrong with a certificate, a key or the authorities of ``ServerTLS``.
public struct TLSConfigurationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The file, or what stands for it, and what is wrong with it. Nothing of a key.
    public let description: String

    init(_ source: String, _ reason: String) { self.description = "\(source): \(reason)" }

    init(_ source: String, systemError code: Int32) {
        self.init(source, "\(String(cString: strerror(code))) (\(code))")
    }
}
