/// A server as it is started: any program that prints `listening on ws://HOST:PORT/` when it is ready, and echoes.
struct EchoServer: Sendable, Equatable {
    /// For the command line.
    let id: String
    let name: String
    /// Of the library behind it, as text for the report.
    var version = ""
    var abilities: Set<Ability> = [.echo, .idle, .handshake]
    let command: [String]
    /// What makes it a server of fan-out.
    var fanoutArguments = ["--fanout"]
}

/// The servers that there are to be measured.
enum Catalogue {
    /// What stands for the version of the library's own servers.
    static let ownVersion = "of this repository"

    /// Those that lie beside this program.
    static func standard(versions: PackageVersions) -> [EchoServer] {
        let program = CommandLine.arguments.first ?? ""
        let folder = program.lastIndex(of: "/").map { String(program[...$0]) } ?? ""
        func aloft(
            _ id: String, _ name: String, _ abilities: Set<Ability>, _ options: [String]
        ) -> EchoServer {
            EchoServer(
                id: id, name: name, version: Self.ownVersion, abilities: abilities,
                command: ["\(folder)aloft-echo", "--threads", "1"] + options,
                fanoutArguments: ["--interface", "fanout"])
        }
        let usual: Set<Ability> = [.echo, .idle, .handshake]
        return [
            aloft("callback", "Aloft, callbacks", Set(Ability.allCases), ["--interface", "callback"]),
            aloft("views", "Aloft, task, borrowed views", usual, ["--interface", "views"]),
            aloft("sequence", "Aloft, task, sequence of messages", usual, ["--interface", "sequence"]),
            aloft("portable", "Aloft, callbacks, portable", usual.union([.fanout]), ["--transport", "portable"]),
            aloft("level1", "Aloft, callbacks, zlib as it comes", [.deflate, .takeover], ["--zlib", "default"]),
            EchoServer(
                id: "stock", name: "SwiftNIO's pipeline", version: "swift-nio \(versions["swift-nio"])",
                abilities: usual.union([.fanout]), command: ["\(folder)stock-nio-echo", "--threads", "1"]),
            EchoServer(
                id: "flyingfox", name: "FlyingFox", version: "FlyingFox \(versions["flyingfox"])",
                abilities: usual, command: ["\(folder)flyingfox-echo"]),
        ]
    }

    /// The servers of others, from a file with a line for each. The columns, between tabs: id, name, abilities
    /// separated by commas, version, command.
    static func peers(in text: String) throws(BenchError) -> [EchoServer] {
        var servers: [EchoServer] = []
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            let columns = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
            guard columns.count == 5 else { throw .badPeer(line: String(line)) }
            let abilities = columns[2].split(separator: ",").map { Ability(rawValue: String($0)) }
            guard !abilities.contains(nil) else { throw .badPeer(line: String(line)) }
            servers.append(
                EchoServer(
                    id: columns[0], name: columns[1], version: columns[3], abilities: Set(abilities.compactMap(\.self)),
                    command: columns[4].split(separator: " ").map(String.init)))
        }
        return servers
    }
}

/// The versions that Swift's package manager has chosen, from `Package.resolved`.
struct PackageVersions {
    private var versions: [String: String] = [:]

    init(resolved text: String) {
        var identity = ""
        for line in text.split(separator: "\n") {
            let words = line.split(separator: "\"").map(String.init)
            guard words.count >= 4 else { continue }
            if words[1] == "identity" { identity = words[3] }
            if words[1] == "version" { self.versions[identity] = words[3] }
        }
    }

    subscript(_ package: String) -> String { self.versions[package] ?? "of unknown version" }
}
