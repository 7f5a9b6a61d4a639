// What happened to a server that operators, and applications, may want to react to.

import RESP

/// One thing that happened. Its fields are documented (docs/events.md), and keep their names.
package struct ProxyEvent: Sendable, Equatable {
    package enum Kind: String, Sendable, CaseIterable {
        /// A server is in another state than before.
        case state
        /// The same, as it is too far behind its master, or is not any more.
        case lagAlarm = "lag_alarm"
        case lagRecovery = "lag_recovery"
        /// The master is another process, or its data is not the continuation of what it was.
        case newHistory = "new_history"
        /// The master is another process, and has lost most of its keys.
        case emptyMaster = "empty_master"
        /// Another server is the master, or several say that they are.
        case newMaster = "new_master"
        case contestedMaster = "contested_master"
        /// A planned change of the master.
        case switchoverBegun = "switchover_begun"
        case switchoverDone = "switchover_done"
        case switchoverFailed = "switchover_failed"
        /// A replica is made the master, since that is lost; and the one before says that it is a master still.
        case promotion
        case fencedMaster = "fenced_master"
        /// A server that no configuration names is followed now, or is not any more.
        case found
        case gone
        /// The master takes no watermarks, or takes them again.
        case publishRefused = "publish_refused"
        case publishAccepted = "publish_accepted"
        /// The master takes writes that this proxy has not sent, or has taken none for a while.
        case foreignWrites = "foreign_writes"
        case foreignWritesEnded = "foreign_writes_ended"
        /// A replica is taken out to copy its master's data anew, has done so, or has not.
        case resyncBegun = "resync_begun"
        case resyncDone = "resync_done"
        case resyncFailed = "resync_failed"
        /// Something is wrong with how a server is configured, or is not any more.
        case auditFinding = "audit_finding"
        case auditResolved = "audit_resolved"
        /// The audit has found a read at level fresh that was out of date.
        case staleRead = "stale_read"
    }

    /// Counted from 1 since the start of the process.
    package var number = 0
    package let kind: Kind
    package let time: WallTime
    package let backend: String
    package let role: BackendStatus.Role
    /// Nil when the state has not changed.
    package var oldState: BackendStatus.State?
    package let state: BackendStatus.State
    /// For people.
    package let reason: String
    package var runID: String?
    package var replicationID: String?
    package var offset: Int?
    package var lag: Int?
    package var lagMilliseconds: Int?

    /// What happened to a server that is like this now.
    package init(_ kind: Kind, _ server: BackendStatus, _ reason: String, at time: WallTime) {
        self.kind = kind
        self.time = time
        self.reason = reason
        backend = server.address
        role = server.role
        state = server.state
        runID = server.runID
        replicationID = server.replicationID
        offset = server.offset
        lag = server.lag
        lagMilliseconds = server.lagMilliseconds
    }

    package var report: Report {
        .fields([
            .init("id", .number(number)),
            .init("time", .text(time.text)),
            .init("unix_time_ms", .number(Int(time.microseconds / 1_000))),
            .init("event", .text(kind.rawValue)),
            .init("backend", .text(backend)),
            .init("role", .text(role.rawValue)),
            .init("old_state", .text(oldState?.word)),
            .init("state", .text(state.word)),
            .init("reason", .text(reason)),
            .init("run_id", .text(runID)),
            .init("master_replid", .text(replicationID)),
            .init("offset", .number(offset)),
            .init("lag_bytes", .number(lag)),
            .init("lag_ms", .number(lagMilliseconds)),
        ])
    }
}

/// The last events, as many as are kept.
struct EventLog {
    static let capacity = 256
    /// How many /status shows, and how many PROXY EVENTS does when nobody says.
    static let shown = 64
    static let usual = 10

    /// Oldest first.
    private var events: [ProxyEvent] = []
    private var last = 0

    /// Returns the event with its number.
    mutating func append(_ event: ProxyEvent) -> ProxyEvent {
        var event = event
        last += 1
        event.number = last
        events.append(event)
        if events.count > EventLog.capacity { events.removeFirst() }
        return event
    }

    /// So many at most, newest first.
    func newest(_ count: Int) -> [ProxyEvent] {
        events.suffix(min(count, EventLog.capacity)).reversed()
    }
}
