import ArgumentParser
import LoadGenerator

/// `aloft bench`: puts load on a WebSocket server and measures what comes of it.
struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Put load on a WebSocket server and measure it.",
        discussion: """
            Only load servers that are yours, or whose owner has agreed.

            `aloft bench URL` is `aloft bench echo URL`. Times are like 500ms, 10s, 2m; sizes like 64, 1k, 1M (powers \
            of 1024); rates like 1000 or 50k, a second and in all. Each mode has more options: aloft bench echo --help.

            SIGINT ends the measurement and prints the report; a second one ends at once. The exit code is 0 if \
            something was measured, 1 if no connection could be made or --fail-on-errors is given and there were \
            errors, 64 for arguments that make no sense.

            EXAMPLES
              aloft echo --port 9001               something to try it on
              aloft bench ws://127.0.0.1:9001/     50 connections, 10 seconds

              The most it can do, then latency at a load that it can bear:
              aloft bench ws://127.0.0.1:9001/ -c 100 --in-flight 16
              aloft bench ws://127.0.0.1:9001/ -c 100 --rate 20k --warm-up 2s

              Handshakes; connections that stay; one to many:
              aloft bench connect ws://127.0.0.1:9001/ -c 20
              aloft bench idle ws://127.0.0.1:9001/ -c 10000 --connect-rate 1k
              aloft bench broadcast ws://127.0.0.1:9002/ -c 500 --rate 10
            """,
        subcommands: [BenchEcho.self, BenchConnect.self, BenchIdle.self, BenchBroadcast.self],
        defaultSubcommand: BenchEcho.self
    )
}

/// `aloft bench echo`
struct BenchEcho: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "echo",
        abstract: "Send messages and expect each back (the default).",
        discussion: """
            Without --rate it is a closed loop: each connection keeps --in-flight messages under way and sends the next \
            when one has come back. That shows what the server can do at most; its latencies are those of a server \
            that is given no more than it takes.

            With --rate a message is due at a fixed time, whatever has become of those before, and its latency counts \
            from then, also if it had to wait because --in-flight were under way (coordinated omission). The time from \
            when it was really sent stands beside it.

            Every answer must have the length and the kind of what was sent; with --verify its bytes are compared, and \
            messages of 8 bytes and more begin with a number.

            EXAMPLES
              aloft bench ws://127.0.0.1:9001/ -c 100 --in-flight 16 --size 20
              aloft bench ws://127.0.0.1:9001/ --rate 50k -d 1m --json result.json
              aloft bench wss://localhost:9443/ --ca ca.pem --binary -s 64k --verify
              aloft bench ws://127.0.0.1:9001/ --deflate --message-file message.json
              aloft bench ws://127.0.0.1:9001/ --messages 100k --fail-on-errors -q
            """
    )

    @OptionGroup var target: BenchTarget
    @OptionGroup(title: "LOAD") var load: BenchLoad
    @OptionGroup(title: "MESSAGES") var message: BenchMessage
    @OptionGroup(title: "OUTPUT") var output: BenchOutput

    @Option(
        help: ArgumentHelp(
            "Messages of one connection that may wait for their answer. (default: 1; with --rate 64)", valueName: "n"))
    var inFlight: Int?

    @Flag(help: "Compare the content of each answer, not only its length and kind.")
    var verify = false

    @Option(
        help: ArgumentHelp(
            "Correct the latencies of a closed loop as if a message had been due each time this has passed.",
            valueName: "time"), transform: BenchArgument.duration)
    var expectedInterval: Duration?

    @Option(
        help: ArgumentHelp("Send what is in this file instead of generated content.", valueName: "file"),
        completion: .file())
    var messageFile: String?

    func plan() throws -> LoadPlan {
        var plan = LoadPlan(.echo, url: self.target.url)
        plan.connections = 50
        try self.target.apply(to: &plan)
        self.load.apply(to: &plan)
        self.message.apply(to: &plan)
        plan.inFlight = self.inFlight ?? (plan.rate == nil ? 1 : 64)
        plan.verifiesContent = self.verify
        plan.expectedInterval = self.expectedInterval
        if let messageFile {
            plan.message = try BenchArgument.content(of: messageFile, limit: LoadPlan.maxMessageBytes)
        }
        return plan
    }

    func validate() throws { try BenchArgument.check(try self.plan()) }

    func run() async throws { try await BenchRun(try self.plan(), self.output).run() }
}

/// `aloft bench connect`
struct BenchConnect: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "connect",
        abstract: "Open and close connections, and measure the handshakes.",
        discussion: """
            As many connections as --connections says are opened, closed with 1000 and opened again, all the time. The \
            time of a handshake is TCP, TLS and the opening handshake. With --rate, so many a second are begun, and a \
            latency counts from when one was due. --messages is the number of connections in all.

            EXAMPLES
              aloft bench connect ws://127.0.0.1:9001/
              aloft bench connect ws://127.0.0.1:9001/ -c 100 --rate 500 -d 30s
              aloft bench connect wss://localhost:9443/ --insecure --messages 1000
            """
    )

    @OptionGroup var target: BenchTarget
    @OptionGroup(title: "LOAD") var load: BenchLoad
    @OptionGroup(title: "OUTPUT") var output: BenchOutput

    func plan() throws -> LoadPlan {
        var plan = LoadPlan(.connect, url: self.target.url)
        plan.connections = 10
        try self.target.apply(to: &plan)
        self.load.apply(to: &plan)
        return plan
    }

    func validate() throws { try BenchArgument.check(try self.plan()) }

    func run() async throws { try await BenchRun(try self.plan(), self.output).run() }
}

/// `aloft bench idle`
struct BenchIdle: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "idle",
        abstract: "Open connections and hold them.",
        discussion: """
            The duration begins when all are open. Pings of the server are answered; --ping-interval sends some as \
            well. The report says how many connections were lost, and why.

            EXAMPLES
              aloft bench idle ws://127.0.0.1:9001/ -c 10000 --connect-rate 1k -d 5m
              aloft bench idle ws://127.0.0.1:9001/ --ping-interval 10s --hello join
            """
    )

    @OptionGroup var target: BenchTarget
    @OptionGroup(title: "OUTPUT") var output: BenchOutput

    @Option(
        name: [.short, .long], help: ArgumentHelp("How long to hold them. (default: 10s)", valueName: "time"),
        transform: BenchArgument.duration)
    var duration: Duration?

    @Option(
        help: ArgumentHelp("A text message that each connection sends first.", valueName: "text"))
    var hello: String?

    func plan() throws -> LoadPlan {
        var plan = LoadPlan(.idle, url: self.target.url)
        plan.connections = 1000
        try self.target.apply(to: &plan)
        if let duration { plan.duration = duration }
        plan.hello = self.hello
        return plan
    }

    func validate() throws { try BenchArgument.check(try self.plan()) }

    func run() async throws { try await BenchRun(try self.plan(), self.output).run() }
}

/// `aloft bench broadcast`
struct BenchBroadcast: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "broadcast",
        abstract: "Publish to many, and measure what arrives when.",
        discussion: """
            For servers that pass each message on to everybody, or to everybody who has asked for it with --hello. \
            --connections of them receive, --publishers others send --rate messages a second in all. Each message \
            begins with its number and the time when it was due (41 characters of text): what is missing, comes twice \
            or out of order is counted, and the latency is that of each delivery. The server may wrap it: it is looked \
            for in the first 1024 bytes. --template wraps what is published. What comes back to publishers is not counted.

            EXAMPLES
              aloft bench broadcast ws://127.0.0.1:9002/ -c 500 --rate 10
              aloft bench broadcast ws://127.0.0.1:9002/ -c 1000 --publishers 10 -r 100
              aloft bench broadcast ws://127.0.0.1:9002/out \\
                --publish-url ws://127.0.0.1:9002/in --hello subscribe
              aloft bench broadcast ws://127.0.0.1:8000/ws \\
                --header 'Origin: http://127.0.0.1:8000' \\
                --hello '{"type":"join","name":"bench"}' \\
                --template '{"type":"say","text":"{message}"}'
            """
    )

    @OptionGroup var target: BenchTarget
    @OptionGroup(title: "LOAD") var load: BenchLoad
    @OptionGroup(title: "MESSAGES") var message: BenchMessage
    @OptionGroup(title: "OUTPUT") var output: BenchOutput

    @Option(help: ArgumentHelp("Connections that publish.", valueName: "n"))
    var publishers = 1

    @Option(
        help: ArgumentHelp(
            "What to wrap each published message in, with {message} in its place. --size is that of the message.",
            valueName: "text"))
    var template: String?

    @Option(help: ArgumentHelp("Where they publish, if not at URL.", valueName: "url"))
    var publishUrl: String?

    @Option(help: ArgumentHelp("A text message that each connection sends first.", valueName: "text"))
    var hello: String?

    func plan() throws -> LoadPlan {
        var plan = LoadPlan(.broadcast, url: self.target.url)
        plan.connections = 100
        plan.rate = 10
        try self.target.apply(to: &plan)
        self.load.apply(to: &plan)
        self.message.apply(to: &plan)
        plan.publishers = self.publishers
        plan.publishURL = self.publishUrl
        plan.hello = self.hello
        plan.template = self.template
        return plan
    }

    func validate() throws { try BenchArgument.check(try self.plan()) }

    func run() async throws { try await BenchRun(try self.plan(), self.output).run() }
}
