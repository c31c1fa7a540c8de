import Foundation

@testable import WebSockets

/// Certificates for tests only: their keys are public, here below. Valid for a hundred years.
///
/// Made with `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 36500 -addext subjectAltName=…`.
struct TestCertificate: Sendable {
    let certificate: String
    let key: String

    /// For `localhost`, `127.0.0.1` and `::1`.
    static let local = TestCertificate(
        certificate: """
        -----BEGIN CERTIFICATE-----
        MIIByjCCAXCgAwIBAgIUTTaqwp9EPG3PcKXO9vLEkwC3ZlcwCgYIKoZIzj0EAwIw
        IjEgMB4GA1UEAwwXdGVzdCBvbmx5LCBkbyBub3QgdHJ1c3QwIBcNMjYxMTIxMTIy
        ODM4WhgPMjEyNjEwMjgxMjI4MzhaMCIxIDAeBgNVBAMMF3Rlc3Qgb25seSwgZG8g
        bm90IHRydXN0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAESa4qqzw+gHFSMkW5
        V2BG2L0ZhEgaFI9NtFHsNBAT1o2zLeHuZCk3EM+VstPbaUVCDlxs0vQ+bapSvfWL
        RKgq5aOBgTB/MB0GA1UdDgQWBBTBs8IsESBXIKzVtd2U2TsdpOpFnjAfBgNVHSME
        GDAWgBTBs8IsESBXIKzVtd2U2TsdpOpFnjAPBgNVHRMBAf8EBTADAQH/MCwGA1Ud
        EQQlMCOCCWxvY2FsaG9zdIcEfwAAAYcQAAAAAAAAAAAAAAAAAAAAATAKBggqhkjO
        PQQDAgNIADBFAiB7iwfvGvm7mqGb5/puK1zMYpBGVF5jyz8pjP/qGohkwAIhAPtP
        eZaggxc4FdGulQI3NHWONUrb7kzrRARysdVaJIhP
        -----END CERTIFICATE-----

        """,
        key: """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg4RCPg7HvP6n85IEi
        RQUqxnXNIu0Kx/W8+ho3YlBSOOWhRANCAARJriqrPD6AcVIyRblXYEbYvRmESBoU
        j020Uew0EBPWjbMt4e5kKTcQz5Wy09tpRUIOXGzS9D5tqlK99YtEqCrl
        -----END PRIVATE KEY-----

        """)

    /// For `other.example`.
    static let other = TestCertificate(
        certificate: """
        -----BEGIN CERTIFICATE-----
        MIIBtTCCAVugAwIBAgIUSinDtGpxhS6lPSrt0/hfG1vOeMQwCgYIKoZIzj0EAwIw
        IjEgMB4GA1UEAwwXdGVzdCBvbmx5LCBkbyBub3QgdHJ1c3QwIBcNMjYxMTIxMTIy
        ODM4WhgPMjEyNjEwMjgxMjI4MzhaMCIxIDAeBgNVBAMMF3Rlc3Qgb25seSwgZG8g
        bm90IHRydXN0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE8z2QtuFnpPPsh7kG
        3tG4Q3018JGWbVO7srZLxdrn29ltzXc0sHmjmw+rcDoQ3ubKQ+vPC3qWcYU7GTuP
        dc5APKNtMGswHQYDVR0OBBYEFJM/Md98D0bkeu/eZdoOeMFmyw+qMB8GA1UdIwQY
        MBaAFJM/Md98D0bkeu/eZdoOeMFmyw+qMA8GA1UdEwEB/wQFMAMBAf8wGAYDVR0R
        BBEwD4INb3RoZXIuZXhhbXBsZTAKBggqhkjOPQQDAgNIADBFAiEAmYGgyjvGwV8s
        rLDIqw6T/gcD4x4HBMULVZ1XfIS8/w4CICSD+p7VZXGQi8gfcA35OWyvmteaDlUe
        nlBIwdWHaDCi
        -----END CERTIFICATE-----

        """,
        key: """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgAdTOhg734rnkOPWE
        l0SGv2V9Izp5k9Lw76VcyIwxUZihRANCAATzPZC24Wek8+yHuQbe0bhDfTXwkZZt
        U7uytkvF2ufb2W3NdzSweaObD6twOhDe5spD688LepZxhTsZO491zkA8
        -----END PRIVATE KEY-----

        """)

    /// Writes both to files for the time of `body`.
    func withFiles<Result>(_ body: (TLSFiles) async throws -> Result) async throws -> Result {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let files = TLSFiles(
            certificateChain: folder.appendingPathComponent("certificate.pem").path,
            privateKey: folder.appendingPathComponent("key.pem").path)
        try self.certificate.write(toFile: files.certificateChain, atomically: false, encoding: .utf8)
        try self.key.write(toFile: files.privateKey, atomically: false, encoding: .utf8)
        return try await body(files)
    }
}
