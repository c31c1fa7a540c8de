import Foundation

@testable import WebSockets

/// The paths of a certificate and its key.
struct CertificateFiles: Sendable {
    let certificateChain: String
    let privateKey: String

    var tls: ServerTLS { ServerTLS(certificateChain: self.certificateChain, privateKey: self.privateKey) }
}

/// Certificates for tests only: their keys are public, here below. Self-signed P-256, valid from 2020 to 2119.
struct TestCertificate: Sendable {
    let certificate: String
    let key: String

    /// For `localhost`, `127.0.0.1` and `::1`.
    static let local = TestCertificate(
        certificate: """
            -----BEGIN CERTIFICATE-----
            MIIBiDCCAS+gAwIBAgIUVjBEK2xalNgX4EgJG10XTNt0il0wCgYIKoZIzj0EAwIw
            IjEgMB4GA1UEAwwXdGVzdCBvbmx5LCBkbyBub3QgdHJ1c3QwIBcNMjAwMTAxMDAw
            MDAwWhgPMjExOTEyMzEwMDAwMDBaMCIxIDAeBgNVBAMMF3Rlc3Qgb25seSwgZG8g
            bm90IHRydXN0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEiP5n3ulkaxAr//kQ
            QmFPe4ii6TX9nFQYfViN8GPxbXBQPRB5QHz00TO2qEF/ylEUpAZPbdKfml6Cvfu1
            98uTwqNBMD8wDwYDVR0TAQH/BAUwAwEB/zAsBgNVHREEJTAjgglsb2NhbGhvc3SH
            BH8AAAGHEAAAAAAAAAAAAAAAAAAAAAEwCgYIKoZIzj0EAwIDRwAwRAIgLVMJcyOT
            lOkYq05z7wZdDBv/oMDTB+ARa71ycUP/k9sCIEXftI/PkOioT7Y/rYOmYk37+EZ5
            OtpZq7nB+knir/BO
            -----END CERTIFICATE-----

            """,
        key: """
            -----BEGIN PRIVATE KEY-----
            MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgJowaQ24wHFt/4y7P
            RxW4qlPQtrCPN8zzX+QlI2z+ZruhRANCAASI/mfe6WRrECv/+RBCYU97iKLpNf2c
            VBh9WI3wY/FtcFA9EHlAfPTRM7aoQX/KURSkBk9t0p+aXoK9+7X3y5PC
            -----END PRIVATE KEY-----

            """)

    /// For `other.example`.
    static let other = TestCertificate(
        certificate: """
            -----BEGIN CERTIFICATE-----
            MIIBdjCCARugAwIBAgIUduOP5oNhK/Rae46W93xCPxgnZt0wCgYIKoZIzj0EAwIw
            IjEgMB4GA1UEAwwXdGVzdCBvbmx5LCBkbyBub3QgdHJ1c3QwIBcNMjAwMTAxMDAw
            MDAwWhgPMjExOTEyMzEwMDAwMDBaMCIxIDAeBgNVBAMMF3Rlc3Qgb25seSwgZG8g
            bm90IHRydXN0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE90C4++VSVL1xK4I8
            EfrgkM/ebB28kaCKykK6CXIHQ7wBp6qW4NleBXV1x2w7hSMeKNo29Kl+wjKGI5Wc
            id6t7aMtMCswDwYDVR0TAQH/BAUwAwEB/zAYBgNVHREEETAPgg1vdGhlci5leGFt
            cGxlMAoGCCqGSM49BAMCA0kAMEYCIQCchRmQlFmH2jVtuWqToEgaTTVs7kKiJ21i
            rar4LSB3UgIhAOXUEwZ5QhA9ueFu9ZQHFiYloZisalL3aiBN/TmjSVtf
            -----END CERTIFICATE-----

            """,
        key: """
            -----BEGIN PRIVATE KEY-----
            MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQglJBw5DSIWt4MaePM
            dot4uekc5l40+Z5G8Poq4TDsJq6hRANCAAT3QLj75VJUvXErgjwR+uCQz95sHbyR
            oIrKQroJcgdDvAGnqpbg2V4FdXXHbDuFIx4o2jb0qX7CMoYjlZyJ3q3t
            -----END PRIVATE KEY-----

            """)

    /// Writes both to files for the time of `body`.
    func withFiles<Result>(_ body: (CertificateFiles) async throws -> Result) async throws -> Result {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let files = CertificateFiles(
            certificateChain: folder.appendingPathComponent("certificate.pem").path,
            privateKey: folder.appendingPathComponent("key.pem").path)
        try self.certificate.write(toFile: files.certificateChain, atomically: false, encoding: .utf8)
        try self.key.write(toFile: files.privateKey, atomically: false, encoding: .utf8)
        return try await body(files)
    }
}
