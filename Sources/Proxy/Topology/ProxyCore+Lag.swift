// How far behind replicas are, by what probes of them and of their master have told.

import RESP

extension ProxyCore {
    /// A probe has told where a server is.
    func noteOffset(_ report: ServerReport, sentAt: Instant, of server: BackendServer) {
        if server.role == .master {
            if report.isBacklogActive == false {
                // The offset stands still then, whatever is written.
                timeline.forget()
            } else if let offset = report.offset {
                timeline.note(offset, of: report.replicationID, sentAt: sentAt)
            }
            for replica in servers where replica.role == .replica { measureLag(of: replica) }
        } else {
            server.position = report.offset.map {
                ReplicaPosition(
                    offset: $0, history: report.replicationID, sentAt: sentAt,
                    answeredAt: now.instant)
            }
            measureLag(of: server)
        }
    }

    private func measureLag(of replica: BackendServer) {
        let position = replica.position
        replica.lag = position.flatMap { timeline.lag(of: $0) }
        replica.reachedAt = position.flatMap { timeline.reached($0.offset, of: $0.history) }
    }

    /// Whether a replica is so near to the master as level `bounded` asks for: counted from the last probe of the
    /// master that it has reached, and in bytes.
    func isRecent(_ server: BackendServer) -> Bool {
        guard let reached = server.reachedAt, let lag = server.lag else { return false }
        return now.instant - reached <= configuration.reads.maxLag
            && lag.bytes <= configuration.reads.maxLagBytes
    }
}
