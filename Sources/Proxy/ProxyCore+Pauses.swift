// Who is not read from for a while: clients that ask too much, and servers while a client does not take its replies.

import RESP

extension ProxyCore {
    func mayGoOn(_ client: ClientSession) -> Bool {
        client.inFlight < configuration.limits.clientRequests
            && client.unread < configuration.limits.clientOutput
    }

    /// Whether a connection takes one more request.
    func hasRoom(_ connection: BackendConnection) -> Bool {
        connection.output.unsent < mostUnsent(connection)
            && connection.output.held < 2 * configuration.limits.backendOutput
            && connection.tickets.replies < configuration.limits.backendRequests
            && mayTake(connection)
    }

    func hasMuchRoom(_ connection: BackendConnection) -> Bool {
        connection.output.unsent <= mostUnsent(connection) / 2
            && connection.output.held <= configuration.limits.backendOutput
            && connection.tickets.replies <= configuration.limits.backendRequests / 2
            && mayTake(connection)
    }

    /// What was to go over it goes over another one now, if there is one.
    private func isLeft(_ connection: BackendConnection) -> Bool {
        connection.use == .retired
            || connection.use == .reads && servers[connection.server].health.state == .ejected
    }

    /// A connection whose name has moved ends when it has answered all; what one client has for itself it may finish.
    private func mayTake(_ connection: BackendConnection) -> Bool {
        !connection.hasMoved || connection.use == .alone
    }

    /// What waits on a connection of one client is bounded like that client's replies.
    private func mostUnsent(_ connection: BackendConnection) -> Int {
        connection.use == .alone
            ? configuration.limits.clientOutput : configuration.limits.backendOutput
    }

    /// Does not read from a client until something lets it go on. The driver is told only if more arrives.
    func pause(_ client: ClientSession, _ pause: ClientSession.Pause) {
        client.pause = pause
        guard case .backend(let link) = pause, !client.isWaiting else { return }
        client.isWaiting = true
        links[Int(link.number)]?.waiting.append(client.id)
    }

    /// Tells the driver to stop reading from a client.
    func stop(_ client: ClientSession) {
        guard !client.isStopped else { return }
        client.isStopped = true
        pending.wishes.append(.pause(client.id))
    }

    /// Goes on with those that can. Who has waited for a connection comes before whoever needs it only now, and keeps
    /// its place if it must wait on: a connection that is always nearly full would otherwise serve the same ones
    /// again and again.
    func resumeClients() {
        if !circuitsToFollow.isEmpty { followCircuits() }
        if !masterQueue.isEmpty { giveTurns() }
        while !woken.isEmpty || !resumable.isEmpty {
            if !woken.isEmpty {
                swap(&woken, &resuming)
                resume(resuming, keepingPlaces: true)
            } else {
                swap(&resumable, &resuming)
                resume(resuming, keepingPlaces: false)
            }
            resuming.removeAll(keepingCapacity: true)
        }
    }

    private func resume(_ names: [ConnectionID], keepingPlaces: Bool) {
        var blocked: [(BackendConnection, ConnectionID)] = []
        for id in names {
            guard let client = clients[id], let pause = client.pause else { continue }
            switch pause {
            case .room:
                guard client.inFlight <= configuration.limits.clientRequests / 2,
                    client.unread <= configuration.limits.clientOutput / 2
                else { continue }
            case .backend(let link):
                if let connection = links[Int(link.number)], connection.isComing,
                    !hasMuchRoom(connection), !isLeft(connection)
                {
                    if !client.isWaiting { blocked.append((connection, id)) }
                    continue
                }
            case .drained:
                guard client.owed == 0 else { continue }
            case .answer, .confirmation, .freshness, .turn, .master:
                continue
            case .held:
                if let due = operators.clientPause?.until, due > now.instant { continue }
            }
            goOn(client)
        }
        for (_, id) in blocked { clients[id]?.isWaiting = true }
        while let (connection, _) = blocked.first {
            let same = blocked.filter { $0.0 === connection }.map(\.1)
            connection.waiting.insert(
                contentsOf: same, at: keepingPlaces ? 0 : connection.waiting.count)
            blocked.removeAll { $0.0 === connection }
        }
    }

    /// Reads on from a client that was paused.
    func goOn(_ client: ClientSession) {
        leaveWaiting(client)
        if client.pause == .master { held.remove(client.id) }
        client.pause = nil
        if client.state == .closing { settle(client) } else { read(Span(), from: client) }
        // One that has to wait on is not read from meanwhile: what it goes on sending would have to be kept.
        guard client.isStopped, client.pause == nil, clients[client.id] === client else { return }
        client.isStopped = false
        pending.wishes.append(.resume(client.id))
    }

    /// It waits for room on a connection no longer.
    func leaveWaiting(_ client: ClientSession) {
        guard case .backend(let link)? = client.pause, client.isWaiting else { return }
        links[Int(link.number)]?.waiting.removeAll { $0 == client.id }
        client.isWaiting = false
    }

    /// A connection has room again, or begins anew with nothing queued: whoever waited may be able to go on.
    func wakeThoseWaiting(for connection: BackendConnection) {
        guard !connection.waiting.isEmpty else { return }
        for id in connection.waiting { clients[id]?.isWaiting = false }
        woken += connection.waiting
        connection.waiting.removeAll(keepingCapacity: true)
    }

    // MARK: A client that does not take its replies

    /// Stops reading from a server until `client` has taken what it was sent: its replies may be larger than memory,
    /// and those of others behind them cannot pass.
    func stall(_ connection: BackendConnection, on client: ClientSession) {
        guard connection.stall == nil, let id = connection.id else { return }
        connection.stall = .init(client: client.id, since: now.instant)
        stalled += 1
        servers[connection.server].circuit.window.isExcused = true
        pending.wishes.append(.pause(id))
        scheduleWake()
    }

    func endStall(on client: ClientSession) {
        guard stalled > 0 else { return }
        for case let connection? in links where connection.stall?.client == client.id {
            endStall(of: connection)
        }
        scheduleWake()
    }

    private func endStall(of connection: BackendConnection) {
        guard let id = connection.id else { return }
        connection.stall = nil
        // It could say nothing meanwhile: its silence is counted anew.
        connection.heardAt = now.instant
        stalled -= 1
        pending.wishes.append(.resume(id))
    }

    /// The time is up: the slow client is closed if others wait behind it, and may go on being slow if not.
    func breakStall(_ stall: BackendConnection.Stall, of connection: BackendConnection) {
        guard isInTheWay(stall.client, of: connection), let client = clients[stall.client] else {
            connection.stall = .init(client: stall.client, since: now.instant)
            return
        }
        // It is not slow: it may not have them before replicas have confirmed what they are about.
        if client.withheld?.isActive == true {
            connection.stall = .init(client: stall.client, since: now.instant)
            return
        }
        // What it was owed here has been answered by a time-out.
        guard connection.tickets.contains(where: { $0.client == stall.client }) else {
            return endStall(of: connection)
        }
        pending.log(
            .warning, "Closing client \(client.peer): others waited behind replies it does not read"
        )
        drop(client)
    }

    /// Whether other clients are owed replies on this connection, or wait to be taken on it. O(tickets).
    func isInTheWay(_ client: ConnectionID, of connection: BackendConnection) -> Bool {
        let isAnother = { [clients] (id: ConnectionID) in id != client && clients[id] != nil }
        return connection.tickets.contains { isAnother($0.client) }
            || connection.waiting.contains(where: isAnother)
    }

    // MARK: When to wake up

    func scheduleWake() {
        pending.wakeAt = nextScan
        for connection in links {
            guard let connection else { continue }
            switch connection.state {
            case .waiting(let until, _): wake(at: until)
            case .greeting(_, let since) where isUngreeted(connection):
                wake(at: since + configuration.timeouts.probe)
            default: break
            }
            if let stall = connection.stall { wake(at: stall.since + configuration.limits.stall) }
        }
        if !subscriptionsToRetry.isEmpty { wake(at: now.instant + .milliseconds(100)) }
        for server in servers where !server.health.isSilent {
            if let probe = server.probe { wake(at: probe.since + configuration.timeouts.probe) }
        }
        for answer in lateAnswers { wake(at: answer.due) }
        if let due = held.due { wake(at: due) }
        if let askAt = anonymity.askAt { wake(at: askAt) }
        if let nextWatch { wake(at: nextWatch) }
        wakeForReturns()
        wakeForOperators()
        wakeForFreshness()
        wakeForTokens()
        wakeForSwitchover()
        wakeForResync()
        wakeForAcknowledgements()
    }

    func wake(at due: Instant) {
        pending.wakeAt = min(due, pending.wakeAt ?? due)
    }
}
