// Whether others write past this proxy: the first worker asks the master now and then how often it was called, and
// compares that with what all workers have sent.

import RESP

extension ProxyCore {
    /// How often the master is asked, and how long writes of others count as going on.
    static let foreignWritesPace = Duration.seconds(5)
    static let foreignWritesLast = Duration.seconds(60)

    /// What was counted here when the question left; nil when it is not to be asked now.
    func countForForeignWrites(_ server: BackendServer) -> Probe.Counted? {
        guard isFencing, worker == 0, server.role == .master,
            operators.foreignWritesAskedAt.map({ $0 + ProxyCore.foreignWritesPace <= now.instant })
                ?? true
        else { return nil }
        operators.foreignWritesAskedAt = now.instant
        let isUnderWay = freshness.fences.fence(of: .everything) == .pending
        // What raises no fence has been answered when it was sent before the last question.
        let unfenced = freshness.writesUnfenced
        let recent = unfenced - operators.writesUnfenced
        operators.writesUnfenced = unfenced
        return Probe.Counted(
            answered: freshness.writesSettled - recent, isOpaqueUnderWay: isUnderWay)
    }

    /// The master has answered what it counts, which may be that its user may not be told.
    func noteForeignWrites(
        _ answers: [[UInt8]?], _ counted: Probe.Counted, at server: BackendServer
    ) {
        let calls = answers.lazy.compactMap { $0 }
            .compactMap { ForeignWrites.calls(in: $0, of: self.table) }.first
        guard let calls, server === master, let process = server.runID else { return }
        let found = operators.foreignWrites.note(
            .init(
                process: process, calls: calls, answered: counted.answered,
                sent: freshness.writesSent, opaque: freshness.opaqueSent,
                isOpaqueUnderWay: counted.isOpaqueUnderWay))
        if found > 0 {
            let isNews = operators.foreignWritesSeenAt == nil
            operators.foreignWritesSeenAt = now.instant
            if isNews { tellOfForeignWrites(found, at: server) }
        } else if let seen = operators.foreignWritesSeenAt,
            seen + ProxyCore.foreignWritesLast <= now.instant
        {
            operators.foreignWritesSeenAt = nil
            tell(
                .foreignWritesEnded, of: server, .notice,
                "has taken no writes past this proxy for a minute")
        }
        let areAtMaster = configuration.reads.onForeignWrites == .master
        freshness.holdForeignWrites(areAtMaster && operators.foreignWritesSeenAt != nil)
    }

    private func tellOfForeignWrites(_ found: Int, at server: BackendServer) {
        let isAtMaster = configuration.reads.onForeignWrites == .master
        tell(
            .foreignWrites, of: server, .warning,
            "takes writes past this proxy, \(found) lately: "
                + (isAtMaster
                    ? "it answers what must be fresh as long as they go on"
                    : "level fresh does not cover them (reads.on_foreign_writes)"))
    }
}
