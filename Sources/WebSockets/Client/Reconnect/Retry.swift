public import WebSocketCore

/// Whether it is worth trying again.
public enum Retry: Sendable, Hashable {
    /// It would come to the same, or must not be.
    case never
    /// What went wrong may be over: after a pause that ``ReconnectPolicy`` chooses.
    case now
    /// The server asks not to come back before so much time has passed.
    case after(Duration)
}

extension WebSocketError {
    /// Whether to try again: after network failures and time-outs, the statuses 408, 429, 500, 502, 503 and 504, and as
    /// `Closure.retry` says. A server's Retry-After is read against the system's clock.
    public var retry: Retry { self.retry(at: UnixTime.now) }

    /// - Parameter now: seconds since 1970.
    func retry(at now: Int64) -> Retry {
        switch self {
        case .closed(let closure), .messageCutShort(let closure): closure.retry
        case .handshakeRejected(let head, _): head.retry(at: now)
        case .handshakeTimedOut, .connectionFailed, .tooManyConnecting: .now
        case .proxyFailed(_, let fault): fault.retry(at: now)
        case .closing, .refused, .outboxFull, .alreadyReceiving, .invalidHandshake, .invalidURL, .tlsFailed,
            .redirectRefused, .invalidSetting:
            .never
        }
    }
}

extension Closure {
    /// Whether to connect again after a connection has ended like this.
    ///
    /// Yes after 1001, 1011, 1012, 1013 and 1014 of the peer, and after a loss or a time-out without a Close frame of the
    /// peer. Not after any other code (1000 is an end, and what 3000 to 4999 mean only the application knows), not after this
    /// end closed, and not after the peer broke the protocol or a limit of this end: the next message would be as big.
    public var retry: Retry {
        if case .failed = self.ending { return .never }
        if let received = self.received {
            switch received.code {
            case .goingAway, .internalError, .serviceRestart, .tryAgainLater, .badGateway: return .now
            case nil, .some: return .never
            }
        }
        switch self.ending {
        case .clean, .failed: return .never
        case .abnormal(.aborted), .timedOut(.close): return .never
        case .abnormal(.endOfStream), .abnormal(.broken), .timedOut(.keepAlive), .timedOut(.write): return .now
        }
    }
}

extension ResponseHead {
    fileprivate func retry(at now: Int64) -> Retry {
        switch self.status {
        case 408, 429, 500, 502, 503, 504:
            RetryAfter.delay(self.fields["Retry-After"], now: now).map { .after($0) } ?? .now
        default: .never
        }
    }
}

extension ProxyFault {
    fileprivate func retry(at now: Int64) -> Retry {
        switch self {
        case .refused(let head): head.retry(at: now)
        case .ended: .now
        case .socksRefused(let reply):
            // A general failure, and what cannot be reached at the moment.
            [1, 3, 4, 5, 6].contains(reply.rawValue) ? .now : .never
        case .authenticationRequired, .authenticationRefused, .invalidAnswer, .protocolError: .never
        }
    }
}
