// Whether a server may be used, and why not.

import RESP

/// The state of a server, as operators see it.
enum BackendState: Equatable {
    /// Nothing is known yet.
    case connecting
    /// It reads its data from disk.
    case loading
    /// It takes a whole copy from its master, or never had one.
    case syncing
    /// Its link to a master that works is down: its data grows old.
    case staleLink
    /// It is further behind its master than reads may go.
    case lagging
    /// It answers what it owes, and gets nothing new.
    case draining
    case healthy
    /// It stands, and does not answer or is not what it should be.
    case ejected
    case down

    /// The word for operators.
    var word: StaticString {
        switch self {
        case .connecting: "connecting"
        case .loading: "loading"
        case .syncing: "syncing"
        case .staleLink: "stale link"
        case .lagging: "lagging"
        case .draining: "draining"
        case .healthy: "healthy"
        case .ejected: "ejected"
        case .down: "down"
        }
    }
}

/// What is known of a server, and since when it is so.
struct BackendHealth {
    /// What a state is decided from.
    struct Evidence: Equatable {
        var isMaster: Bool
        /// Connections that clients share stand.
        var isConnected: Bool
        /// A connection for them has been refused or lost, and none stands.
        var isRefused = false
        /// Why there is none.
        var refusal = "there is no connection"
        /// What it said last; nil when it was not asked yet or did not say.
        var report: ServerReport?
        /// It is asked at all, and answers such questions.
        var isAsked = true
        /// The last question has been open for too long.
        var isSilent = false
        /// It answered that a script keeps it busy.
        var isBusy = false
        /// It answers nothing without a password, and there is none for it.
        var wantsPassword = false
        /// It had its master's data once, as this process.
        var hadData = false
        var isMasterHealthy = true
        /// The history of the master, as far as it is known.
        var mastersHistory: String?
        /// Another server says that it is the master too, and may be right.
        var isContested = false
        /// How far behind its master it is known to be, and how far that may be.
        var lag: ReplicaLag?
        var ceiling: LagCeiling?
        /// It was too far behind until now.
        var isLagging = false
        /// What clients' reads have met there.
        var circuit = Circuit()
        /// It is to copy its master's data anew.
        var isWithdrawn = false
    }

    private(set) var state = BackendState.connecting
    private(set) var reason = ""
    private(set) var since: Instant
    var report: ServerReport?
    var hadData = false
    var isSilent = false
    var isBusy = false
    var wantsPassword = false
    /// It would be read, were it not for what reads have met there.
    var isWellByItsWord = false
    /// INFO is refused: it is taken to be what the configuration says.
    var isMute = false

    init(since now: Instant) {
        since = now
    }

    var isHealthy: Bool { state == .healthy }

    /// Whether writes are sent to a master in this state. One that a script keeps busy says so itself, and one that
    /// nothing is known of yet may be there in a moment.
    var takesWrites: Bool {
        switch state {
        case .healthy, .connecting: true
        case .ejected: isBusy
        case .loading, .syncing, .staleLink, .lagging, .draining, .down: false
        }
    }

    /// Returns true when it was something else before.
    mutating func become(_ state: BackendState, _ reason: String, at now: Instant) -> Bool {
        self.reason = reason
        guard state != self.state else { return false }
        self.state = state
        since = now
        return true
    }

    /// Decides on a state. The reason is for people. A replica that seems well may be set aside all the same.
    static func judge(_ evidence: Evidence) -> (BackendState, reason: String) {
        let (state, reason) = judgeByItsWord(evidence)
        guard state == .healthy, !evidence.isMaster, let cause = evidence.circuit.cause else {
            return (state, reason)
        }
        let lasts = "\(ProxyCore.text(evidence.circuit.lasts))"
        switch evidence.circuit.state {
        case .closed: return (state, reason)
        case .open: return (.ejected, "\(cause): it is not read for \(lasts)")
        case .trial: return (state, "on trial, as it was not read for \(lasts): \(cause)")
        }
    }

    static func isWell(_ evidence: Evidence) -> Bool { judgeByItsWord(evidence).0 == .healthy }

    private static func judgeByItsWord(_ evidence: Evidence) -> (BackendState, reason: String) {
        let (state, reason) = judgeAsItIs(evidence)
        guard evidence.isWithdrawn, state == .healthy || state == .lagging else {
            return (state, reason)
        }
        return (.draining, "it is to copy its master's data anew")
    }

    private static func judgeAsItIs(_ evidence: Evidence) -> (BackendState, reason: String) {
        guard evidence.isConnected else {
            return evidence.isRefused
                ? (.down, evidence.refusal) : (.connecting, "no connection stands yet")
        }
        if evidence.isSilent { return (.ejected, "it does not answer") }
        if evidence.isBusy { return (.ejected, "a script keeps it busy") }
        if evidence.wantsPassword {
            return (.ejected, "it wants a password, and backends.password is not set")
        }
        guard evidence.isAsked else { return (.healthy, "") }
        guard let report = evidence.report else {
            return (.connecting, "it has not said how it is")
        }
        if report.isLoading { return (.loading, "it loads its data") }
        guard let role = report.role else { return (.healthy, "") }
        switch (role, evidence.isMaster) {
        case (.master, true):
            return evidence.isContested
                ? (.ejected, "another server is the master, or may be") : (.healthy, "")
        case (.replica, true): return (.ejected, "it is a replica, and should be the master")
        case (.master, false): return (.ejected, "it is a master, and should be a replica")
        case (.replica, false): break
        }
        if report.isLinkUp, let own = report.replicationID, let masters = evidence.mastersHistory,
            own != masters
        {
            let whom = report.masterEndpoint.map { " (\($0))" } ?? ""
            return (.ejected, "it follows another master\(whom)")
        }
        if report.isLinkUp { return judgeLag(evidence) }
        if report.isSyncing { return (.syncing, "it takes a copy of its master's data") }
        if !evidence.hadData { return (.syncing, "it never had its master's data") }
        // When the master is gone the links of all replicas are down, and they are all there is.
        return evidence.isMasterHealthy
            ? (.staleLink, "its link to its master is down") : (.healthy, "")
    }

    /// A replica whose link stands. By a master that is gone or silent no lag is judged: its replicas are all there is.
    private static func judgeLag(_ evidence: Evidence) -> (BackendState, reason: String) {
        guard evidence.isMasterHealthy, let lag = evidence.lag, let ceiling = evidence.ceiling,
            ceiling.isExceeded(by: lag, isLagging: evidence.isLagging)
        else { return (.healthy, "") }
        return (.lagging, lag.description)
    }
}
