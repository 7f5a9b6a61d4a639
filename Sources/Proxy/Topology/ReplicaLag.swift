// How far a replica is behind its master, and how far it may be.

import RESP

/// Where a replica was found by a probe. The offset was true at some moment between the two times.
struct ReplicaPosition: Equatable {
    let offset: Int
    /// The name of the history that the offset counts in.
    let history: String?
    let sentAt: Instant
    let answeredAt: Instant
}

/// What a replica is known to lack at least of what its master had when both were asked.
struct ReplicaLag: Equatable, CustomStringConvertible {
    /// Of the master's stream.
    var bytes: Int
    /// Since when the master is known to be further, in steps of the probes' interval.
    var time: Duration

    static let none = ReplicaLag(bytes: 0, time: .zero)

    var milliseconds: Int { Int(time.nanoseconds / 1_000_000) }

    var description: String { "it is \(bytes) bytes and \(milliseconds) ms behind its master" }
}

/// How far a replica may be behind to be read, by `reads.max_lag_bytes` and `reads.max_lag`.
struct LagCeiling: Equatable {
    let bytes: Int
    let time: Duration

    /// One that lags already does so until it is within half of the ceiling: at the ceiling itself it would come and
    /// go with every probe.
    func isExceeded(by lag: ReplicaLag, isLagging: Bool) -> Bool {
        let share = isLagging ? 2 : 1
        return lag.bytes > bytes / share || lag.time > time / share
    }
}
