import Glibc

/// What idle connections cost one server in memory, once.
struct IdleMeasurement: Sendable, Codable, Equatable {
    /// Bytes for each connection after its opening handshake: resident, and of that not shared with other processes.
    let afterHandshake: ResidentMemory
    /// The same after each has echoed one message of 20 bytes.
    let afterMessage: ResidentMemory

    /// Time for the server to do what it does last, and to give back what it gives back.
    private static let restMilliseconds = 500

    /// Starts `server`, opens `connections`, looks at its memory, ends it.
    ///
    /// One more connection has echoed a message before: what a server needs once does not count.
    init(_ server: EchoServer, connections count: Int, on processors: Processors) throws(BenchError) {
        let process = try ServerProcess(server, on: processors)
        defer { process.stop() }
        let endpoint = Endpoint(port: process.port)
        let message = [UInt8](repeating: 0x61, count: 20)
        var sockets = try ClientSocket.open(1, to: endpoint)
        defer { for socket in sockets { socket.drop() } }
        try ClientSocket.exchange(message, on: sockets)
        let before = try Self.memoryAtRest(process)

        sockets += try ClientSocket.open(count, to: endpoint)
        self.afterHandshake = try Self.memoryAtRest(process).growth(since: before, for: count)
        try ClientSocket.exchange(message, on: sockets)
        self.afterMessage = try Self.memoryAtRest(process).growth(since: before, for: count)
    }

    private static func memoryAtRest(_ process: ServerProcess) throws(BenchError) -> ResidentMemory {
        Clock.sleep(milliseconds: Self.restMilliseconds)
        return try ResidentMemory.of(process.pid)
    }
}

extension ResidentMemory {
    /// What was added since `before`, for each of `count` connections.
    fileprivate func growth(since before: ResidentMemory, for count: Int) -> ResidentMemory {
        ResidentMemory(
            resident: (self.resident - before.resident) / max(1, count),
            notShared: (self.notShared - before.notShared) / max(1, count))
    }
}
