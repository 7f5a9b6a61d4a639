// A replica that fails what clients ask of it, whatever it says of itself: judged by their own reads, and for a while
// not read from.
//
//     closed ── failures in a row, or slow in several intervals in a row ──▶ open ── its time is over ──▶ on trial
//       ▲                                                                     ▲                           │    │
//       │                                                    twice as long ── └────── one more failure ───┘    │
//       └───────────────────────────── good answers in a row ──────────────────────────────────────────────────┘

import RESP

/// What clients' reads have told of a replica, and whether it is read from because of that.
struct Circuit: Equatable {
    enum State: Equatable {
        case closed
        case open(until: Instant)
        /// It gets one read at a time, until so many more have been answered well.
        case trial(left: Int)
    }

    /// Why it was opened.
    enum Cause: Equatable {
        case failures(Int)
        case slowness(own: Duration, peers: Duration)
    }

    /// Answers of one interval between two probes.
    struct Window: Equatable {
        var count = 0
        var total: Int64 = 0
        /// Something was slow that need not be the server's fault: nothing follows from this interval.
        var isExcused = false

        mutating func add(_ nanoseconds: Int64) {
            count += 1
            total += nanoseconds
        }

        /// Nil when it tells nothing.
        var mean: Duration? {
            guard !isExcused, count >= Circuit.leastAnswers else { return nil }
            return .nanoseconds(total / Int64(count))
        }
    }

    private(set) var state = State.closed
    private(set) var cause: Cause?
    /// Reads in a row that have failed.
    private(set) var failures = 0
    /// Intervals in a row in which it was much slower than its peers.
    private(set) var slowIntervals = 0
    var window = Window()
    /// How often it was opened, and how often in a row: again before it was well for as long as it had been open.
    private(set) var openings = 0
    private(set) var inARow = 0
    private(set) var lasts = Duration.zero
    private var closedAt: Instant?
    private var failedAt: Instant?

    /// An average of fewer answers is none.
    static let leastAnswers = 5
    /// Intervals in a row in which a replica is to be slow: one long command may be the reason in one.
    static let patience = 3
    /// Answers that end a trial.
    static let trialLength = 5

    var isOpen: Bool {
        if case .open = state { true } else { false }
    }

    var isOnTrial: Bool {
        if case .trial = state { true } else { false }
    }

    /// Whether a good answer changes anything but the average.
    var awaitsAnswers: Bool { failures > 0 || isOnTrial }

    // MARK: What is noted

    /// A read was answered in time. Returns true when that has ended a trial.
    mutating func noteAnswer(at now: Instant) -> Bool {
        failures = 0
        guard case .trial(let left) = state else { return false }
        guard left <= 1 else {
            state = .trial(left: left - 1)
            return false
        }
        state = .closed
        closedAt = now
        slowIntervals = 0
        return true
    }

    /// A read got no answer. True when that is enough to open it.
    mutating func noteFailure(_ limits: ProxyConfiguration.Outliers) -> Bool {
        failures += 1
        return limits.failures > 0 && (isOnTrial || failures >= limits.failures)
    }

    /// A connection was lost with reads on it; several at once are one failure.
    mutating func noteLoss(_ limits: ProxyConfiguration.Outliers, at now: Instant) -> Bool {
        if let failedAt, now - failedAt < BackendConnection.steady { return false }
        failedAt = now
        return noteFailure(limits)
    }

    /// Why it is to be opened again when an answer took so long on trial; nil when that was not too long.
    func relapse(_ took: Duration, _ limits: ProxyConfiguration.Outliers) -> Cause? {
        guard isOnTrial, case .slowness(_, let peers)? = cause,
            took >= OutlierJudge.ceiling(of: peers, limits)
        else { return nil }
        return .slowness(own: took, peers: peers)
    }

    /// An interval is over. True when it was slow in enough of them.
    mutating func noteInterval(isSlow: Bool?) -> Bool {
        window = Window()
        guard let isSlow, state == .closed else { return false }
        slowIntervals = isSlow ? slowIntervals + 1 : 0
        return slowIntervals >= Circuit.patience
    }

    // MARK: Open and on trial

    mutating func open(
        because cause: Cause, _ limits: ProxyConfiguration.Outliers, at now: Instant
    ) {
        let wasWell = closedAt.map { now - $0 >= lasts } ?? false
        inARow = state == .closed && wasWell ? 1 : inARow + 1
        openings += 1
        lasts = OutlierJudge.length(inARow, limits)
        state = .open(until: now + lasts)
        self.cause = cause
        failures = 0
        slowIntervals = 0
        window = Window()
    }

    /// True when its time is over and it is on trial now.
    mutating func beginTrial(at now: Instant) -> Bool {
        guard case .open(let until) = state, until <= now else { return false }
        state = .trial(left: Circuit.trialLength)
        failures = 0
        return true
    }
}

extension Circuit.Cause: CustomStringConvertible {
    var description: String {
        switch self {
        case .failures(1): "a read failed"
        case .failures(let count): "\(count) reads in a row failed"
        case .slowness(let own, let peers):
            "it answers in \(own.milliseconds) ms, and its peers in \(peers.milliseconds) ms"
        }
    }
}

extension Duration {
    fileprivate var milliseconds: Int64 { nanoseconds / 1_000_000 }
}

/// Decisions about replicas that are worse than the others, as pure functions.
enum OutlierJudge {
    /// For how long a replica is not read that is set aside for this many times in a row.
    static func length(_ times: Int, _ limits: ProxyConfiguration.Outliers) -> Duration {
        var length = limits.ejection
        for _ in 1..<max(2, min(times, 32)) where times > 1 {
            guard length < limits.maximumEjection else { break }
            length = length + length
        }
        return min(length, limits.maximumEjection)
    }

    /// How slow an answer must be to be much slower than those of the peers.
    static func ceiling(of peers: Duration, _ limits: ProxyConfiguration.Outliers) -> Duration {
        max(limits.latencyFloor, .nanoseconds(peers.nanoseconds * Int64(limits.latencyFactor)))
    }

    /// What the peers of a replica take: the median of those that told something; of two in the middle the slower one.
    static func peers(of place: Int, _ means: [Duration?]) -> Duration? {
        let others = means.enumerated().compactMap { $0.offset == place ? nil : $0.element }
        return others.isEmpty ? nil : others.sorted()[others.count / 2]
    }

    /// Whether a replica was slow in an interval; nil when that cannot be told of it, or it has no peer.
    static func isSlow(
        _ place: Int, _ means: [Duration?], _ limits: ProxyConfiguration.Outliers
    ) -> Bool? {
        guard limits.latencyFactor > 0, let own = means[place],
            let peers = peers(of: place, means)
        else { return nil }
        return own >= ceiling(of: peers, limits)
    }

    /// Whether one more of so many replicas may be set aside: a share of them, but one in any case, unless nobody could
    /// be read then.
    static func mayEject(
        _ ejected: Int, of replicas: Int, others: Int, percent: Int, mayUseMaster: Bool
    ) -> Bool {
        guard percent > 0, others > 0 || mayUseMaster else { return false }
        return ejected < max(1, replicas * percent / 100)
    }
}
