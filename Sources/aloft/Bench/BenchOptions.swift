import ArgumentParser
import LoadGenerator
import WebSocketCore
import WebSockets

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Where to connect and how, in all modes.
struct BenchTarget: ParsableArguments {
    @Argument(help: "Address of the server, ws:// or wss://.")
    var url: String

    @Option(
        name: [.short, .long],
        help: ArgumentHelp(
            "Connections: kept busy or held; at once in connect; subscribers in broadcast. (default: 50, 10 in connect, "
                + "1000 in idle, 100 in broadcast)", valueName: "n"))
    var connections: Int?

    @Option(
        help: ArgumentHelp("Connections opened in a second. (default: as fast as it goes)", valueName: "rate"),
        transform: BenchArgument.rate)
    var connectRate: Double?

    @Option(help: ArgumentHelp("Opening handshakes under way at the same time.", valueName: "n"))
    var connectAtOnce = 100

    @Option(
        help: ArgumentHelp(
            "For connecting, for the handshake, and at the end for answers still under way. (default: 10s)",
            valueName: "time"), transform: BenchArgument.duration)
    var timeout: Duration?

    @Option(
        help: ArgumentHelp("Send pings when nothing has come for so long. (default: none)", valueName: "time"),
        transform: BenchArgument.duration)
    var pingInterval: Duration?

    @Option(
        help: ArgumentHelp(
            "Event loops, one thread each. (default: half of the cores, at most 4: the server may be on this machine)",
            valueName: "n"))
    var threads: Int?

    @Option(help: "Subprotocol to ask for; may be repeated.")
    var subprotocol: [String] = []

    @Option(
        help: ArgumentHelp(
            "Field of the request, such as 'Authorization: Bearer x'; may be repeated.", valueName: "name: value"))
    var header: [String] = []

    @Option(help: "Origin field of the request.")
    var origin: String?

    @Option(
        help: ArgumentHelp("Certificates to trust, in PEM format, instead of the system's.", valueName: "file"),
        completion: .file())
    var ca: String?

    @Flag(help: "Trust any certificate.")
    var insecure = false

    func apply(to plan: inout LoadPlan) throws {
        if let connections { plan.connections = connections }
        plan.connectRate = self.connectRate
        plan.connectAtOnce = self.connectAtOnce
        if let timeout { plan.timeout = timeout }
        plan.pingInterval = self.pingInterval
        plan.threads = self.threads ?? Self.defaultThreads
        plan.subprotocols = self.subprotocol
        plan.fields = try BenchArgument.fields(self.header)
        plan.origin = self.origin
        if self.insecure, self.ca != nil { throw ValidationError("--insecure and --ca do not go together") }
        if let ca { plan.trust = .rootsFile(ca) }
        if self.insecure { plan.trust = .anything }
    }

    private static var defaultThreads: Int { min(max(sysconf(Int32(_SC_NPROCESSORS_ONLN)) / 2, 1), 4) }
}

/// How much and how long, in the modes that send something.
struct BenchLoad: ParsableArguments {
    @Option(
        name: [.short, .long],
        help: ArgumentHelp("How long to measure. (default: 10s; none with --messages)", valueName: "time"),
        transform: BenchArgument.duration)
    var duration: Duration?

    @Option(
        help: ArgumentHelp("How long the load is on before it is measured. (default: 0s)", valueName: "time"),
        transform: BenchArgument.duration)
    var warmUp: Duration?

    @Option(help: ArgumentHelp("End after so many in all.", valueName: "n"), transform: BenchArgument.count)
    var messages: Int?

    @Option(
        name: [.short, .long],
        help: ArgumentHelp(
            "So many a second in all, at fixed times. (default: as fast as answers come; 10 in broadcast)",
            valueName: "rate"), transform: BenchArgument.rate)
    var rate: Double?

    func apply(to plan: inout LoadPlan) {
        if let duration {
            plan.duration = duration
        } else if self.messages != nil {
            plan.duration = nil
        }
        if let warmUp { plan.warmUp = warmUp }
        plan.messages = self.messages
        if let rate { plan.rate = rate }
    }
}

/// What is sent.
struct BenchMessage: ParsableArguments {
    @Option(
        name: [.short, .long], help: ArgumentHelp("Bytes of a message. (default: 64)", valueName: "bytes"),
        transform: BenchArgument.bytes)
    var size: Int?

    enum Kind: EnumerableFlag { case text, binary }

    @Flag(help: "Send text, which is words, or bytes, which do not compress.")
    var kind = Kind.text

    @Flag(help: "Offer permessage-deflate, and compress every message.")
    var deflate = false

    @Flag(help: "With --deflate: compress each message by itself.")
    var noContextTakeover = false

    func apply(to plan: inout LoadPlan) {
        if let size { plan.sizeBytes = size }
        plan.kind = self.kind == .text ? .text : .binary
        if self.deflate { plan.deflate = self.noContextTakeover ? .withoutContextTakeover : .withContextTakeover }
    }

    func validate() throws {
        if self.noContextTakeover, !self.deflate { throw ValidationError("--no-context-takeover needs --deflate") }
    }
}

/// What is told, and where.
struct BenchOutput: ParsableArguments {
    @Option(
        help: ArgumentHelp("Write the result as JSON; - is standard output, instead of the report.", valueName: "file"),
        completion: .file())
    var json: String?

    @Flag(name: [.short, .long], help: "No live progress.")
    var quiet = false

    @Flag(help: "End with exit code 1 if there were any errors.")
    var failOnErrors = false
}

/// Texts of the command line as values.
enum BenchArgument {
    static func duration(_ text: String) throws -> Duration {
        guard let duration = Quantity.duration(text) else {
            throw ValidationError("'\(text)' is not a time such as 500ms, 10s, 2m")
        }
        return duration
    }

    static func bytes(_ text: String) throws -> Int {
        guard let bytes = Quantity.bytes(text) else {
            throw ValidationError("'\(text)' is not a size such as 64, 1k, 1M")
        }
        return bytes
    }

    static func rate(_ text: String) throws -> Double {
        guard let rate = Quantity.rate(text) else {
            throw ValidationError("'\(text)' is not a rate such as 0.5, 1000, 50k")
        }
        return rate
    }

    static func count(_ text: String) throws -> Int {
        guard let count = Quantity.rate(text), count == count.rounded(), count < 1e15 else {
            throw ValidationError("'\(text)' is not a number such as 1000, 50k, 1M")
        }
        return Int(count)
    }

    /// - Parameter lines: each `Name: value`.
    static func fields(_ lines: [String]) throws -> HeaderFields {
        var fields: HeaderFields = [:]
        for line in lines {
            guard let colon = line.firstIndex(of: ":") else {
                throw ValidationError("--header must be like 'Name: value', not '\(line)'")
            }
            let value = line[line.index(after: colon)...].drop { $0 == " " }
            do { try fields.append(String(line[..<colon]), String(value)) } catch {
                throw ValidationError("--header: \(error)")
            }
        }
        return fields
    }

    /// All bytes of a file.
    static func content(of path: String, limit: Int) throws -> [UInt8] {
        guard let file = fopen(path, "rb") else {
            throw ValidationError("--message-file cannot be read: \(path): \(String(cString: strerror(errno)))")
        }
        defer { fclose(file) }
        var content: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = fread(&part, 1, part.count, file)
            if count == 0 { break }
            content += part.prefix(count)
            guard content.count <= limit else { throw ValidationError("--message-file is larger than \(limit) bytes") }
        }
        guard ferror(file) == 0 else { throw ValidationError("--message-file cannot be read: \(path)") }
        return content
    }

    static func check(_ plan: LoadPlan) throws {
        do { try plan.check() } catch { throw ValidationError(error.description) }
    }
}
