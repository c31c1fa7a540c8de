extension MarkdownReport {
    /// Machine, versions, method and noise.
    var method: String {
        [self.machineAndVersions, self.howItIsMeasured, self.noise].filter { !$0.isEmpty }.joined(separator: "\n\n")
    }

    private var machineAndVersions: String {
        var lines = [
            "## Machine and versions", "", "\(self.machine.description).", "", "| server | version |", "|---|---|",
        ]
        for server in self.results.servers { lines.append("| \(server.name) | \(server.version) |") }
        return lines.joined(separator: "\n")
    }

    private var howItIsMeasured: String {
        let processors = self.conditions.processors
        return """
            ## Method

            Each server is bound to processor \(processors.server), with one event loop where it lets one choose; the \
            load generator, one thread on epoll, runs on processor \
            \(processors.generator)\(processors.areShared ? ", **the same one**" : ""). \
            For an echo, a connection sends all messages it may have in flight in one write and sends them again when \
            all have come back; every byte is compared. Messages are \(self.conditions.isText ? "text" : "binary"), \
            masked, and uncompressed unless it says otherwise. \(self.rounds) rounds; in each, every server is started \
            anew, warmed up for \(self.conditions.warmUpSeconds.text(1)) s and measured for \
            \(self.conditions.seconds.text(1)) s, one after the other in changing order. CPU is the processor time of \
            all threads of the server, system calls included, as the operating system accounts it. Figures are medians \
            of the rounds, in brackets the least and the greatest. Efficiency is the CPU time of \
            \(self.results.name(self.results.reference)) divided by the server's, round by round, then the median.
            """
    }

    private var noise: String {
        let sorted = self.results.noise.sorted()
        guard self.rounds > 1, let median = Spread(sorted)?.median, let worst = sorted.last else { return "" }
        let most = sorted[min(sorted.count - 1, sorted.count * 9 / 10)]
        return """
            ## Noise

            The efficiencies of one server at one workload differ between the rounds by \((median * 100).text()) % of \
            their median (least to greatest) in the middle of \(sorted.count) such comparisons, by less than \
            \((most * 100).text()) % in nine of ten, and by \((worst * 100).text()) % at worst.
            """
    }

    static let fanoutNote = """
        Everybody is subscribed to one thing, and one of them publishes. A message is in flight until the last \
        subscriber has it; then another one follows. uWebSockets uses its own publish and subscribe, gorilla a prepared \
        message and a goroutine for each connection, websockets its `broadcast`, ws and SwiftNIO's pipeline a loop over \
        all connections.
        """

    static let handshakeNote = """
        Connect, ask for a WebSocket, read the answer, reset the connection, begin again.
        """

    static let deflateNote = """
        Text like JSON, compressed by the generator beforehand. The first four replies of every connection are inflated \
        and compared, after that messages are counted. uWebSockets compresses with zlib's level 6: without context \
        takeover (its shared compressor) with a window of 15 bits and memory level 8; with it, whichever of its \
        dedicated compressors is asked for, this version makes one of 9 bits and memory level 1. The others compress \
        with the same settings, except gorilla (level 1 of Go's own DEFLATE, never with context takeover), and the row \
        "as it comes": the library's defaults, level 1, 15 bits, memory level 8. All messages are compressed, however \
        short.
        """

    static let tlsNote = """
        TLS 1.3, AES-128-GCM, a P-256 certificate made for the run. The library's servers with TLS run on SwiftNIO and \
        its BoringSSL; uWebSockets has a BoringSSL, node an OpenSSL, gorilla Go's own TLS. The generator encrypts and \
        decrypts as much as the server does, with OpenSSL.
        """
}
