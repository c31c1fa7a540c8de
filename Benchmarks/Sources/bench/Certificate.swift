import Glibc

/// A certificate that signs itself, and its key, in files that are gone when this is.
final class Certificate {
    let certificate: String
    let key: String
    private let folder: String

    /// Has the `openssl` command make it: P-256, for `localhost`.
    init() throws(BenchError) {
        var template = Array("/tmp/aloft-bench-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw .last("mkdtemp") }
        self.folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        self.certificate = "\(self.folder)/certificate.pem"
        self.key = "\(self.folder)/key.pem"
        let openssl = try ChildProcess([
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-batch",
            "-keyout", self.key, "-out", self.certificate, "-subj", "/CN=localhost", "-days", "7",
        ])
        openssl.waitUntilEnded()
        guard SystemFile.read(self.certificate)?.isEmpty == false else {
            throw .unreadable(path: self.certificate)
        }
    }

    deinit {
        unlink(self.certificate)
        unlink(self.key)
        rmdir(self.folder)
    }
}
