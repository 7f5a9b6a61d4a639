// A new master: how the first worker notices that there is one, and what every worker does about it.
//
//     probes ─▶ claims ─▶ Succession.judge ─┬─ keep
//       (the first worker alone)            ├─ contested ─▶ nobody is written to
//                                           └─ adopt ─▶ the board ─▶ each worker, before it takes anything more

import RESP

extension ProxyCore {
    // MARK: Finding out

    /// A server has said how it is: it may be the master now, or not any more.
    func judgeSuccession() {
        guard worker == 0 else { return }
        defer {
            remember()
            followSwitchover()
        }
        guard configuration.backends.sentinel == nil else { return judgeAppointment() }
        let claims = servers.filter { !$0.isGone }.map { claim(of: $0) }
        switch succession.judge(claims) {
        case .keep:
            candidate = nil
            claims.first { $0.server == succession.master }.map { succession.note($0) }
            contest([])
        case .contested(let rivals):
            candidate = nil
            contest(rivals)
        case .adopt(let number, let reason):
            // What was planned is no surprise; for others all are heard first.
            guard number == switchover?.plan.target || isSettled(on: number) else { return }
            candidate = nil
            contest([])
            let server = servers[number]
            let former = FormerMaster(server: succession.master, history: succession.history)
            succession.adopt(claim(of: server))
            crown(server)
            operators.masterKeys = nil
            tell(.newMaster, of: server, .warning, "is the master from now on: \(reason)")
            noteHeir(former)
        }
    }

    /// Whether all servers that answer have done so since one of them was found to be the next master: what others said
    /// before may have changed as well.
    private func isSettled(on number: Int) -> Bool {
        guard let since = candidate.flatMap({ $0.server == number ? $0.since : nil }) else {
            candidate = (number, now.instant)
            probeAll()
            return false
        }
        return servers.allSatisfy { server in
            !isAnswering(server) || server.reportedAt > since
        }
    }

    func isAnswering(_ server: BackendServer) -> Bool {
        !server.health.isSilent && server.control?.isReady == true && server.health.report != nil
    }

    private func claim(of server: BackendServer) -> Claim {
        var claim = Claim(
            server: server.index, isAnswering: isAnswering(server), address: "\(server.endpoint)")
        guard let report = server.health.report else { return claim }
        claim.role = report.role
        claim.runID = report.runID
        claim.history = report.replicationID
        claim.formerHistory = report.formerReplicationID
        claim.following = report.masterEndpoint
        return claim
    }

    /// Several servers say that they are the master.
    private func contest(_ rivals: [Int]) {
        guard rivals != self.rivals else { return }
        if !rivals.isEmpty {
            let names = rivals.map { servers[$0].name }.joined(separator: " and ")
            tell(
                .contestedMaster, of: master, .warning,
                "is not written to: \(names) were both promoted, and nobody is as long as both are masters"
            )
        }
        self.rivals = rivals
        board.contest(!rivals.isEmpty)
        tellOfBoard()
    }

    /// Begins the reign of a master, for all workers.
    func crown(_ server: BackendServer) {
        // What replicas were known to have is of another history now, for whoever sees the board next.
        freshness.voidAll()
        board.crown(server.index)
        tellOfBoard()
    }

    /// Workers that have nothing to do look at the board now.
    func tellOfBoard() {
        noteBoard()
        for other in 0..<workers where other != worker {
            pending.wishes.append(.send(BoardChanged(), to: other))
        }
    }

    // MARK: Following

    /// Whoever is the master now has been found out before anything more is taken from anybody.
    @inline(__always)
    func noteBoard() {
        if board.differs(from: topology) { followBoard() }
    }

    private func followBoard() {
        let latest = board.latest
        guard latest.reign != topology.reign else {
            let withdrawn = [topology.withdrawn, latest.withdrawn]
            topology = latest
            for case let server? in withdrawn where server < servers.count {
                changed(servers[server])
            }
            return changed(master)
        }
        guard latest.master < servers.count else {
            // Who that is will be told in a moment; until then nobody is written to.
            topology.isContested = true
            return changed(master)
        }
        let old = master
        topology = latest
        watermarks.beginReign(freshness.channel(topology.reign))
        let new = master
        guard old !== new else { return }
        eraOfMaster &+= 1
        old.role = .replica
        new.role = .master
        // A master is judged by what it says alone.
        new.circuit = Circuit()
        dethrone(old)
        enthrone(new)
        renewWatchers()
        changed(old)
        changed(new)
        connectForFreshness(to: new)
        wantWatermark()
        beginAcknowledgements()
        for connection in links { connection.map { wakeThoseWaiting(for: $0) } }
        judgeSettings()
    }

    /// It takes nothing more that only a master may be asked. What it has not answered may have run there and be
    /// lost, so that whoever waits for it is told as if the connection had been lost.
    private func dethrone(_ server: BackendServer) {
        let reason = "it is not the master any more"
        for lane in server.lanes { lane?.writers = [] }
        server.publisher = nil
        server.acknowledger = nil
        for case let connection? in links where connection.server == server.index {
            switch connection.use {
            case .writes, .publisher, .watcher, .acknowledger:
                connection.use = .retired
                end(connection, reason)
            case .alone where !connection.isStream:
                end(connection, reason)
            // One that was left because of a large reply may still owe others the answers to writes.
            case .retired where connection.tickets.contains(where: { $0.kind == .write }):
                end(connection, reason)
            case .reads: renew(connection)
            case .alone, .control, .retired: break
            }
        }
        // Nothing that it does counts any more.
        endDoubts(of: server)
    }

    private func enthrone(_ server: BackendServer) {
        for (number, lane) in server.lanes.enumerated() {
            guard let lane else { continue }
            for connection in lane.readers { renew(connection) }
            for _ in 0..<configuration.backends.connections {
                lane.writers.append(makeConnection(to: server, lane: number, .writes))
            }
        }
        server.watcher = nil
        for case let connection? in links
        where connection.server == server.index && connection.use == .watcher {
            connection.use = .retired
            end(connection, "it is the master now")
        }
        guard let control = server.control, control.isReady else { return }
        askForHeartbeat(control)
        let errand = beginErrand(.commands(server: server.index), parts: 1)
        ask([Array("COMMAND".utf8)], part: 0, of: errand, on: control)
    }

    /// Connections for reads say other things at their beginning to a master than to a replica.
    private func renew(_ connection: BackendConnection) {
        guard isFencing else { return }
        retire(connection)
        leaveIfUnwanted(connection)
    }

    /// Replicas are listened to for the watermarks of this reign.
    private func renewWatchers() {
        guard isFencing, worker == 0 else { return }
        for server in replicas {
            if let watcher = server.watcher {
                server.watcher = nil
                watcher.use = .retired
                end(watcher, "another master has begun")
            }
            connectForFreshness(to: server)
        }
    }

    /// Closes a connection whose requests are not waited for.
    func end(_ connection: BackendConnection, _ reason: String) {
        if connection.tickets.isEmpty {
            doubtWrites(of: connection, wereSent: false)
            discard(connection)
        } else if connection.id != nil {
            distrust(connection, reason)
        } else {
            // It never stood: nothing of it has left.
            doubtWrites(of: connection, wereSent: false)
            settleTickets(of: connection, sent: 0, reason)
            abandon(connection)
        }
    }
}

/// Another server is the master, or may be.
struct BoardChanged: CoreMessage {}
