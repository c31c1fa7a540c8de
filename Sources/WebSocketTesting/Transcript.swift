public import WebSocketCore

/// What an endpoint makes of a stream of bytes: its events, what it sends, and how it ends.
///
///     let transcript = Transcript(of: bytes, to: .server, in: .byteByByte)
///     transcript.messages          // what the application got
///     transcript.sentFrames        // what the peer would read, unmasked
///     transcript.closure           // how it ended; the stream is ended after the last byte
///
/// However the same bytes arrive, the transcript is the same: compare ``Delivery/whole`` with the others.
public struct Transcript: Sendable, Hashable {
    /// How many bytes each read gives.
    public enum Delivery: Sendable, Hashable {
        /// All in one read.
        case whole
        /// One byte a read.
        case byteByByte
        /// A random number of bytes a read, from 1 to this many, the same for the same seed.
        case pieces(upTo: Int, seed: UInt64)
    }

    /// Everything that happened, the end included.
    public var events: [EndpointEvent]
    /// The bytes sent, as they would travel.
    public var output: [UInt8]
    /// Whether messages could still be sent after the last byte, before the stream was ended.
    public var wasOpen: Bool
    /// How the connection ended, once the stream ended after the last byte.
    public var closure: Closure?

    /// Gives `bytes` to a new endpoint and then ends the stream.
    ///
    /// - Parameters:
    ///   - bytes: what the peer sends.
    ///   - role: of the endpoint that reads.
    ///   - delivery: how the bytes are cut into reads.
    ///   - limits: of the endpoint.
    ///   - deflate: what was agreed on compression; `nil`, the default, is none.
    ///   - prepare: what the endpoint does before anything arrives.
    public init(
        of bytes: [UInt8], to role: Role, in delivery: Delivery = .whole, limits: Limits = Limits(),
        deflate: DeflateSettings? = nil, prepare: (inout TestEndpoint) -> Void = { _ in }
    ) {
        var endpoint = TestEndpoint(role: role, limits: limits, deflate: deflate)
        prepare(&endpoint)
        switch delivery {
        case .whole:
            endpoint.receive(bytes)
        case .byteByByte:
            endpoint.receiveByteByByte(bytes)
        case .pieces(let most, let seed):
            var random = SeededGenerator(seed: seed)
            var rest = bytes[...]
            while !rest.isEmpty {
                let piece = rest.prefix(1 + Int(random.next() % UInt64(max(1, most))))
                rest = rest.dropFirst(piece.count)
                endpoint.receive(Array(piece))
            }
        }
        self.wasOpen = endpoint.connection.isOpen
        endpoint.receiveEndOfStream()
        self.events = endpoint.takeEvents()
        self.output = endpoint.takeOutput()
        self.closure = endpoint.connection.closure
    }

    /// The messages among the events.
    public var messages: [EndpointEvent] {
        self.events.filter {
            switch $0 {
            case .message: true
            case .piece, .awaitsDelivery, .pong, .outputShutDown, .closed: false
            }
        }
    }

    /// What the endpoint failed the connection for, if it did.
    public var violation: ProtocolViolation.Reason? {
        switch self.closure?.ending {
        case .failed(let violation): violation.reason
        case .clean, .abnormal, .timedOut, nil: nil
        }
    }

    /// The frames sent, without their masks.
    public var sentFrames: [FrameBytes] { FrameBytes.frames(in: self.output).map { $0.from(.server) } }
}
