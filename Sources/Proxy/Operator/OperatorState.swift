// What a worker keeps for those who look after the proxy.

import RESP

/// The part of a worker's state that no request of an application needs.
struct OperatorState {
    let startedAt: Moment
    /// What stays the same while the process runs.
    let process: ProxyStatus.ProcessFacts
    let usage: ProcessUsage
    var slowLog: SlowLog
    /// Of the first worker alone.
    var events = EventLog()
    /// How many keys the master had last, and as which process.
    var masterKeys: (runID: [UInt8], count: Int)?
    /// The writes of others, when they were last asked about and last seen; of the first worker alone.
    var foreignWrites = ForeignWrites()
    var foreignWritesAskedAt: Instant?
    var foreignWritesSeenAt: Instant?
    /// How many writes that raise no fence had been sent when they were asked about.
    var writesUnfenced = 0
    /// Requests that take at least so many nanoseconds are slow; kept apart, as it is compared for each ticket.
    let slowThreshold: Int64
    /// Errands of several workers that are not finished, the oldest first.
    var inquiries: [Int] = []
    /// CLIENT PAUSE, until when and for whom.
    var clientPause: (until: Instant, mode: ClientPause.Mode)?
    var health = ConnectionTable<HealthSession>()

    init(
        _ configuration: ProxyConfiguration, _ worker: Int, of workers: Int,
        _ process: ProxyStatus.ProcessFacts, _ usage: ProcessUsage, at now: Moment
    ) {
        self.process = process
        self.usage = usage
        startedAt = now
        let threshold = configuration.slowlog.slowerThan
        let capacity = configuration.limits.slowlogEntries
        slowLog = SlowLog(capacity: capacity, threshold: threshold, worker: worker, of: workers)
        slowThreshold = capacity > 0 ? threshold.nanoseconds : .max
    }
}
