import Foundation
import Testing

@Suite("The sources keep the architecture's rules")
struct ArchitectureTests {
    /// `Sources/` of the package this file is in.
    private static let sources = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().appending(path: "Sources")

    /// Read once for all rules.
    private static let read = Result {
        let root = Self.sources.path(percentEncoded: false)
        let paths = try FileManager.default.subpathsOfDirectory(atPath: root).filter { $0.hasSuffix(".swift") }
        return try paths.sorted().map { path in
            let text = try String(contentsOf: Self.sources.appending(path: path), encoding: .utf8)
            return SourceRules.SourceFile(target: String(path.prefix { $0 != "/" }), path: path, text: text)
        }
    }

    private static func files() throws -> [SourceRules.SourceFile] { try Self.read.get() }

    @Test("imports point downwards, and the core imports nothing but zlib")
    func imports() throws {
        let faults = try Self.files().flatMap { SourceRules.imports($0) }
        #expect(faults == [])
    }

    @Test("the core knows neither clock nor chance")
    func bannedCalls() throws {
        let faults = try Self.files().flatMap { SourceRules.bannedCalls($0) }
        #expect(faults == [])
    }

    @Test("the thread sanitizer knows every lock of the library")
    func locks() throws {
        let faults = try Self.files().flatMap { SourceRules.locks($0) }
        #expect(faults == [])
    }

    @Test("no file has more than 600 lines")
    func length() throws {
        let faults = try Self.files().flatMap { SourceRules.length($0) }
        #expect(faults == [])
    }

    @Test("no name says Manager, Helper, Util, Common or Impl")
    func names() throws {
        let faults = try Self.files().flatMap { SourceRules.names($0) }
        #expect(faults == [])
    }

    @Test("no future, channel or buffer of the event loop is in the public interface")
    func publicTypes() throws {
        let faults = try Self.files().flatMap { SourceRules.publicTypes($0) }
        #expect(faults == [])
    }

    @Test("each unsafe use has its proof, in one of a few files")
    func unsafeUses() throws {
        let files = try Self.files()
        #expect(files.flatMap { SourceRules.unsafeUses($0) } == [])
        // The list has no file that could leave it.
        for path in SourceRules.unsafeFiles {
            #expect(
                files.contains { $0.path == path && $0.codeLines.contains { SourceRules.words($0).contains("unsafe") } }
            )
        }
    }

    @Test("the rules have files to look at")
    func files() throws {
        let files = try Self.files()
        #expect(files.filter { $0.target == "WebSocketCore" }.count > 10)
        #expect(files.contains { $0.path == "WebSocketCore/Connection/WebSocketConnection.swift" })
    }
}

@Suite("The rules find what was planted")
struct SourceRulesTests {
    private func faults(_ text: String, in target: String = "WebSocketCore", path: String = "WebSocketCore/A.swift")
        -> [String]
    {
        SourceRules.faults([.init(target: target, path: path, text: text)])
    }

    @Test(
        "imports that the core may not have",
        arguments: [
            "import Foundation", "import Glibc", "import NIOCore", "public import Dispatch",
            "@preconcurrency import Foundation",
            "import struct NIOCore.ByteBuffer", "internal import WebSockets", "  import FoundationEssentials",
            "@_exported public import Glibc", "import func Glibc.time",
        ])
    func importFound(line: String) {
        #expect(self.faults("\(line)\nstruct A {}").count == 1)
    }

    @Test(
        "imports that the core may have",
        arguments: [
            "import CZlib", "internal import CZlib", "// import Foundation", "/* import Foundation */",
            "let text = \"import Glibc\"",
            "let important = 1", "", "/// import NIOCore",
        ])
    func importAllowed(line: String) {
        #expect(self.faults(line) == [])
    }

    @Test(
        "dependencies that point upwards, and those that do not",
        arguments: [
            ("WebSocketCore", "WebSockets", false), ("WebSocketCore", "WebSocketTesting", false),
            ("WebSocketCore", "aloft", false),
            ("WebSockets", "WebSocketTesting", false), ("WebSockets", "aloft", false), ("WebSockets", "CZlib", false),
            ("WebSocketTesting", "aloft", false), ("autobahn-client", "aloft", false),
            ("WebSockets", "WebSocketCore", true),
            ("LinuxTransport", "WebSocketCore", false), ("LinuxTransport", "WebSockets", false),
            ("LinuxTransport", "CLinux", true), ("WebSockets", "LinuxTransport", true),
            ("WebSockets", "CLinux", false), ("WebSockets", "NIOCore", true),
            ("WebSocketsNIO", "WebSockets", true), ("WebSockets", "WebSocketsNIO", false),
            ("WebSocketsNIO", "LinuxTransport", false),
            ("WebSocketTesting", "WebSocketCore", true),
            ("WebSocketTesting", "WebSockets", true),
            ("LoadGenerator", "aloft", false), ("LoadGenerator", "LinuxTransport", false),
            ("LoadGenerator", "WebSockets", true), ("WebSockets", "LoadGenerator", false),
            ("aloft", "LoadGenerator", true),
            ("aloft", "WebSockets", true), ("aloft", "ArgumentParser", true), ("autobahn-client", "WebSockets", true),
        ])
    func direction(target: String, module: String, isAllowed: Bool) {
        #expect(self.faults("import \(module)", in: target, path: "\(target)/A.swift").isEmpty == isAllowed)
    }

    @Test("a target that nobody has put into the table")
    func unknownTarget() {
        #expect(self.faults("let a = 1", in: "Newcomer", path: "Newcomer/A.swift").count == 1)
    }

    @Test(
        "calls that the core may not make",
        arguments: [
            "let a = ContinuousClock.now", "let a = Date()", "let a = Int.random(in: 0..<3)", "let a = UUID()",
            "var a = SystemRandomNumberGenerator()", "let a = clock.now", "let a = [1].randomElement()", "    f(.now)",
            "let a = [1].shuffled()", "print(1)", "let a = SuspendingClock()",
        ])
    func callFound(line: String) {
        #expect(self.faults(line).count == 1)
        // Drivers may.
        #expect(self.faults(line, in: "aloft", path: "aloft/A.swift") == [])
    }

    @Test(
        "what only looks like such a call",
        arguments: [
            "let now = 1", "f(now: now)", "// ContinuousClock.now", "let a = \"Date()\"", "let a = self.nowhere",
            "func updateDate() {}",
            "let a = deadline.nowadays", "blueprint(1)", "let a = UpDate(1)", "let a = #\"UUID()\"#",
            "let a = \"\"\"\nDate()\n\"\"\"",
        ])
    func callAllowed(line: String) {
        #expect(self.faults(line) == [])
    }

    @Test("a lock that the thread sanitizer does not know")
    func lock() {
        for line in ["let a = Mutex(1)", "let a: Mutex<Int>", "private let a = Synchronization.Mutex<Int>(1)"] {
            #expect(self.faults(line, in: "WebSockets", path: "WebSockets/A.swift").count == 1)
            #expect(self.faults(line, in: "aloft", path: "aloft/A.swift") == [])
        }
        #expect(
            self.faults("let a = NIOLockedValueBox(1) // no Mutex", in: "WebSockets", path: "WebSockets/A.swift") == [])
    }

    @Test("a file that is too long")
    func length() {
        #expect(self.faults(String(repeating: "// a line\n", count: 600)) == [])
        #expect(self.faults(String(repeating: "// a line\n", count: 601)).count == 1)
        #expect(self.faults("// Generated by a tool\n" + String(repeating: "// a line\n", count: 601)) == [])
    }

    @Test(
        "unsafe uses with a proof",
        arguments: [
            "    func a() {\n        // In bounds: compared above.\n        unsafe b()\n\n        unsafe c()\n    }",
            "    func a() {\n        // Why. Alive: inside the closure.\n        // On and on.\n        unsafe b()\n    }",
            "    // Alive: until the end.\n    deinit { unsafe b() }",
            "    // Not aliased, both: on one thread.\n\n    var a: Int { unsafe b }\n\n    var c: Int { unsafe d }",
            "    let a = unsafe b()  // Alive: a constant.",
            "    @unsafe\n    func a() {}", "    // unsafe", "    let unsafely = \"unsafe\"",
        ])
    func unsafeProved(text: String) {
        #expect(self.faults(text, path: "WebSocketCore/Bytes.swift") == [])
    }

    @Test(
        "unsafe uses without a proof",
        arguments: [
            "    func a() {\n        unsafe b()\n    }", "    // It is so.\n    func a() { unsafe b() }",
            "    func a() {\n        if c {\n            // Alive: here.\n            d()\n        }\n        unsafe b()\n    }",
            "    // Alive: until the end.\n    let e = 1\n\n    func a() { unsafe b() }",
            "    func a() {\n        // Alive: here.\n        c()\n    }\n    func b() { unsafe c() }",
        ])
    func unsafeUnproved(text: String) {
        #expect(self.faults(text, path: "WebSocketCore/Bytes.swift").count == 1)
        // Targets that are not compiled with strict memory safety have no marks.
        #expect(self.faults(text, in: "aloft", path: "aloft/A.swift") == [])
    }

    @Test("an unsafe use in a file that has none")
    func unsafeElsewhere() {
        #expect(self.faults("    let a = unsafe b()  // Alive: a constant.", path: "WebSocketCore/A.swift").count == 1)
    }

    @Test("vague names of types and files", arguments: ["Manager", "Helper", "Util", "Utils", "Common", "Impl"])
    func names(suffix: String) {
        for kind in ["struct", "class", "enum", "actor", "protocol", "public final class", "typealias"] {
            #expect(self.faults("\(kind) Connection\(suffix): Sendable {}").count == 1)
        }
        #expect(self.faults("struct \(suffix) {}").count == 1)
        #expect(self.faults("struct A {}", path: "WebSocketCore/Connection\(suffix).swift").count == 1)
        #expect(self.faults("struct \(suffix)ing {}") == [])
        #expect(self.faults("// struct A\(suffix) {}") == [])
    }

    @Test(
        "types of the event loop in the public interface",
        arguments: [
            "public func a() -> EventLoopFuture<Void>", "public let channel: Channel",
            "public var a: any Channel { self.b }",
            "public init(\n    a: Int,\n    b: ByteBuffer\n) {", "public struct A: B where C == NIOAny {",
            "    public typealias A = NIOCore.ByteBuffer",
            "@inlinable public func a(_ b: [ByteBuffer]) {",
        ])
    func publicTypeFound(text: String) {
        #expect(self.faults(text, in: "WebSockets", path: "WebSockets/A.swift").count == 1)
        // Other targets have their own rules.
        #expect(self.faults(text, in: "aloft", path: "aloft/A.swift") == [])
        #expect(self.faults(text, in: "WebSocketsNIO", path: "WebSocketsNIO/A.swift") == [])
    }

    @Test(
        "types of the event loop that are nobody else's business",
        arguments: [
            "func a() -> EventLoopFuture<Void>", "private let channel: any Channel",
            "public func a() { let b = ByteBuffer() }",
            "public struct ChannelName {}", "/// public func a() -> EventLoopFuture<Void>",
            "public let a = \"ByteBuffer\"",
            "public func a(\n    b: Int\n) {\n    let c = ByteBuffer()\n}",
        ])
    func publicTypeAllowed(text: String) {
        #expect(self.faults(text, in: "WebSockets", path: "WebSockets/A.swift") == [])
    }
}
