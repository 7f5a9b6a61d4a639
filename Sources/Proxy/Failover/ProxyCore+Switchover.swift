// PROXY FAILOVER: the first worker takes the steps of a planned change, one at a time, and tells how it ended.
//
//     client ─▶ its worker ── SwitchoverWanted ──▶ worker 0: plan ─▶ Switchover ─▶ steps ─▶ servers, sentinels
//     client ◀─ its worker ◀── OperationEnded ── worker 0 ◀── events ◀── answers, probes, the board, time

import RESP

/// The change that is under way.
struct RunningSwitchover {
    var machine: Switchover
    let plan: SwitchoverPlan
    /// Tells it from others before it.
    let number: Int
    /// Who is told the outcome.
    let asker: OperationAsker
    /// How long writes may be held for it.
    let timeout: Duration
    /// When the time for the step is up, and when writes that do not end are not waited for any longer.
    var due: Instant
    var drainDue: Instant?
    /// Workers whose writes are not all answered.
    var undrained: Set<Int> = []
    var heldSince: Instant?
    var pause: Duration?
    /// Where the master was when nobody could write any more.
    var goal: Int?
    /// What the target's priority was.
    var formerPriority: Int?
    var repointing: Set<Int> = []
    var result: SwitchoverResult
}

/// What became of it, for people.
struct SwitchoverResult: Sendable, Equatable {
    var master: String
    var formerMaster: String
    var pause = 0
    var repointed: [String] = []
    /// Those that do not follow the new master themselves, with the reason.
    var notRepointed: [String] = []

    var report: Report {
        .fields([
            .init("master", .text(master)), .init("former_master", .text(formerMaster)),
            .init("pause_ms", .number(pause)),
            .init("repointed", .list(repointed.map { .text($0) })),
            .init("not_repointed", .list(notRepointed.map { .text($0) })),
        ])
    }
}

/// A client of another worker wants the master to be changed; the step names the errand of its worker.
struct SwitchoverWanted: CoreMessage {
    let request: FailoverRequest
    let step: ErrandStep
}

extension ProxyCore {
    /// Where a proxy does not hold writes, a change may take as long.
    static let usualSwitchover = Duration.seconds(10)
    /// Sentinels ask replicas for their priority every ten seconds.
    static let patienceWithSentinels = Duration.seconds(25)
    /// A server ends what took too long by itself, a moment after it.
    static let graceOfServer = Duration.milliseconds(500)
    /// What does not end by then is left to the server, whose own pause meets it.
    static let patienceWithWrites = Duration.seconds(1)
    static let patienceAtTheEnd = Duration.seconds(2)
    /// How often servers are asked meanwhile.
    static let switchoverPace = Duration.milliseconds(10)

    // MARK: The asking client

    func answerFailover(
        _ request: FailoverRequest, of client: ClientSession
    ) -> ClientSession.Pause? {
        operate(for: client) {
            take(request, from: $0)
        } _: {
            SwitchoverWanted(request: request, step: $0)
        }
    }

    // MARK: Beginning

    /// The first worker is asked for it.
    func take(_ request: FailoverRequest, from asker: OperationAsker) {
        switch request {
        case .abort:
            guard let running = switchover else {
                return tell(.failed("ERR no failover is under way"), to: asker)
            }
            guard !running.machine.isBeyondAbort else {
                return tell(
                    .failed("ERR it is too late for that: the sentinels have been told"), to: asker)
            }
            tell(.accepted, to: asker)
            switchoverHears(.abort)
        case .begin(let target, let timeout):
            do throws(CommandRefusal) {
                let plan = try plan(to: target)
                begin(plan, timeout, for: asker)
            } catch {
                tell(.failed(error.text), to: asker)
            }
        }
    }

    private func plan(to target: Endpoint?) throws(CommandRefusal) -> SwitchoverPlan {
        if let switchover {
            throw CommandRefusal(
                "ERR a failover to \(servers[switchover.plan.target].endpoint) is under way; "
                    + "PROXY FAILOVER ABORT ends it")
        }
        if let resync {
            throw CommandRefusal(
                "ERR a resync of \(servers[resync.plan.server].endpoint) is under way")
        }
        guard configuration.timeouts.probeInterval > .zero else {
            throw CommandRefusal(
                "ERR without probes nothing is known of the servers: set 'timeouts.probe_interval'")
        }
        let report = master.health.report
        var own = SwitchoverCandidate(server: master.index, endpoint: master.endpoint)
        own.trouble = trouble(of: master)
        own.history = report?.replicationID
        let replicas = servers.filter { $0 !== master && !$0.isGone }.map { server in
            let named = report?.followers.first {
                (configuration.backends.addresses[$0] ?? $0) == server.endpoint
                    || isDouble(of: server, at: configuration.backends.addresses[$0] ?? $0)
            }
            let known = sentinels?.verdict?.replicas.first { $0.endpoint == server.endpoint }
            return SwitchoverCandidate(
                server: server.index, endpoint: server.endpoint, trouble: trouble(of: server),
                isReplica: server.health.report?.role == .replica,
                history: server.health.report?.replicationID,
                offset: server.health.report?.offset, priority: server.health.report?.priority,
                announced: named,
                priorityAtSentinels: known.flatMap { $0.isDown ? nil : $0.priority })
        }
        return try SwitchoverPlan.make(
            to: target, from: own, among: replicas,
            withSentinels: configuration.backends.sentinel != nil)
    }

    private func trouble(of server: BackendServer) -> String? {
        if server.isGone { return server === master ? ProxyCore.nobodyNamed : "it is gone" }
        guard isAnswering(server) else { return "it does not answer" }
        if server.health.isHealthy { return nil }
        let reason = server.health.reason
        return reason.isEmpty ? "it is \(server.health.state.word)" : reason
    }

    /// Whether what is found at an address is this server by another name.
    private func isDouble(of server: BackendServer, at endpoint: Endpoint) -> Bool {
        servers.contains { $0.endpoint == endpoint && $0.double == server.index }
    }

    private func begin(
        _ plan: SwitchoverPlan, _ timeout: Duration?, for asker: OperationAsker
    ) {
        let (machine, actions) = Switchover.begin(plan.way)
        let hold = configuration.writes.hold
        let timeout = timeout ?? (hold > .zero ? hold : ProxyCore.usualSwitchover)
        lastSwitchover += 1
        let target = servers[plan.target]
        switchover = RunningSwitchover(
            machine: machine, plan: plan, number: lastSwitchover, asker: asker, timeout: timeout,
            due: now.instant + ProxyCore.patienceWithSentinels,
            formerPriority: target.health.report?.priority,
            result: SwitchoverResult(
                master: "\(target.endpoint)", formerMaster: "\(master.endpoint)"))
        self.tell(
            .switchoverBegun, of: target, .notice,
            "is to be the master in place of \(master.endpoint), as PROXY FAILOVER wants it")
        carryOut(actions)
        nextWatch = now.instant
        watchServers()
        wakeForSwitchover()
    }

    // MARK: Events

    func switchoverHears(_ event: Switchover.Event) {
        guard var running = switchover else { return }
        let before = running.machine.phase
        let actions = running.machine.hear(event)
        if running.machine.phase != before {
            switch running.machine.phase {
            case .aborting, .repointing: running.due = now.instant + ProxyCore.patienceAtTheEnd
            default: break
            }
        }
        switchover = running
        carryOut(actions)
        wakeForSwitchover()
    }

    /// What follows from time, and from how the servers are.
    func lookAfterSwitchover() {
        reportDrained()
        guard let running = switchover else { return }
        if running.due <= now.instant { return switchoverHears(.late) }
        if let due = running.drainDue, due <= now.instant {
            switchover?.drainDue = nil
            switchoverHears(.drained)
        }
        guard let running = switchover else { return }
        if !isAnswering(servers[running.plan.master]) { switchoverHears(.lostMaster) }
        if !isAnswering(servers[running.plan.target]) { switchoverHears(.lostTarget) }
    }

    func wakeForSwitchover() {
        if writesToEnd != nil { wake(at: now.instant + ProxyCore.drainPace) }
        guard let switchover else { return }
        wake(at: switchover.due)
        if let due = switchover.drainDue { wake(at: due) }
        if let nextWatch { wake(at: nextWatch) }
    }

    /// Somebody may have been made the master.
    func followSwitchover() {
        guard let running = switchover, topology.master != running.plan.master else { return }
        if running.pause == nil, let since = running.heldSince {
            switchover?.pause = now.instant - since
        }
        switchoverHears(.adopted(isTarget: topology.master == running.plan.target))
    }

    /// A server has said how it is. It was asked over the connection that the steps are told over, and so, if the step
    /// at hand is told, behind it.
    func switchoverHears(_ report: ServerReport, of server: BackendServer) {
        guard let running = switchover else { return }
        switch (running.machine.phase, server.index) {
        case (.awaiting, running.plan.master), (.aborting, running.plan.master):
            guard running.plan.way == .servers, report.role == .master,
                report.failoverState == "no-failover"
            else { return }
            switchoverHears(.kept)
        case (.levelling, running.plan.master):
            if running.goal == nil { switchover?.goal = report.offset }
        case (.levelling, running.plan.target):
            guard let goal = running.goal, let offset = report.offset, offset >= goal,
                report.role == .replica
            else { return }
            switchoverHears(.level)
        default: break
        }
    }

    /// The sentinels may have noticed the target's priority.
    func noteSentinelsPriority() {
        guard let running = switchover, running.machine.phase == .preparing else { return }
        let target = servers[running.plan.target].endpoint
        let known = sentinels?.verdict?.replicas.first { $0.endpoint == target }
        if known?.priority == SwitchoverPlan.firstPriority { switchoverHears(.prepared) }
    }

    // MARK: Actions

    private func carryOut(_ actions: [Switchover.Action]) {
        for action in actions { carryOut(action) }
    }

    private func carryOut(_ action: Switchover.Action) {
        guard let running = switchover else { return }
        let plan = running.plan
        switch action {
        case .holdWrites: holdWrites()
        case .releaseWrites:
            board.hold(false)
            tellOfBoard()
        case .askServer:
            let left = max(.milliseconds(1), running.due - now.instant - ProxyCore.graceOfServer)
            ask(
                ["FAILOVER", "TO"] + ProxyCore.words(for: plan.announced)
                    + ["TIMEOUT", "\(left.milliseconds)"], .change, of: plan.master)
        case .abortAtServer: ask(["FAILOVER", "ABORT"], .amends, of: plan.master)
        case .pauseMaster:
            let left = running.due - now.instant + ProxyCore.patienceAtTheEnd
            ask(["CLIENT", "PAUSE", "\(left.milliseconds)", "WRITE"], .change, of: plan.master)
        case .askSentinels:
            pending.wishes.append(
                .send(SentinelOrder(target: servers[plan.target].endpoint), to: workers))
        case .unpauseMaster: makeGood(["CLIENT", "UNPAUSE"], at: plan.master)
        case .demoteMaster:
            // Whoever has decided otherwise by the time that it is back is right.
            makeGood(
                ["REPLICAOF"] + ProxyCore.words(for: plan.announced), at: plan.master,
                within: ProxyCore.patienceWithSentinels)
        case .raisePriority:
            ask(
                ["CONFIG", "SET", "replica-priority", "\(SwitchoverPlan.firstPriority)"], .change,
                of: plan.target)
        case .restorePriority:
            guard let former = running.formerPriority else { return }
            // A second attempt is not to take the raised one for its own.
            servers[plan.target].health.report?.priority = former
            makeGood(["CONFIG", "SET", "replica-priority", "\(former)"], at: plan.target)
        case .repoint: repoint(plan)
        case .succeed: succeed(running)
        case .fail(let reason): fail(running, reason)
        }
    }

    private func holdWrites() {
        guard let running = switchover else { return }
        switchover?.heldSince = now.instant
        switchover?.due = now.instant + running.timeout + ProxyCore.graceOfServer
        switchover?.drainDue =
            now.instant + min(ProxyCore.patienceWithWrites, running.timeout / 2)
        switchover?.undrained = Set(0..<workers)
        board.hold(true)
        tellOfBoard()
        for other in 0..<workers where other != worker {
            pending.wishes.append(.send(WritesToEnd(number: running.number), to: other))
        }
        take(WritesToEnd(number: running.number))
    }

    private func repoint(_ plan: SwitchoverPlan) {
        let siblings = plan.siblings.filter { !servers[$0].isGone }
        switchover?.repointing = Set(siblings)
        for sibling in siblings {
            ask(
                ["REPLICAOF"] + ProxyCore.words(for: plan.announced), .repointing, of: sibling)
        }
        if siblings.isEmpty { switchoverHears(.repointed) }
    }

    private func noteRepointed(_ sibling: Int, _ trouble: String?) {
        guard var running = switchover, running.repointing.remove(sibling) != nil else { return }
        let name = "\(servers[sibling].endpoint)"
        if let trouble {
            running.result.notRepointed.append("\(name): \(trouble)")
        } else {
            running.result.repointed.append(name)
        }
        switchover = running
        if running.repointing.isEmpty { switchoverHears(.repointed) }
    }

    private func succeed(_ running: RunningSwitchover) {
        switchover = nil
        var result = running.result
        result.pause = running.pause.map { Int($0.milliseconds) } ?? 0
        for sibling in running.repointing.sorted() {
            result.notRepointed.append("\(servers[sibling].endpoint): it has not answered")
        }
        let left =
            result.notRepointed.isEmpty
            ? "" : "; not told to follow it: " + result.notRepointed.joined(separator: ", ")
        tell(
            .switchoverDone, of: servers[running.plan.target], .notice,
            "has taken over from \(result.formerMaster); writes waited for \(result.pause) ms\(left)"
        )
        tell(.done(result.report), to: running.asker)
    }

    private func fail(_ running: RunningSwitchover, _ reason: String) {
        switchover = nil
        let target = servers[running.plan.target].endpoint
        tell(
            .switchoverFailed, of: master, .warning,
            "has not been replaced by \(target): \(reason)")
        tell(
            .failed("ERR the failover to \(target) has failed: \(reason)"), to: running.asker)
    }

    // MARK: Words to servers

    /// What a question to a server is for.
    enum SwitchoverQuestion {
        /// The step at hand.
        case change
        case repointing
        /// Nothing waits for the answer.
        case amends
    }

    private func ask(_ words: [String], _ question: SwitchoverQuestion, of server: Int) {
        guard let running = switchover else { return }
        let errand = beginErrand(
            .switchover(question, server: server, number: running.number), parts: 1)
        guard let control = servers[server].control, control.isReady else { return finish(errand) }
        ask(words.map { Array($0.utf8) }, part: 0, of: errand, on: control)
    }

    /// A server, or the sentinels, have answered; nil: they will not.
    func hear(
        _ answer: [UInt8]?, to question: SwitchoverQuestion, of server: Int, number: Int
    ) {
        guard let running = switchover, running.number == number else { return }
        let refusal = answer.flatMap { ProxyCore.refusal(in: $0) }
        switch question {
        case .change:
            if answer == nil {
                switchoverHears(server == running.plan.master ? .lostMaster : .lostTarget)
            } else if let refusal {
                switchoverHears(.refused("\(servers[server].endpoint) refuses: \(refusal)"))
            } else {
                switchoverHears(.accepted)
            }
        case .repointing:
            noteRepointed(
                server,
                answer == nil ? "the connection was lost" : refusal.map { "it refuses: \($0)" })
        case .amends: break
        }
    }

    func hear(_ answer: SentinelAnswer) {
        guard let running = switchover, running.machine.phase == .asking,
            running.plan.way != .servers
        else { return }
        switchoverHears(answer.refusal.map { .refused($0) } ?? .accepted)
    }

    /// The text of an error reply.
    static func refusal(in reply: [UInt8]) -> String? {
        guard reply.first == UInt8(ascii: "-") else { return nil }
        let line = reply.dropFirst().prefix { $0 != UInt8(ascii: "\r") }
        return String(decoding: line, as: UTF8.self)
    }

    static func words(for endpoint: Endpoint) -> [String] {
        switch endpoint {
        case .tcp(let host, let port): [host, "\(port)"]
        case .unix(let path): [path, "0"]
        }
    }
}

extension Duration {
    fileprivate var milliseconds: Int64 { nanoseconds / 1_000_000 }
}
