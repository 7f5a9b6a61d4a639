// PROXY RESYNC: the first worker takes a replica out, has it copy its master's data anew, and brings it back.
//
//     client ─▶ its worker ── ResyncWanted ──▶ worker 0: ResyncPlan ─▶ Resync ─▶ the board, workers, servers
//     client ◀─ its worker ◀── OperationEnded ── worker 0 ◀── events ◀── answers, probes, time

import RESP

/// What is under way.
struct RunningResync {
    var machine: Resync
    let plan: ResyncPlan
    /// Tells it from others before it.
    let number: Int
    /// Who is told the outcome.
    let asker: OperationAsker
    let reign: Int
    let process: [UInt8]?
    /// Workers that it owes answers to reads.
    var undrained: Set<Int> = []
    /// When the step at hand has taken too long.
    var due: Instant
    var toldAt: Instant?
    let followers: [String]
}

/// A client of another worker wants a replica to copy anew; the step names the errand of its worker.
struct ResyncWanted: CoreMessage {
    let replica: Endpoint
    let step: ErrandStep
}

/// Worker 0 waits until a server that was taken out owes this worker's clients nothing.
struct ReadsToEnd: CoreMessage {
    let server: Int
    let number: Int
}

struct ReadsEnded: CoreMessage {
    let number: Int
}

extension ProxyCore {
    /// What was sent and is not answered by then may be answered that it loads, and is done elsewhere.
    static let patienceWithReads = Duration.seconds(5)
    /// As long as a link may be silent (repl-timeout).
    static let patienceWithCopies = Duration.seconds(60)
    /// How often servers are asked meanwhile.
    static let resyncPace = Duration.milliseconds(50)

    // MARK: The asking client

    func answerResync(of replica: Endpoint, _ client: ClientSession) -> ClientSession.Pause? {
        operate(for: client) {
            beginResync(of: replica, for: $0)
        } _: {
            ResyncWanted(replica: replica, step: $0)
        }
    }

    // MARK: Beginning

    func beginResync(of replica: Endpoint, for asker: OperationAsker) {
        do throws(CommandRefusal) {
            begin(try plan(of: replica), for: asker)
        } catch {
            tell(.failed(error.text), to: asker)
        }
    }

    private func plan(of replica: Endpoint) throws(CommandRefusal) -> ResyncPlan {
        let replicas = servers.filter { $0 !== master && !$0.isGone && $0.double == nil }.map {
            let report = $0.health.report
            return ResyncCandidate(
                server: $0.index, endpoint: $0.endpoint, isAnswering: isAnswering($0),
                isReplica: report?.role == .replica,
                isAtWork: report?.isSyncing == true || report?.isLoading == true,
                history: report?.replicationID, following: report?.masterEndpoint,
                isReadable: $0.health.isHealthy && !isSetAside($0))
        }
        return try ResyncPlan.make(
            of: replica, master: master.endpoint, history: master.health.report?.replicationID,
            among: replicas, masterMayBeRead: configuration.reads.includeMaster != .never,
            trouble: troubleForResync)
    }

    private var troubleForResync: String? {
        if let resync {
            return "a resync of \(servers[resync.plan.server].endpoint) is under way"
        }
        if let switchover {
            return "a failover to \(servers[switchover.plan.target].endpoint) is under way"
        }
        guard configuration.timeouts.probeInterval > .zero else {
            return "without probes nothing is known of the servers: set 'timeouts.probe_interval'"
        }
        guard isAnswering(master), master.health.isHealthy else {
            return "the master \(master.endpoint) is not well"
        }
        return nil
    }

    private func begin(_ plan: ResyncPlan, for asker: OperationAsker) {
        let (machine, actions) = Resync.begin()
        let server = servers[plan.server]
        lastResync += 1
        resync = RunningResync(
            machine: machine, plan: plan, number: lastResync, asker: asker, reign: topology.reign,
            process: server.runID, due: now.instant + ProxyCore.patienceWithCopies,
            followers: (server.health.report?.followers ?? []).map { "\($0)" })
        tell(
            .resyncBegun, of: server, .notice,
            "is taken out and copies its master's data anew, as PROXY RESYNC wants it")
        carryOut(actions)
        nextWatch = now.instant
        watchServers()
        wakeForResync()
    }

    // MARK: Events

    func resyncHears(_ event: Resync.Event) {
        guard var running = resync else { return }
        var event = event
        // Its data may be the last that there is.
        if event == .drained, !isAnswering(master) || !master.health.isHealthy {
            event = .changed("the master \(master.endpoint) is not well any more")
        }
        let actions = running.machine.hear(event)
        if event == .accepted, running.machine.phase == .copying {
            running.toldAt = now.instant
            running.due = now.instant + ProxyCore.patienceWithCopies
            // What it was proved to have it is about to drop.
            freshness.void(running.plan.server)
        }
        resync = running
        carryOut(actions)
        wakeForResync()
    }

    /// What follows from time and from who is the master.
    func lookAfterResync() {
        reportReadsEnded()
        guard let running = resync else { return }
        if running.reign != topology.reign {
            return resyncHears(.changed("another server has become the master meanwhile"))
        }
        guard running.due <= now.instant else { return wakeForResync() }
        resyncHears(running.machine.phase == .draining ? .drained : .late)
    }

    func wakeForResync() {
        if readsToEnd != nil { wake(at: now.instant + ProxyCore.drainPace) }
        guard let resync else { return }
        wake(at: resync.due)
        if let nextWatch { wake(at: nextWatch) }
    }

    /// The replica has said how it is, behind the step at hand, over the same connection.
    func resyncHears(_ report: ServerReport, of server: BackendServer) {
        guard let running = resync, server.index == running.plan.server else { return }
        guard report.runID == running.process else {
            return resyncHears(.changed("it has begun anew as another process"))
        }
        guard report.role == .replica else {
            return resyncHears(.changed("somebody has made it a master"))
        }
        guard running.machine.phase == .copying else { return }
        if report.isSyncing || report.isLoading {
            resync?.due = now.instant + ProxyCore.patienceWithCopies
        } else if report.isLinkUp {
            // Who has taken a whole copy has no history but its master's; who goes on where it was names its own as
            // the former one.
            resyncHears(.follows(isWhole: report.formerReplicationID == nil))
        }
    }

    // MARK: Actions

    private func carryOut(_ actions: [Resync.Action]) {
        for action in actions { carryOut(action) }
    }

    private func carryOut(_ action: Resync.Action) {
        guard let running = resync else { return }
        let server = servers[running.plan.server]
        switch action {
        case .count: ask([["INFO", "stats"]], .copies, of: master, running)
        case .withdraw:
            resync?.due = now.instant + ProxyCore.patienceWithReads
            resync?.undrained = Set(0..<workers)
            board.withdraw(server.index)
            tellOfBoard()
            let message = ReadsToEnd(server: server.index, number: running.number)
            for other in 0..<workers where other != worker {
                pending.wishes.append(.send(message, to: other))
            }
            take(message)
        case .tell:
            resync?.due = now.instant + ProxyCore.patienceWithCopies
            ask(running.plan.words, .change, of: server, running)
        case .followAgain: makeGood(["REPLICAOF"] + running.plan.source, at: server.index)
        case .release:
            board.withdraw(nil)
            tellOfBoard()
        case .succeed: succeed(running, server)
        case .fail(let reason):
            resync = nil
            tell(.resyncFailed, of: server, .warning, "has not copied its master's data: \(reason)")
            tell(
                .failed("ERR the resync of \(server.endpoint) has failed: \(reason)"),
                to: running.asker)
        }
    }

    private func succeed(_ running: RunningResync, _ server: BackendServer) {
        resync = nil
        let time = running.toldAt.map { (now.instant - $0).nanoseconds / 1_000_000 } ?? 0
        tell(
            .resyncDone, of: server, .notice,
            "has a whole copy of its master's data, which took \(time) ms, and is read again")
        tell(
            .done(
                .fields([
                    .init("replica", .text("\(server.endpoint)")),
                    .init("master", .text(running.plan.source.joined(separator: ":"))),
                    .init("copy_ms", .number(Int(time))),
                    .init("reads_meanwhile", .text(running.plan.isLast ? "master" : "replicas")),
                    .init("followers", .list(running.followers.map { .text($0) })),
                ])), to: running.asker)
    }

    // MARK: Words to servers

    /// What a question to a server is for.
    enum ResyncQuestion {
        case copies
        case change
    }

    private func ask(
        _ words: [[String]], _ question: ResyncQuestion, of server: BackendServer,
        _ running: RunningResync
    ) {
        let errand = beginErrand(.resync(question, number: running.number), parts: words.count)
        guard let control = server.control, control.isReady else {
            errand.left = 1
            return finish(errand)
        }
        for (part, words) in words.enumerated() {
            ask(words.map { Array($0.utf8) }, part: part, of: errand, on: control)
        }
    }

    func hear(_ answers: [[UInt8]?], to question: ResyncQuestion, number: Int) {
        guard let running = resync, running.number == number else { return }
        switch question {
        case .change: resyncHears(ResyncPlan.outcome(of: answers))
        case .copies:
            guard let answer = answers[0] else { return resyncHears(.lost) }
            resyncHears(.counted(ServerReport([answer])?.fullCopies))
        }
    }

    // MARK: Reads under way

    func take(_ message: ReadsToEnd) {
        readsToEnd = message
        reportReadsEnded()
    }

    private func reportReadsEnded() {
        guard let message = readsToEnd else { return }
        // It has ended in another way.
        guard topology.withdrawn == message.server else {
            readsToEnd = nil
            return
        }
        guard !owesReads(message.server) else { return wakeForResync() }
        readsToEnd = nil
        if worker == 0 {
            hear(ReadsEnded(number: message.number), from: 0)
        } else {
            pending.wishes.append(.send(ReadsEnded(number: message.number), to: 0))
        }
    }

    func hear(_ ended: ReadsEnded, from worker: Int) {
        guard resync?.number == ended.number else { return }
        resync?.undrained.remove(worker)
        if resync?.undrained.isEmpty == true { resyncHears(.drained) }
    }

    /// Whether a server owes this worker's clients anything. O(connections).
    private func owesReads(_ server: Int) -> Bool {
        links.contains { connection in
            guard let connection, connection.server == server else { return false }
            switch connection.use {
            case .reads, .retired, .alone: return !connection.tickets.isEmpty
            case .writes, .control, .publisher, .watcher, .acknowledger: return false
            }
        }
    }
}
