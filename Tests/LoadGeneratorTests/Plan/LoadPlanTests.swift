import LoadGenerator
import Testing

@Suite("What a plan may be")
struct LoadPlanTests {
    private static func plan(
        _ mode: LoadPlan.Mode = .echo, url: String = "ws://127.0.0.1:1/", _ change: (inout LoadPlan) -> Void = { _ in }
    ) -> LoadPlan {
        var plan = LoadPlan(mode, url: url)
        if mode == .broadcast { plan.rate = 10 }
        change(&plan)
        return plan
    }

    @Test("the defaults of each mode", arguments: LoadPlan.Mode.allCases)
    func defaults(mode: LoadPlan.Mode) throws { try Self.plan(mode).check() }

    /// What is wrong, and what the message must name.
    private struct Refusal: Sendable, CustomTestStringConvertible {
        let names: String
        var mode = LoadPlan.Mode.echo
        let change: @Sendable (inout LoadPlan) -> Void
        var testDescription: String { self.names }
    }

    private static let refusals: [Refusal] = [
        .init(names: "URL") { $0.url = "http://127.0.0.1/" },
        .init(names: "--connections must be 1 to 1000000, not 0") { $0.connections = 0 },
        .init(names: "--connections") { $0.connections = 1_000_001 },
        .init(names: "--in-flight must be 1 to 65536, not 0") { $0.inFlight = 0 },
        .init(names: "--in-flight") { $0.inFlight = 65_537 },
        .init(names: "--connections times --in-flight must") {
            $0.connections = 1000
            $0.inFlight = 65_536
        },
        .init(names: "times --size must be at most 2 GiB") {
            $0.connections = 100
            $0.inFlight = 100
            $0.sizeBytes = 1 << 20
        },
        .init(names: "--size must be 0 to") { $0.sizeBytes = -1 },
        .init(names: "--size") { $0.sizeBytes = (64 << 20) + 1 },
        .init(names: "--threads") { $0.threads = 0 },
        .init(names: "--connect-at-once") { $0.connectAtOnce = 0 },
        .init(names: "--duration") { $0.duration = .zero },
        .init(names: "--duration or --messages") { $0.duration = nil },
        .init(names: "--warm-up") { $0.warmUp = .seconds(-1) },
        .init(names: "--messages and --warm-up") {
            $0.messages = 5
            $0.warmUp = .seconds(1)
        },
        .init(names: "--messages") { $0.messages = 0 },
        .init(names: "--timeout") { $0.timeout = .zero },
        .init(names: "--rate") { $0.rate = 0 },
        .init(names: "--rate") { $0.rate = .nan },
        .init(names: "--rate") { $0.rate = 1e9 },
        .init(names: "--connect-rate") { $0.connectRate = -1 },
        .init(names: "--ping-interval") { $0.pingInterval = .milliseconds(1) },
        .init(names: "--expected-interval") { $0.expectedInterval = .nanoseconds(1) },
        .init(names: "--expected-interval is for a closed loop") {
            $0.expectedInterval = .milliseconds(1)
            $0.rate = 10
        },
        .init(names: "--message-file is not UTF-8") { $0.message = [0xFF] },
        .init(names: "--size must be 41 to", mode: .broadcast) { $0.sizeBytes = 40 },
        .init(names: "--publishers", mode: .broadcast) { $0.publishers = 0 },
        .init(names: "--publish-url", mode: .broadcast) { $0.publishURL = "nowhere" },
        .init(names: "--connections times --publishers", mode: .broadcast) {
            $0.connections = 100_000
            $0.publishers = 1000
        },
        .init(names: "--template must have {message}", mode: .broadcast) { $0.template = "say {}" },
        .init(names: "--template", mode: .broadcast) { $0.template = "{message}{message}" },
        .init(names: "--rate", mode: .broadcast) { $0.rate = nil },
    ]

    @Test("refusals name the option and its range", arguments: refusals.indices)
    func refusal(index: Int) throws {
        let refusal = Self.refusals[index]
        let plan = Self.plan(refusal.mode, refusal.change)
        let fault = #expect(throws: PlanFault.self) { try plan.check() }
        #expect(fault?.description.contains(refusal.names) == true, "\(fault?.description ?? "none")")
    }

    @Test("the ends of the ranges are in them")
    func edges() throws {
        try Self.plan { $0.connections = LoadPlan.maxConnections }.check()
        try Self.plan {
            $0.connections = 256
            $0.inFlight = 65_536
        }.check()
        try Self.plan {
            $0.connections = 1
            $0.sizeBytes = 64 << 20
        }.check()
        try Self.plan(.broadcast) { $0.sizeBytes = 41 }.check()
        try Self.plan { $0.message = Array("häh".utf8) }.check()
    }
}
