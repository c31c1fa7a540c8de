import WebSocketCore

/// A part of a message, in the order in which it came.
struct MessagePiece {
    let kind: MessageKind
    let bytes: [UInt8]
    let isLast: Bool
}

/// Messages that are received in pieces.
extension SocketEngine {
    /// Whether a message may be larger than what is collected.
    var receivesInPieces: Bool {
        let limits = self.settings.connection.limits
        return (limits.maxStreamedBytes ?? 0) > limits.maxMessageBytes
    }

    /// The next piece of the burst that is being consumed, if there is one. Control frames are dealt with on the way.
    func pullPiece() -> MessagePiece? {
        self.connection.delivery = .inPieces
        while let burst, !self.isOutputBlocked, !self.isFinished {
            burst.pointee.frames &+= 1
            let bytes = burst.pointee.bytes
            let step = self.connection.next(in: bytes, from: &burst.pointee.offset, now: burst.pointee.time)
            switch step {
            // The machine's ranges lie within the bytes it was given.
            case .message(let kind, let range):
                return MessagePiece(kind: kind, bytes: Array(bytes[range]), isLast: true)
            case .piece(let kind, let range, let isLast):
                return MessagePiece(kind: kind, bytes: Array(bytes[range]), isLast: isLast)
            case .assembledMessage(let kind):
                return MessagePiece(kind: kind, bytes: self.connection.takeMessage(), isLast: true)
            case .assembledPiece(let kind):
                return MessagePiece(kind: kind, bytes: self.connection.takeMessage(), isLast: false)
            case .needMoreBytes, .awaitsDelivery:
                if !self.connection.isReceivingMessage { burst.pointee.controlFrames &+= 1 }
                return nil
            case .pong, .write, .shutdownOutput, .closeTransport:
                burst.pointee.controlFrames &+= 1
                self.obey(step)
            }
        }
        if self.isOutputBlocked || self.isFinished { self.takeDueSteps() }
        return nil
    }
}
