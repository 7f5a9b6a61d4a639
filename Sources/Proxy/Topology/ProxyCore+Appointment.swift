// The master that sentinels name. A majority of them decides, and not what the servers say of themselves: but it takes
// writes only when it says that it is a master, and the one before takes none from the moment that another is named.

import RESP

extension ProxyCore {
    static let nobodyNamed = "no majority of the sentinels has named one yet"

    /// The sentinels say something new; only the first worker hears of it.
    func take(_ report: SentinelReport) {
        sentinels = report
        guard let verdict = report.verdict else { return }
        meet(verdict.master)
        for replica in verdict.replicas { meet(replica.endpoint) }
        judgeAppointment()
        remember()
        noteSentinelsPriority()
        followSwitchover()
    }

    /// Whether the sentinels know of a server.
    func isKnownToSentinels(_ server: BackendServer) -> Bool {
        guard let verdict = sentinels?.verdict else { return false }
        return verdict.master == server.endpoint
            || verdict.replicas.contains { $0.endpoint == server.endpoint }
    }

    func judgeAppointment() {
        guard worker == 0, let verdict = sentinels?.verdict,
            let server = servers.first(where: { $0.endpoint == verdict.master && !$0.isGone })
        else { return }
        guard server !== master else {
            adoptedEpoch = verdict.epoch
            return suspend(false)
        }
        guard isAnswering(server), server.health.report?.role == .master else {
            if let control = server.control, server.probe == nil { probe(server, on: control) }
            return suspend(true)
        }
        adoptedEpoch = verdict.epoch
        crown(server)
        operators.masterKeys = nil
        tell(
            .newMaster, of: server, .warning,
            "is the master from now on: a majority of the sentinels names it (epoch \(verdict.epoch))"
        )
    }

    /// Until whom the sentinels name is ready, nobody is written to.
    private func suspend(_ isSuspended: Bool) {
        guard topology.isContested != isSuspended else { return }
        board.contest(isSuspended)
        tellOfBoard()
    }
}
