// What becomes of the master of before and of those that followed it, once another has been adopted.

import RESP

/// The master before this one, as far as it was known.
struct FormerMaster {
    let server: Int
    let history: String?
    /// This proxy has promoted the next one: it looks after the replicas too.
    var isReplacedHere = false
    /// Of whom it was told that they have more than the next one, by number, and as which process.
    var toldOf: [Int: [UInt8]] = [:]
    /// When replicas were last told whom to follow, by number.
    var repointedAt: [Int: Instant] = [:]
}

extension ProxyCore {
    /// A replica that does not do it, though it was told, is told again.
    static let pauseBetweenWords = Duration.seconds(5)

    /// Another master was adopted.
    func noteHeir(_ former: FormerMaster) {
        var former = former
        former.isReplacedHere = lostMaster?.heir?.server == topology.master
        formerMaster = former
        lostMaster = nil
        for server in servers {
            if let report = server.health.report { lookAfterFollower(report, of: server) }
        }
    }

    /// A server has said how it is: it may belong to the master of before.
    func lookAfterFormer(_ report: ServerReport, of server: BackendServer) {
        guard worker == 0, formerMaster != nil, server !== master else { return }
        lookAfterFollower(report, of: server)
        noteFormerMaster(report, of: server)
    }

    /// It follows whom this proxy has replaced.
    private func lookAfterFollower(_ report: ServerReport, of server: BackendServer) {
        guard let former = formerMaster, former.isReplacedHere, report.role == .replica,
            server !== master, report.replicationID == former.history, isAnswering(server)
        else { return }
        // It was away when the other was chosen.
        if let surplus = surplus(of: report, former), surplus > 0 {
            noteFenced(
                report, of: server,
                "has followed the master before \(master.endpoint), and has more than that one has")
            guard configuration.failover.rejoins else { return }
        }
        repoint(server)
    }

    private func repoint(_ server: BackendServer) {
        let last = formerMaster?.repointedAt[server.index]
        guard last.map({ $0 + ProxyCore.pauseBetweenWords <= now.instant }) ?? true else { return }
        formerMaster?.repointedAt[server.index] = now.instant
        makeGood(
            ["REPLICAOF"] + wordsForMaster, at: server.index, within: ProxyCore.patienceAtTheEnd)
    }

    /// The master as the other servers reach it: as the one before has named it.
    private var wordsForMaster: [String] {
        let report = formerMaster.flatMap { servers[$0.server].lastReport }
        let announced = report?.followers.first {
            (configuration.backends.addresses[$0] ?? $0) == master.endpoint
        }
        return ProxyCore.words(for: announced ?? master.endpoint)
    }

    /// It has come back as a master. Nothing is written there, and it is told to follow only where the configuration
    /// says so: what only it has would be lost.
    private func noteFormerMaster(_ report: ServerReport, of server: BackendServer) {
        guard let former = formerMaster, former.server == server.index, report.role == .master
        else { return }
        noteFenced(
            report, of: server,
            "was the master before \(master.endpoint), and says that it is one still")
        if former.isReplacedHere, configuration.failover.rejoins { repoint(server) }
    }

    /// Says once of each process what only it has.
    private func noteFenced(_ report: ServerReport, of server: BackendServer, _ claim: String) {
        guard let former = formerMaster, let runID = report.runID,
            former.toldOf[server.index] != runID
        else { return }
        formerMaster?.toldOf[server.index] = runID
        let words = "REPLICAOF \(wordsForMaster.joined(separator: " "))"
        let loss =
            surplus(of: report, former).map {
                "It has \($0) bytes of writes that the master does not have"
            } ?? "It has begun another history, so that nobody can tell what only it has"
        let isTold = former.isReplacedHere && configuration.failover.rejoins
        tell(
            .fencedMaster, of: server, .warning,
            "\(claim): nothing is written there. \(loss). "
                + (isTold
                    ? "It is told \(words) (failover.rejoin), and drops that"
                    : "\(words), said to it, has it follow, and drops what only it has"))
    }

    /// How many bytes only it has; nil when nobody can tell.
    private func surplus(of report: ServerReport, _ former: FormerMaster) -> Int? {
        guard report.replicationID == former.history, let own = report.offset,
            let heir = master.health.report, heir.formerReplicationID == former.history,
            let end = heir.formerEnd
        else { return nil }
        // The first byte that may differ is not shared any more.
        return max(0, own - end + 1)
    }
}
