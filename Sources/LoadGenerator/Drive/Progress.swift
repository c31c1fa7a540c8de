/// How far a run is, told about once a second.
package struct Progress: Sendable {
    package enum Phase: String, Sendable {
        case connecting = "connecting"
        case warmingUp = "warming up"
        case measuring = "measuring"
        case finishing = "finishing"
    }

    package var phase: Phase
    /// Since the phase began, and how long it will take if that is known.
    package var seconds: Double
    package var totalSeconds: Double?
    /// What was measured since the last time, and how long that was.
    package var tally: Tally
    package var tallySeconds: Double
    package var openConnections: Int
    package var wantedConnections: Int
    /// Since the run began.
    package var errors: Int
    /// Messages or handshakes so far in this phase, and how many there will be if that is known.
    package var done: Int
    package var totalDone: Int?

    package init(
        phase: Phase, seconds: Double, totalSeconds: Double?, tally: Tally, tallySeconds: Double,
        openConnections: Int, wantedConnections: Int, errors: Int, done: Int, totalDone: Int?
    ) {
        self.phase = phase
        self.seconds = seconds
        self.totalSeconds = totalSeconds
        self.tally = tally
        self.tallySeconds = tallySeconds
        self.openConnections = openConnections
        self.wantedConnections = wantedConnections
        self.errors = errors
        self.done = done
        self.totalDone = totalDone
    }
}
