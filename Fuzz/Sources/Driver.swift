// Drives a connection as an event loop does, and writes down what it is told.

import WebSocketCore

struct Message: Equatable {
    var kind: MessageKind
    var bytes: [UInt8]
}

/// All that a driver sees of a connection.
struct Record: Equatable, CustomStringConvertible {
    enum Event: Equatable {
        case message(Message)
        case pong(UInt64?)
        case sent(Opcode, [UInt8])
        case shutdownOutput
        case closeTransport
        case act(Int)
    }

    var events: [Event] = []
    /// After a violation it depends on the cuts how many bytes were thrown away, and so how soon the end comes.
    var deadlineBeforeEnd: Timestamp?
    var closure: Closure?

    var description: String {
        let closure = self.closure?.description ?? "not over"
        return "\(self.events.count) events, \(closure), deadline \(self.deadlineBeforeEnd?.nanoseconds ?? 0) ns"
    }

    var messages: [Message] {
        self.events.compactMap { if case .message(let message) = $0 { message } else { nil } }
    }
}

struct Driver: ~Copyable {
    private let scenario: Scenario
    private var connection: WebSocketConnection
    private var random: SeededGenerator
    private var now = Timestamp(nanoseconds: 1_000_000_000)
    private var record = Record()
    /// What has come of a message.
    private var pieces: [UInt8] = []
    private var hasSentClose = false
    private var hasShutDown = false
    private var hasEnded = false

    init(_ scenario: Scenario) {
        self.scenario = scenario
        self.random = SeededGenerator(seed: scenario.seed)
        self.connection = WebSocketConnection(
            role: scenario.role, configuration: scenario.configuration, deflate: scenario.deflate, now: self.now)
        self.connection.delivery = scenario.delivery
    }

    /// Feeds `wire` in pieces, performs the acts at their offsets, ends the stream, and returns what happened.
    static func run(_ scenario: Scenario, _ wire: [UInt8], _ cuts: Cuts) -> Record {
        var driver = Driver(scenario)
        driver.feed(wire, cuts) { _ in }
        return driver.record
    }

    /// The same without writing anything down; tells after each piece how much memory the connection has come to hold.
    static func run(_ scenario: Scenario, _ wire: [UInt8], _ cuts: Cuts, retained: (Int) -> Void) {
        var driver = Driver(scenario)
        driver.isRecording = false
        driver.feed(wire, cuts, retained: retained)
    }

    private var isRecording = true

    private mutating func feed(_ wire: [UInt8], _ cuts: Cuts, retained: (Int) -> Void) {
        let acts = self.scenario.acts
        var consumed = 0
        let ends = cuts.ends(wire.count, also: acts.map(\.offset))
        let before = allocatedBytes()
        for end in ends where !self.hasEnded {
            consumed += self.receive(wire[consumed..<end])
            retained(allocatedBytes() - before)
            for (index, act) in acts.enumerated() where min(act.offset, wire.count) == end && !self.hasEnded {
                // While bytes are thrown away, an act may come before the end or after it, depending on the cuts.
                if self.hasShutDown && self.isRecording { continue }
                self.write(.act(index))
                self.perform(act.act)
                consumed += self.receive(wire[consumed..<end])
            }
        }
        if self.hasEnded { return }
        if self.isRecording && !self.hasShutDown { self.record.deadlineBeforeEnd = self.connection.deadline }
        self.connection.transportEnded(.endOfStream)
        _ = self.receive([])
        require(self.hasEnded, "the stream has ended and the connection has not")
    }

    private mutating func perform(_ act: Scenario.Act) {
        switch act {
        case .ping: self.connection.ping(self.random.next())
        case .close: self.connection.close(Close(.goingAway, reason: "bye"), now: self.now)
        case .stopReading: self.connection.setReading(false, now: self.now)
        case .startReading: self.connection.setReading(true, now: self.now)
        case .giveUp: self.connection.giveUp(.write)
        case .timePasses(let duration):
            self.now = self.now + duration
            self.connection.timedOut(now: self.now, random: &self.random)
        }
    }

    /// Gives `bytes` to the connection, and does what it says until it needs more. Returns how many it has consumed.
    private mutating func receive(_ bytes: ArraySlice<UInt8>) -> Int {
        let buffer = ExactBytes(bytes)
        var offset = 0
        var idleSteps = 0
        while !self.hasEnded {
            let before = offset
            let step = self.connection.next(in: buffer.memory, from: &offset, now: self.now)
            require(before...bytes.count ~= offset, "offset \(offset) after \(before), of \(bytes.count)")
            // A Close frame, the end of the output and the end of the transport may come without reading.
            idleSteps = offset > before ? 0 : idleSteps + 1
            require(idleSteps <= 5, "step after step without progress: \(step)")
            switch step {
            case .message(let kind, let range):
                require(range.lowerBound >= 0 && range.upperBound <= offset, "a message at \(range), offset \(offset)")
                self.deliver(Message(kind: kind, bytes: Array(buffer.memory[range])))
            case .assembledMessage(let kind): self.deliver(kind, self.connection.takeMessage()[...], isLast: true)
            case .piece(let kind, let range, let isLast):
                require(self.scenario.delivery == .inPieces, "a piece that nobody asked for")
                require(range.lowerBound >= 0 && range.upperBound <= offset, "a piece at \(range), offset \(offset)")
                require(isLast || !range.isEmpty, "an empty piece that is not the last")
                self.deliver(kind, Array(buffer.memory[range])[...], isLast: isLast)
            case .assembledPiece(let kind):
                let piece = self.connection.takeMessage()
                require(self.scenario.delivery == .inPieces, "a piece that nobody asked for")
                require(1...(400 << 10) ~= piece.count, "a piece of \(piece.count) bytes")
                self.deliver(kind, piece[...], isLast: false)
            case .awaitsDelivery:
                require(false, "a message waits, and all is decided")
            case .pong(let payload): self.write(.pong(payload))
            case .write: self.writeControlFrames()
            case .shutdownOutput:
                require(!self.hasShutDown, "the output is shut down twice")
                self.hasShutDown = true
                self.write(.shutdownOutput)
            case .closeTransport:
                require(self.connection.closure != nil, "over, and nobody knows how")
                self.hasEnded = true
                self.write(.closeTransport)
                if self.isRecording { self.record.closure = self.connection.closure }
            case .needMoreBytes:
                require(bytes.count - offset <= 139, "\(bytes.count - offset) bytes are left to the driver")
                return offset
            }
        }
        return offset
    }

    /// The last piece of a message, or the whole of it, completes what came before.
    private mutating func deliver(_ kind: MessageKind, _ piece: ArraySlice<UInt8>, isLast: Bool) {
        require(!self.hasEnded && !self.hasShutDown, "a piece after the end")
        guard self.isRecording else { return }
        self.pieces += piece
        guard isLast else { return }
        self.deliver(Message(kind: kind, bytes: self.pieces))
        self.pieces = []
    }

    private mutating func deliver(_ message: Message) {
        let limit = self.scenario.configuration.limits.maxMessageBytes
        require(message.bytes.count <= limit, "a message of \(message.bytes.count) bytes, the limit is \(limit)")
        require(!self.hasEnded && !self.hasShutDown, "a message after the end")
        if message.kind == .text {
            require(String(validating: message.bytes, as: UTF8.self) != nil, "text that is not UTF-8: \(message.bytes)")
        }
        self.write(.message(message))
    }

    private mutating func writeControlFrames() {
        var frames: [(Opcode, [UInt8])] = []
        let key = MaskingKey(word: 0x1234_5678)
        self.connection.writeControlFrames(maskingKey: self.scenario.role == .client ? { key } : nil) { count, write in
            let frame = ExactBytes(count: count)
            require(write(frame.memory) == count, "not the announced length")
            guard case .header(let header, let headerBytes) = FrameHeader.decode(frame.memory.bytes) else {
                return require(false, "an invalid frame: \(frame.bytes)")
            }
            require(headerBytes + Int(header.payloadBytes) == count, "not one frame: \(frame.bytes)")
            require(header.opcode.isControl && header.isFinal && header.reservedBits.isEmpty, "not a control frame")
            require((header.maskingKey == key) == (self.scenario.role == .client), "a wrong mask")
            let payload = UnsafeMutableRawBufferPointer(rebasing: frame.memory[headerBytes...])
            header.maskingKey?.apply(to: payload)
            frames.append((header.opcode, Array(payload)))
        }
        require(!frames.isEmpty && !self.hasShutDown, "nothing to write, or too late")
        for (opcode, payload) in frames {
            // RFC 6455 §5.5.2: a ping that comes before the peer's Close frame is answered also behind our own.
            require(!self.hasSentClose || opcode == .pong, "a \(opcode) frame after the Close frame")
            if opcode == .close {
                self.hasSentClose = true
                require(payload.count != 1, "a Close frame with one byte")
                require(String(validating: payload.dropFirst(2), as: UTF8.self) != nil, "a reason that is not UTF-8")
            }
            self.write(.sent(opcode, payload))
        }
    }

    private mutating func write(_ event: Record.Event) {
        if self.isRecording { self.record.events.append(event) }
    }
}
