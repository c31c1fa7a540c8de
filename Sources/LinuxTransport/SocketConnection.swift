#if os(Linux)
import CLinux
import Glibc
package import NIOCore

/// Who uses a connection. Everything is called on the loop, and but for ``closed()`` never from inside a call to the
/// connection.
package protocol SocketHandler: AnyObject {
    /// Bytes came, into memory that is lent until this returns and may be changed. So many bytes before them may be
    /// overwritten.
    ///
    /// - Returns: how much work they were: frames, say. Whoever brings much is read from in smaller pieces.
    func received(_ bytes: UnsafeMutableRawBufferPointer, headroom: Int) -> Int

    /// The peer has ended the stream behind bytes that have not been read yet, because the handler does not read.
    func ending()

    /// Nothing more will come: the peer has ended the stream, or the connection broke.
    func ended(_ failure: SystemError?)

    /// The system has taken some of what waited.
    func drained()

    /// The descriptor is closed. The last call.
    func closed()
}

/// A TCP connection on its loop.
///
/// What is written is collected until ``flush()``, which hands it to the system in one call. What the system does not
/// take waits, and follows when there is room. A connection that has nothing to write holds no memory for it.
package final class SocketConnection: Watched {
    package let loop: EpollEventLoop
    @exclusivity(unchecked) package var handler: (any SocketHandler)?

    @exclusivity(unchecked) private var output: OutputBuffer?
    /// Bytes that the system has taken since the beginning.
    @exclusivity(unchecked) package private(set) var sentBytes = 0

    private struct Flags: OptionSet {
        let rawValue: UInt8
        /// The handler wants bytes.
        static let reads = Flags(rawValue: 1)
        /// The system has no room; it says when it has.
        static let isBlocked = Flags(rawValue: 2)
        /// Nothing more can be sent.
        static let isBroken = Flags(rawValue: 4)
        /// The peer has ended the stream.
        static let hasEnded = Flags(rawValue: 8)
        /// Our side of the stream ends, or the connection is closed, once everything is sent.
        static let endsOutput = Flags(rawValue: 16)
        static let closes = Flags(rawValue: 32)
        /// The handler knows that the peer has ended the stream behind what has not been read.
        static let isEnding = Flags(rawValue: 64)
    }

    @exclusivity(unchecked) private var flags: Flags = [.reads]
    @exclusivity(unchecked) private var readSize = ReadSize()

    package init(descriptor: Int32, loop: EpollEventLoop) {
        self.loop = loop
        super.init(descriptor: descriptor)
    }

    deinit {
        if self.descriptor >= 0 { Glibc.close(self.descriptor) }
    }

    /// Begins to read.
    package func start() throws(SystemError) { try self.loop.watch(self, for: .readable) }

    // MARK: Reading

    override func ready(_ readiness: Readiness) {
        if readiness.contains(.writable) { self.becameWritable() }
        if self.descriptor < 0 { return }
        if self.flags.contains(.reads) {
            if !readiness.isDisjoint(with: [.readable, .broken]) { self.read() }
        } else if !readiness.isDisjoint(with: .broken) {
            self.broke()
        } else if readiness.contains(.ending), self.flags.insert(.isEnding).inserted {
            self.watch()
            self.handler?.ending()
        }
    }

    /// Reads once: what is left comes in the next turn, when the others have had theirs.
    private func read() {
        let alone = self.loop.readyCount <= 1
        let memory = UnsafeMutableRawBufferPointer(
            rebasing: self.loop.receiveBuffer.body[..<self.readSize.bytes(alone: alone)])
        switch self.loop.receive(self.descriptor, into: memory) {
        case .bytes(0): self.end(nil)
        case .bytes(let count):
            let work = self.handler?.received(
                UnsafeMutableRawBufferPointer(rebasing: memory[..<count]), headroom: ReceiveMemory.headroom)
            self.readSize.adapt(to: work ?? 0, count: count)
        case .wouldBlock: break
        case .failed(let error): self.end(error)
        }
    }

    /// The system says that it is broken while nobody reads.
    private func broke() {
        if self.flags.contains(.closes) {
            self.close()
            return
        }
        // Whoever has heard of the end of the stream goes on with what has come before.
        if !self.flags.isDisjoint(with: [.hasEnded, .isEnding]) {
            self.flags.insert(.isBroken)
            self.loop.unwatch(self)
            return
        }
        let code = clinux_socket_error(self.descriptor)
        self.end(code == 0 ? nil : SystemError("recv", code: code))
    }

    private func end(_ failure: SystemError?) {
        self.flags.insert(.hasEnded)
        self.flags.remove(.reads)
        if failure != nil { self.flags.insert(.isBroken) }
        self.watch()
        self.handler?.ended(failure)
    }

    /// Stops or resumes reading.
    package func setReading(_ reads: Bool) {
        if reads, self.flags.isDisjoint(with: [.hasEnded, .closes]) {
            self.flags.insert(.reads)
        } else {
            self.flags.remove(.reads)
        }
        if reads, self.interest == nil, self.flags.contains(.isEnding) {
            self.loop.perform(.task { self.readRest(nil) })
        } else {
            self.watch()
        }
    }

    /// What had come before the connection broke is still there.
    private func readRest(_ failure: SystemError?) {
        while self.flags.contains(.reads), self.descriptor >= 0 {
            let memory = self.loop.receiveBuffer.body
            switch self.loop.receive(self.descriptor, into: memory) {
            case .bytes(0):
                self.end(nil)
                return
            case .bytes(let count):
                _ = self.handler?.received(
                    UnsafeMutableRawBufferPointer(rebasing: memory[..<count]), headroom: ReceiveMemory.headroom)
            case .wouldBlock, .failed:
                self.end(failure)
                return
            }
        }
        if self.descriptor < 0 || self.flags.contains(.hasEnded) { return }
        if self.flags.contains(.isEnding) {
            self.loop.unwatch(self)
        } else {
            self.end(failure)
        }
    }

    private func watch() {
        var interest: Readiness = []
        if self.flags.contains(.reads) {
            interest.insert(.readable)
        } else if self.flags.isDisjoint(with: [.hasEnded, .isEnding, .closes]) {
            interest.insert(.ending)
        }
        if self.flags.contains(.isBlocked) { interest.insert(.writable) }
        self.loop.change(self, to: interest)
    }

    // MARK: Writing

    /// Bytes that the system has not taken yet.
    package var waitingBytes: Int { self.output?.count ?? 0 }

    /// Adds bytes, at most `count`, that `body` writes to the memory it is given; it returns how many, and so does this.
    @discardableResult
    package func write(_ count: Int, _ body: (UnsafeMutableRawBufferPointer) -> Int) -> Int {
        if self.flags.contains(.isBroken) { return 0 }
        let output = self.outputBuffer()
        let written = body(output.room(for: count))
        output.append(written)
        return written
    }

    /// Adds bytes.
    package func write(_ bytes: UnsafeRawBufferPointer) {
        self.write(bytes.count) { memory in
            memory.copyMemory(from: bytes)
            return bytes.count
        }
    }

    /// Sends everything written so far and `bytes` behind it, of which only that is copied which the system does not
    /// take.
    package func flush(followedBy bytes: UnsafeRawBufferPointer) {
        if self.flags.contains(.isBroken) { return }
        var sent = 0
        if !self.flags.contains(.isBlocked) {
            let outcome =
                if let output { self.loop.send(self.descriptor, output.bytes, bytes) } else {
                    self.loop.send(self.descriptor, bytes)
                }
            switch outcome {
            case .bytes(let count): sent = count
            case .wouldBlock: break
            case .failed(let error):
                self.breakDown(error)
                return
            }
        }
        self.sentBytes &+= sent
        if self.output == nil {
            // All of it, nearly always: nothing was kept, nothing is.
            if sent == bytes.count, self.flags.isDisjoint(with: [.endsOutput, .closes]) { return }
        }
        let output = self.outputBuffer()
        let fromOutput = min(sent, output.count)
        output.removeFirst(fromOutput)
        let rest = bytes.dropFirst(sent - fromOutput)
        if !rest.isEmpty { output.append(UnsafeRawBufferPointer(rebasing: rest)) }
        self.sent()
    }

    /// Hands what was written to the system.
    package func flush() {
        guard let output, self.flags.isDisjoint(with: [.isBlocked, .isBroken]) else { return }
        switch self.loop.send(self.descriptor, output.bytes) {
        case .bytes(let count):
            self.sentBytes &+= count
            output.removeFirst(count)
            self.sent()
        case .wouldBlock: self.sent()
        case .failed(let error): self.breakDown(error)
        }
    }

    private func outputBuffer() -> OutputBuffer {
        if let output { return output }
        let output = self.loop.outputBuffers.take()
        self.output = output
        return output
    }

    /// The system has taken what it has room for.
    private func sent() {
        guard let output, output.count == 0 else {
            if self.flags.insert(.isBlocked).inserted { self.watch() }
            return
        }
        self.output = nil
        self.loop.outputBuffers.give(output)
        if self.flags.remove(.isBlocked) != nil { self.watch() }
        if self.flags.isDisjoint(with: [.endsOutput, .closes]) { return }
        if self.flags.contains(.closes) { self.close() } else { Glibc.shutdown(self.descriptor, Int32(SHUT_WR)) }
    }

    private func becameWritable() {
        guard self.flags.contains(.isBlocked), let output, self.descriptor >= 0 else { return }
        switch self.loop.send(self.descriptor, output.bytes) {
        case .bytes(let count):
            self.sentBytes &+= count
            output.removeFirst(count)
            self.sent()
            if !self.flags.contains(.closes) { self.handler?.drained() }
        case .wouldBlock: break
        case .failed(let error): self.breakDown(error)
        }
    }

    /// Nothing can be sent any more. What has come is still read; then the handler hears of it, in a call of its own.
    private func breakDown(_ error: SystemError) {
        self.flags.insert(.isBroken)
        self.flags.remove(.isBlocked)
        self.output = nil
        if self.flags.contains(.closes) {
            self.close()
            return
        }
        self.watch()
        self.loop.perform(.task { self.readRest(error) })
    }

    // MARK: Ending

    /// Ends our side of the stream once everything is sent.
    package func shutDownOutput() {
        self.flags.insert(.endsOutput)
        self.flush()
        if self.output == nil, self.descriptor >= 0 { Glibc.shutdown(self.descriptor, Int32(SHUT_WR)) }
    }

    /// Closes once everything is sent, or when `limit` has passed. The handler hears nothing any more but
    /// ``SocketHandler/closed()``, from inside this call perhaps.
    package func closeWhenSent(atMost limit: TimeAmount) {
        self.flush()
        guard self.output != nil, self.descriptor >= 0 else {
            self.close()
            return
        }
        self.flags.insert(.closes)
        self.setReading(false)
        // Harmless if it is closed by then.
        self.loop.assumeIsolatedUnsafeUnchecked().scheduleTask(in: limit) { self.close() }
    }

    /// Closes now. The handler hears nothing any more but ``SocketHandler/closed()``, from inside this call.
    package func close() {
        let handler = self.handler.take()
        if let output = self.output.take() { self.loop.outputBuffers.give(output) }
        self.flags.insert(.isBroken)
        self.loop.unwatch(self)
        let descriptor = self.takeDescriptor()
        if descriptor >= 0 { Glibc.close(descriptor) }
        handler?.closed()
    }

    /// Gives the descriptor to somebody else, who closes it. The handler hears nothing any more.
    package func detach() -> Int32 {
        self.handler = nil
        self.loop.unwatch(self)
        self.flags.insert(.isBroken)
        return self.takeDescriptor()
    }
}
#endif
