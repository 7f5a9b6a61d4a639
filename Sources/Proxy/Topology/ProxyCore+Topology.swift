// What is known of the servers, which of them may be read, and the questions by which it is found out.

import RESP

extension ProxyCore {
    // MARK: Judging

    /// Something about a server has changed: a connection, or what it said.
    func changed(_ server: BackendServer) {
        judge(server)
        // Replicas whose link is down are judged by how their master is.
        if server.role == .master {
            for replica in replicas { judge(replica) }
        }
        findReadable()
        if server.role == .master { noteMaster() }
        if !serversToLeave.isEmpty { leaveEjected() }
    }

    private func judge(_ server: BackendServer) {
        guard let lane = server.lanes.first ?? nil else { return }
        // A master that takes no writes is no master, whatever it lets be read.
        let refusal = (lane.readers + lane.writers).lazy.compactMap { connection -> String? in
            if case .waiting(_, let reason) = connection.state { reason } else { nil }
        }.first
        let isRefused = refusal != nil
        let takesWrites = lane.writers.isEmpty || lane.writers.contains(where: \.isReady)
        let evidence = BackendHealth.Evidence(
            isMaster: server.role == .master,
            isConnected: takesWrites && lane.readers.contains(where: \.isReady)
                || !isRefused && isStillConnected(server), isRefused: isRefused,
            refusal: refusal ?? "",
            report: server.health.report,
            isAsked: configuration.timeouts.probeInterval > .zero && !server.health.isMute,
            isSilent: server.health.isSilent, isBusy: server.health.isBusy,
            wantsPassword: server.health.wantsPassword,
            hadData: server.health.hadData,
            isMasterHealthy: master.health.isHealthy, mastersHistory: mastersHistory,
            isContested: topology.isContested, lag: server.lag,
            ceiling: configuration.reads.lagCeiling,
            isLagging: server.health.state == .lagging, circuit: server.circuit,
            isWithdrawn: topology.withdrawn == server.index)
        let (state, reason) = BackendHealth.judge(evidence)
        server.health.isWellByItsWord = BackendHealth.isWell(evidence)
        let old = server.health.state
        guard server.health.become(state, reason, at: now.instant) else { return }
        server.rampUp.note(state, at: now.instant)
        if state == .healthy, server.health.report?.isLinkUp == true {
            server.health.hadData = true
        }
        tellChange(of: server, from: old)
        // While it is connected to anew, streams have connections of their own, whose loss would be told.
        let isReached = state != .down && state != .connecting
        if server.role == .replica, state != .healthy, isReached { leaveStreams(at: server) }
        if state == .ejected { serversToLeave.append(server.index) }
    }

    /// Nil as long as the master has not said it as a master.
    private var mastersHistory: String? {
        guard let report = master.health.report, report.role == .master else { return nil }
        return report.replicationID
    }

    /// Has the reads done elsewhere that wait for servers which have stopped answering: their replies may never come.
    private func leaveEjected() {
        let ejected = serversToLeave
        serversToLeave.removeAll()
        for case let connection? in links
        where ejected.contains(connection.server) && connection.use == .reads {
            leave(connection)
        }
    }

    /// While a connection that was retired still stands, the one in its place is on its way.
    private func isStillConnected(_ server: BackendServer) -> Bool {
        links.contains { connection in
            guard let connection, connection.server == server.index else { return false }
            return connection.use == .retired && connection.isReady
        }
    }

    /// Finds anew which servers reads are shared among.
    func findReadable() {
        readable = router.readable(
            servers.filter { !$0.isGone && !isSetAside($0) }.map { server in
                ReadCandidate(
                    server: server.index, isMaster: server.role == .master,
                    isHealthy: server.health.isHealthy,
                    isLagging: server.health.state == .lagging,
                    isOpen: server.health.isWellByItsWord && server.circuit.isOpen,
                    isReturning: server.rampUp.since != nil && configuration.reads.rampUp > .zero,
                    isOnTrial: server.circuit.isOnTrial,
                    isInOwnZone: configuration.zone == nil
                        || server.place.zone == configuration.zone, weight: server.weight)
            })
        findStandingIn()
    }

    /// A replica whose tag is named by a rule for commands takes the reads of those commands alone.
    func isSetAside(_ server: BackendServer) -> Bool {
        server.role == .replica && server.place.tags.contains { classifier.tags.contains($0) }
    }

    /// What the master says of the commands that it knows.
    func learnCommands(_ reply: [UInt8]?, of server: BackendServer) {
        guard server.role == .master, let reply else { return }
        // A server that may not or cannot tell leaves what was learnt before.
        var parser = ReplyParser()
        parser.append(reply.span)
        guard let parsed = try? parser.next(), let commands = LearntCommands(parsed) else { return }
        classifier.learn(commands)
    }

    /// A server complained: it cannot do now what such servers do. It is asked at once.
    func note(
        _ complaint: Complaint, of server: BackendServer, where isServersOwn: () -> Bool = { true }
    ) {
        switch complaint {
        case .readOnly:
            // Another has become the master: it is found among all.
            if server.role == .master, server.health.report?.role == .master, isServersOwn() {
                server.health.report?.role = .replica
                changed(server)
            }
            probeAll()
        case .loading, .masterDown:
            if let control = server.control, server.probe == nil { probe(server, on: control) }
        case .busy, .noScript: break
        }
    }

    // MARK: Asking

    /// Asks the servers how they are, when it is time, and looks after what has long been idle.
    func watchServers() {
        let interval = configuration.timeouts.probeInterval
        guard nextWatch.map({ $0 <= now.instant }) ?? true else { return }
        nextWatch = now.instant + pace(interval)
        for server in servers { closeIdleLanes(of: server) }
        closeIdleClients()
        guard interval > .zero else { return }
        forgetLostServers()
        for server in servers where !server.isGone {
            connectForFreshness(to: server)
            guard let control = server.control else {
                server.control = makeConnection(to: server, lane: 0, .control)
                continue
            }
            if server.probe == nil { probe(server, on: control) }
            noteSilence(of: server, control)
        }
        compareReplicas()
    }

    /// While the master is not well, the next one is looked for more often.
    private func pace(_ interval: Duration) -> Duration {
        guard interval > .zero else { return .seconds(1) }
        if switchover != nil { return min(interval, ProxyCore.switchoverPace) }
        if resync != nil { return min(interval, ProxyCore.resyncPace) }
        let isInSearch = servers.count > 1 && !master.health.isHealthy
        return isInSearch ? min(interval, ProxyCore.search) : interval
    }

    private static let search = Duration.milliseconds(200)

    /// A probe may be late long before the next is due.
    func noteSilence() {
        for server in servers where server.probe != nil {
            if let control = server.control { noteSilence(of: server, control) }
        }
    }

    /// A server that stands and does not answer, or with which no connection for questions comes to stand.
    private func noteSilence(of server: BackendServer, _ control: BackendConnection) {
        if control.isReady {
            server.unaskedSince = nil
        } else if server.unaskedSince == nil {
            server.unaskedSince = now.instant
        }
        let since = server.probe?.since ?? server.unaskedSince
        let isSilent = since.map { $0 + configuration.timeouts.probe <= now.instant } ?? false
        guard isSilent != server.health.isSilent else { return }
        server.health.isSilent = isSilent
        changed(server)
        if isSilent { leaveStreams(at: server) }
    }

    /// The connection for questions stands: everything is asked anew, as it may be another process.
    func beginControl(_ connection: BackendConnection) {
        let server = servers[connection.server]
        server.health.report = nil
        server.probe = nil
        server.unaskedSince = nil
        probe(server, on: connection)
        makeGood(at: server)
        if server.role == .master { askForHeartbeat(connection) }
        let errand = beginErrand(.commands(server: server.index), parts: 1)
        ask([Array("COMMAND".utf8)], part: 0, of: errand, on: connection)
    }

    func probeAll() {
        for server in servers where server.probe == nil {
            if let control = server.control { probe(server, on: control) }
        }
    }

    func probe(_ server: BackendServer, on control: BackendConnection) {
        guard control.isReady else { return }
        var sections = ["server", "replication", "persistence"]
        if server.role == .master { sections.append("keyspace") }
        let counted = countForForeignWrites(server)
        if counted != nil { sections.append("commandstats") }
        let errand = beginErrand(.probe(server: server.index), parts: sections.count)
        server.probe = .init(errand: errand.number, since: now.instant, counted: counted)
        for (part, section) in sections.enumerated() {
            ask([Array("INFO".utf8), Array(section.utf8)], part: part, of: errand, on: control)
        }
        wake(at: now.instant + configuration.timeouts.probe)
    }

    /// What a server answered to a probe, or that it will not.
    func learn(_ answers: [[UInt8]?], of server: BackendServer) {
        let sentAt = server.probe?.since ?? now.instant
        let counted = server.probe?.counted
        server.probe = nil
        server.reportedAt = now.instant
        server.health.isSilent = false
        let isBusy = answers.contains { $0.flatMap { Complaint($0.span) } == .busy }
        server.health.isBusy = isBusy
        if isBusy { return changed(server) }
        // Where clients say themselves who they are, the proxy's own user may be nobody.
        server.health.wantsPassword =
            configuration.authentication != .backend
            && answers.contains { $0?.span.begins(with: "-NOAUTH ") ?? false }
        if server.health.wantsPassword { return changed(server) }
        let last = server.lastReport
        if answers.contains(where: { $0 == nil }) {
            server.health.report = nil
        } else if let report = ServerReport(answers) {
            if let old = server.health.report?.runID, old != report.runID {
                server.health.hadData = false
            }
            if report.runID != server.runID {
                noteProcess(report.runID, of: server)
            }
            server.health.isMute = false
            compare(server.lastReport, with: report, of: server)
            noteStrength(server.lastReport, report, of: server)
            server.health.report = report
            server.lastReport = report
            noteOffset(report, sentAt: sentAt, of: server)
            if report.role == .replica, report.isLinkUp { server.health.hadData = true }
        } else if !server.health.isMute {
            server.health.isMute = true
            pending.log(
                .warning,
                "\(server.name) does not answer INFO: it is taken for what the configuration says")
        }
        changed(server)
        tellOfMaster(server, since: last)
        if let counted { noteForeignWrites(answers, counted, at: server) }
        if !server.doubts.isEmpty || !server.despaired.isEmpty { settleDoubts(of: server) }
        judgeSuccession()
        guard let report = server.health.report else { return }
        discover(report, from: server)
        switchoverHears(report, of: server)
        resyncHears(report, of: server)
        lookAfterFormer(report, of: server)
        askForSettings(of: server)
    }

    /// A server has said which process it is, and it is another one than before, or the first.
    func noteProcess(_ runID: [UInt8]?, of server: BackendServer) {
        if server.runID != nil {
            endNamelessDoubts(of: server)
            // What its predecessor did is no fault of it.
            server.circuit = Circuit()
            if server === master { eraOfMaster &+= 1 }
        }
        server.runID = runID
        server.health.hadData = false
    }

    // MARK: What has long been idle

    /// Closes the connections of lanes that nobody has used for long; the first lane stays.
    private func closeIdleLanes(of server: BackendServer) {
        for number in server.lanes.indices.dropFirst() {
            guard let lane = server.lanes[number],
                lane.usedAt + configuration.timeouts.laneIdle <= now.instant
            else { continue }
            let all = lane.readers + lane.writers
            guard all.allSatisfy({ $0.tickets.isEmpty && $0.waiting.isEmpty }) else { continue }
            server.lanes[number] = nil
            for connection in all { discard(connection) }
        }
    }

    /// Closes clients that have asked for nothing for as long as the configuration allows, as redis-server does it:
    /// not those that wait for something.
    private func closeIdleClients() {
        guard configuration.timeouts.idle > .zero else { return }
        for client in clients.all
        where client.usedAt + configuration.timeouts.idle <= now.instant
            && client.inFlight == 0 && client.output.isEmpty && client.pause == nil
            && client.extras?.subscription == nil && client.extras?.monitor == nil
        {
            drop(client)
        }
    }
}
