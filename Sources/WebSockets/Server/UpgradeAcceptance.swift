import Logging
import NIOCore
import WebSocketCore

/// Decides about one request for a WebSocket: rules of the protocol, route, Origin, the application's word. The same for
/// the first request of a connection and for a later one of a keep-alive connection.
final class UpgradeAcceptance {
    enum Outcome {
        case refused(Rejection)
        case accepted(AcceptedUpgrade)
    }

    private let state: ServerState
    private let arrival: Arrival
    private let loop: LoopServices
    private var decided: ((Outcome) -> Void)?
    private var task: Task<Void, Never>?

    /// - Parameter decided: called once, on the loop, unless it is cancelled before.
    init(
        state: ServerState, arrival: Arrival, loop: LoopServices, decided: @escaping (Outcome) -> Void
    ) {
        self.state = state
        self.arrival = arrival
        self.loop = loop
        self.decided = decided
    }

    func begin(_ head: RequestHead) {
        do throws(HandshakeFault) {
            let handshake = try ServerHandshake(validating: head)
            guard let route = self.state.routes.route(for: head.path) else { throw .notFound(path: head.path) }
            let isSecure = self.arrival.isSecure
            guard
                self.state.configuration.origins.allows(
                    origin: handshake.origin, host: handshake.host, isSecure: isSecure)
            else { throw .originNotAllowed(handshake.origin) }
            if self.state.isDraining { throw .unavailable }
            let request = UpgradeRequest(
                head: head, subprotocols: handshake.subprotocols, origin: handshake.origin, host: handshake.host,
                remoteAddress: self.arrival.remoteAddress, isSecure: isSecure,
                clientCertificate: self.arrival.clientCertificate)
            if let accept = route.accept {
                self.ask(accept, request, handshake, route)
            } else {
                self.decide(.accept(), request, handshake, route)
            }
        } catch { self.finish(.refused(Rejection(error))) }
    }

    /// Nobody waits for the decision any more.
    func cancel() {
        self.decided = nil
        self.task?.cancel()
    }

    private func ask(
        _ accept: @escaping Route.Accept, _ request: UpgradeRequest, _ handshake: ServerHandshake, _ route: Route
    ) {
        // Comes back to the loop, where `self` lives.
        let unsafeSelf = Unchecked(self)
        let eventLoop = self.loop.eventLoop
        let state = self.state
        self.task = Task(executorPreference: self.loop.executor) {
            await state.calling {
                let decision: UpgradeDecision
                do {
                    decision = try await accept(request)
                } catch {
                    state.logger.error("deciding about a WebSocket failed", metadata: ["error": "\(error)"])
                    decision = .reject(status: 500, body: "internal server error\n")
                }
                eventLoop.execute { unsafeSelf.value.decide(decision, request, handshake, route) }
            }
        }
    }

    private func decide(
        _ decision: UpgradeDecision, _ request: UpgradeRequest, _ handshake: ServerHandshake, _ route: Route
    ) {
        guard self.decided != nil else { return }  // Too late: nobody waits for it any more.
        switch decision {
        case .reject(let status, let fields, let body):
            self.finish(.refused(Rejection(status: status, fields: fields, body: body)))
        case .accept(let subprotocol, let fields):
            do throws(HandshakeFault) {
                let accepted = try handshake.accept(
                    subprotocol: subprotocol, deflate: self.state.settings.deflate, extraFields: fields)
                let info = SocketInfo(
                    remoteAddress: request.remoteAddress, subprotocol: accepted.subprotocol,
                    deflate: accepted.deflate, isSecure: request.isSecure, request: request.head, response: nil)
                SocketMetrics.handshake(status: 101)
                self.finish(
                    .accepted(
                        AcceptedUpgrade(
                            response: accepted.response.encode(), info: info, consumer: route.makeConsumer(request))))
            } catch {
                self.state.logger.error("a decision about a WebSocket is invalid", metadata: ["error": "\(error)"])
                self.finish(.refused(Rejection(error)))
            }
        }
    }

    private func finish(_ outcome: Outcome) {
        let decided = self.decided
        self.decided = nil
        decided?(outcome)
    }
}

/// A WebSocket that is to be opened.
struct AcceptedUpgrade {
    /// The 101, to be written first.
    let response: [UInt8]
    let info: SocketInfo
    let consumer: Consumer
}

/// Carries a reference that belongs to one event loop through code that the compiler cannot see returning to it.
struct Unchecked<Value>: @unchecked Sendable {
    let value: Value
    init(_ value: Value) { self.value = value }
}
