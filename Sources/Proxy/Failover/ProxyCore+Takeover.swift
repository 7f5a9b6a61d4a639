// failover.mode auto: the first worker makes a replica the master when the master is lost.
//
//     not reached ──down_after──▶ Takeover.judge ─┬─ wait: told once
//                                                 └─ promote ─▶ REPLICAOF NO ONE ─▶ it says that it is a master
//                                                        ─▶ Succession adopts it ─▶ the others are told to follow it

import RESP

/// A master that the first worker does not reach.
struct LostMaster {
    let since: Instant
    /// Who is being promoted, and until when that is waited for.
    var heir: (server: Int, due: Instant)?
    /// Why nobody is; told once until it is another reason.
    var told: Takeover.Reason?
}

extension ProxyCore {
    /// How long a promotion may take before it is judged anew.
    static let patienceWithHeirs = Duration.seconds(5)

    func lookAfterMaster() {
        guard worker == 0, configuration.failover.mode == .auto else { return }
        guard !isAnswering(master), !topology.isContested, switchover == nil else {
            takeBackPromotion()
            lostMaster = nil
            return
        }
        let lost = lostMaster ?? LostMaster(since: now.instant)
        lostMaster = lost
        let downAfter = configuration.failover.downAfter
        guard lost.since + downAfter <= now.instant,
            lost.heir.map({ $0.due <= now.instant }) ?? true
        else { return }
        switch Takeover.judge(
            witnesses, history: succession.history, downAfter: downAfter, heartbeat: heartbeat)
        {
        case .wait(let reason):
            lostMaster?.heir = nil
            guard lost.told != reason else { return }
            lostMaster?.told = reason
            pending.log(.warning, "\(master.name) is lost, and nobody is promoted: \(reason)")
        case .promote(let number):
            lostMaster?.heir = (number, now.instant + ProxyCore.patienceWithHeirs)
            promote(servers[number])
        }
    }

    private var witnesses: [TakeoverWitness] {
        servers.filter { $0 !== master && !$0.isGone && $0.double == nil }.map { server in
            let report = server.health.report ?? server.lastReport
            return TakeoverWitness(
                server: server.index, isAnswering: isAnswering(server),
                isReplica: report?.role == .replica, history: report?.replicationID,
                offset: report?.offset, priority: report?.priority,
                isIncomplete: report?.isSyncing == true || report?.isLoading == true,
                silence: report?.silence, isLinkUp: report?.isLinkUp == true)
        }
    }

    /// How often an idle master speaks to its replicas is its own affair.
    func askForHeartbeat(_ control: BackendConnection) {
        guard worker == 0, configuration.failover.mode == .auto else { return }
        let errand = beginErrand(.heartbeat, parts: 1)
        let words = ["CONFIG", "GET", "repl-ping-replica-period"]
        ask(words.map { Array($0.utf8) }, part: 0, of: errand, on: control)
    }

    /// A server that may not tell is taken to be as most are.
    func learnHeartbeat(_ answer: [UInt8]?) {
        guard let answer else { return }
        var parser = ReplyParser()
        parser.append(answer.span)
        guard case .array(let parts)? = try? parser.next(), parts.count == 2,
            case .bulk(let text) = parts[1],
            let seconds = ProxyValues.integer(String(decoding: text, as: UTF8.self))
        else { return }
        heartbeat = .seconds(seconds)
    }

    private func promote(_ heir: BackendServer) {
        guard let control = heir.control, control.isReady else { return }
        tell(
            .promotion, of: heir, .warning,
            "is made the master: \(master.endpoint) is lost, and most of its replicas say so too")
        let errand = beginErrand(.promotion(server: heir.index), parts: 1)
        ask(["REPLICAOF", "NO", "ONE"].map { Array($0.utf8) }, part: 0, of: errand, on: control)
        if heir.probe == nil { probe(heir, on: control) }
    }

    /// The master is there after all: who was being promoted follows it again. Left as it is, it would be taken for the
    /// heir one day, and all that was written since would be lost.
    private func takeBackPromotion() {
        guard let heir = lostMaster?.heir, isAnswering(master) else { return }
        let known = replicas.lazy.compactMap { $0.health.report?.masterEndpoint }.first
        let words = known.flatMap { $0.lastIndex(of: ":") }.map { colon in
            [String(known![..<colon]), String(known![known!.index(after: colon)...])]
        }
        makeGood(
            ["REPLICAOF"] + (words ?? ProxyCore.words(for: master.endpoint)), at: heir.server,
            within: ProxyCore.patienceAtTheEnd)
    }

    /// Whether it is a master now its probes say.
    func hearOfPromotion(_ answer: [UInt8]?, of heir: BackendServer) {
        guard let refusal = answer.flatMap({ ProxyCore.refusal(in: $0) }) else { return }
        pending.log(.warning, "\(heir.name) refuses REPLICAOF NO ONE: \(refusal)")
    }
}
