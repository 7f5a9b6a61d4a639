// What happens to servers is told: in the log, and, as the first worker sees it, in the list of recent events and to
// those who listen.

import RESP

extension ProxyCore {
    /// A server is in another state than before.
    func tellChange(of server: BackendServer, from old: BackendState) {
        let state = server.health.state
        var kind = ProxyEvent.Kind.state
        var reason = server.health.reason
        if state == .lagging {
            kind = .lagAlarm
        } else if old == .lagging, state == .healthy {
            if master.health.isHealthy, let lag = server.lag {
                kind = .lagRecovery
                reason = lag.description
            } else {
                reason = "nobody can say any more how far it is behind its master"
            }
        }
        let text = reason.isEmpty ? "" : ": \(reason)"
        pending.log(
            state == .healthy || state == .connecting || state == .draining ? .notice : .warning,
            "\(server.name) is \(state.word)\(text)")
        record(kind, of: server, from: old, reason)
    }

    /// Something else has happened to a server, that is to be told like a change of its state.
    func tell(
        _ kind: ProxyEvent.Kind, of server: BackendServer, _ level: LogLevel, _ reason: String
    ) {
        pending.log(level, "\(server.name) \(reason)")
        record(kind, of: server, reason)
    }

    /// Each worker judges the servers by itself; what the first one sees stands for all, so that nothing comes twice.
    private func record(
        _ kind: ProxyEvent.Kind, of server: BackendServer, from old: BackendState? = nil,
        _ reason: String
    ) {
        guard worker == 0 else { return }
        var event = ProxyEvent(kind, status(of: server), reason, at: now.wall)
        event.oldState = old?.shown
        event = operators.events.append(event)
        for other in 1..<workers {
            pending.wishes.append(.send(WorkerMessage.event(event), to: other))
        }
        deliver(event)
    }

    /// Another worker has found, and logged, that a server has answered what was out of date.
    func recordStaleRead(of endpoint: Endpoint, _ reason: String) {
        guard let server = servers.first(where: { $0.endpoint == endpoint }) else { return }
        record(.staleRead, of: server, reason)
    }

    // MARK: The master

    /// A probe has told how a server is, of which this was known before.
    func tellOfMaster(_ server: BackendServer, since old: ServerReport?) {
        guard server.role == .master, let new = server.health.report else { return }
        if let old { tellHistory(of: server, old, new) }
        noteKeys(new, of: server)
    }

    private func tellHistory(of server: BackendServer, _ old: ServerReport, _ new: ServerReport) {
        guard old.runID != new.runID || old.replicationID != new.replicationID else { return }
        let why =
            old.runID != new.runID
            ? "it is another process" : "its replication id is \(new.replicationID ?? "not known")"
        tell(
            .newHistory, of: server, .notice,
            "has begun another history, for \(why)"
                + (isFencing ? ": every replica is to prove itself" : ""))
    }

    /// A master that has come back with far fewer keys, less than half, has most likely lost its data, and its replicas
    /// are about to lose theirs.
    private func noteKeys(_ report: ServerReport, of server: BackendServer) {
        guard report.role == .master, !report.isLoading, let keys = report.keys,
            let runID = report.runID
        else { return }
        let old = operators.masterKeys
        operators.masterKeys = (runID, keys)
        guard let old, old.runID != runID, keys < (old.count + 1) / 2 else { return }
        tell(
            .emptyMaster, of: server, .warning,
            "has come back as another process with \(keys) keys, and had \(old.count)")
    }
}
