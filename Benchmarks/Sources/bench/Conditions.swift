/// How everything is measured.
struct Conditions {
    let processors: Processors
    let seconds: Double
    let warmUpSeconds: Double
    /// Text messages instead of binary ones.
    let isText: Bool
    /// For servers with TLS, where there are any.
    let certificate: Certificate?

    /// Starts `server`, measures it at `subject`, and ends it.
    func sample(_ server: EchoServer, at subject: Subject) throws(BenchError) -> Sample {
        let process = try ServerProcess(
            server, with: self.arguments(server, subject), on: self.processors)
        defer { process.stop() }
        var endpoint = Endpoint(port: process.port)
        switch subject {
        case .echo(let workload): return try self.echo(process, endpoint, workload)
        case .tls(let workload):
            endpoint.tls = try TLSContext()
            return try self.echo(process, endpoint, workload)
        case .handshakes(let count):
            return try self.sample(process, try HandshakeGenerator(endpoint, atOnce: count))
        case .fanout(let subscribers, let payloadBytes, let inFlight):
            endpoint.path = "/fanout"
            return try self.sample(
                process,
                try FanoutGenerator(
                    endpoint, subscribers: subscribers, payloadBytes: payloadBytes, inFlight: inFlight))
        case .deflate(let workload, let keepsContext):
            endpoint.offer =
                keepsContext
                ? "permessage-deflate" : "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
            let script = try DeflateScript(
                payloadBytes: workload.payloadBytes, inFlight: workload.inFlight, keepsContext: keepsContext)
            return try self.sample(
                process, try DeflateGenerator(endpoint, connections: workload.connections, script: script))
        }
    }

    private func arguments(_ server: EchoServer, _ subject: Subject) -> [String] {
        switch subject {
        case .echo, .handshakes: []
        case .fanout: server.fanoutArguments
        case .deflate(_, let keepsContext): ["--deflate", keepsContext ? "takeover" : "no-takeover"]
        case .tls:
            self.certificate.map { ["--tls-certificate", $0.certificate, "--tls-key", $0.key] } ?? []
        }
    }

    private func echo(
        _ process: ServerProcess, _ endpoint: Endpoint, _ workload: EchoWorkload
    ) throws(BenchError) -> Sample {
        let window = FrameWindow(
            messages: workload.inFlight, payloadBytes: workload.payloadBytes, isText: self.isText)
        return try self.sample(
            process, try LoadGenerator(endpoint, connections: workload.connections, window: window))
    }

    private func sample(_ process: ServerProcess, _ generator: some Generator) throws(BenchError) -> Sample {
        try Sample(of: process, under: generator, seconds: self.seconds, warmUpSeconds: self.warmUpSeconds)
    }
}
