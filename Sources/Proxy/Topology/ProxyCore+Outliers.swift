// Replicas that are set aside because of what clients' reads have met there, and how they come back.

import RESP

extension ProxyCore {
    // MARK: Answers

    /// A run of a client's reads has been answered by a replica.
    @inline(__always)
    func noteAnswer(_ ticket: Ticket, took: Duration, on connection: BackendConnection) {
        let server = servers[connection.server]
        guard server.role == .replica, ticket.kind == .read else { return }
        // Part of the time it was another server's that was asked before.
        guard ticket.attempts == 0 else { return noteGood(ticket, at: server) }
        guard took < configuration.outliers.latencyFloor, !server.circuit.awaitsAnswers else {
            return noteTelling(ticket, took: took, on: connection)
        }
        server.circuit.window.add(took.nanoseconds)
    }

    /// The same for an answer that was slow, or that somebody waits for to judge the server.
    @inline(never)
    private func noteTelling(_ ticket: Ticket, took: Duration, on connection: BackendConnection) {
        let server = servers[connection.server]
        let limits = configuration.outliers
        if took >= limits.latencyFloor {
            // What waited for a slow request was slow for no fault of the server's, and that is answered at about the
            // same time: the whole interval tells nothing.
            guard !isSlowByNature(ticket, on: connection) else {
                server.circuit.window.isExcused = true
                return noteGood(ticket, at: server)
            }
            if let cause = server.circuit.relapse(took, limits) {
                return eject(server, because: cause)
            }
        }
        server.circuit.window.add(took.nanoseconds)
        noteGood(ticket, at: server)
    }

    private func noteGood(_ ticket: Ticket, at server: BackendServer) {
        // What comes after its client was told that it took too long is no good answer.
        guard server.circuit.awaitsAnswers, ticket.client != Ticket.nobody else { return }
        if server.circuit.noteAnswer(at: now.instant) { circuitsToFollow.append(server.index) }
    }

    /// Whether the requests that were answered are of those that may take long.
    private func isSlowByNature(_ ticket: Ticket, on connection: BackendConnection) -> Bool {
        var answered = ticket
        answered.done = 0
        let end = connection.tickets.first?.start ?? connection.output.end
        return holdsSlowRequest(answered, until: end, on: connection)
    }

    // MARK: Failures

    /// So many reads got no answer in time. What a server that is silent, busy or at work on a slow request does not
    /// answer says nothing of it that is not known; nor does what stands behind a large reply, or one that a client
    /// does not take.
    func noteTimeOuts(_ late: [Ticket], on connection: BackendConnection) {
        let server = servers[connection.server]
        let reads = late.reduce(0) { $0 + ($1.kind == .read ? Int($1.replies) : 0) }
        guard reads > 0, isJudged(server), !server.circuit.isOpen, !server.health.isSilent,
            !server.health.isBusy, connection.stall == nil, connection.use == .reads,
            connection.scanner.isAtStart, !holdsSlowRequests(connection)
        else { return }
        var isEnough = false
        for _ in 0..<reads { isEnough = server.circuit.noteFailure(configuration.outliers) }
        if isEnough { ejectFailing(server) }
    }

    /// A connection was lost that the server had reads of clients on.
    func noteLoss(of connection: BackendConnection) {
        let server = servers[connection.server]
        guard connection.isReady, isJudged(server), !server.circuit.isOpen,
            connection.tickets.contains(where: { $0.kind == .read && clients[$0.client] != nil })
        else { return }
        if server.circuit.noteLoss(configuration.outliers, at: now.instant) { ejectFailing(server) }
    }

    /// Those that rules set aside for slow commands have nobody to take their place but the master.
    private func isJudged(_ server: BackendServer) -> Bool {
        server.role == .replica && !server.isGone && !isSetAside(server)
    }

    private func ejectFailing(_ server: BackendServer) {
        eject(server, because: .failures(server.circuit.failures))
    }

    /// Does not read from a replica for a while, unless too many are set aside already.
    private func eject(_ server: BackendServer, because cause: Circuit.Cause) {
        let judged = replicas.filter { isJudged($0) }
        guard
            OutlierJudge.mayEject(
                judged.count { $0 !== server && $0.circuit.isOpen }, of: judged.count,
                others: readable.count { $0 != server.index && $0 != master.index },
                percent: configuration.outliers.maximumPercent,
                mayUseMaster: configuration.reads.includeMaster != .never
                    && master.health.isHealthy)
        else { return }
        server.circuit.open(because: cause, configuration.outliers, at: now.instant)
        circuitsToFollow.append(server.index)
    }

    /// Acts on what was found out in the middle of something else.
    func followCircuits() {
        let found = circuitsToFollow
        circuitsToFollow.removeAll()
        for number in found { changed(servers[number]) }
        wakeForReturns()
    }

    // MARK: Intervals

    /// Compares what the replicas took to answer since the last time. An interval is as long when the master is being
    /// looked for.
    func compareReplicas() {
        guard comparedAt.map({ $0 + configuration.timeouts.probeInterval <= now.instant }) ?? true
        else { return }
        comparedAt = now.instant
        let judged = replicas.filter { isJudged($0) }
        let means = judged.map { $0.health.isHealthy ? $0.circuit.window.mean : nil }
        for (place, server) in judged.enumerated() {
            let isSlow = OutlierJudge.isSlow(place, means, configuration.outliers)
            guard server.circuit.noteInterval(isSlow: isSlow), let own = means[place],
                let peers = OutlierJudge.peers(of: place, means)
            else { continue }
            eject(server, because: .slowness(own: own, peers: peers))
        }
    }

    /// Those whose time is over are tried; those that have come back long enough ago take all their reads.
    func admitReturned() {
        for server in servers where !server.isGone {
            if server.circuit.beginTrial(at: now.instant) {
                renewStuck(server)
                circuitsToFollow.append(server.index)
            }
            if server.rampUp.endIfOver(at: now.instant, over: configuration.reads.rampUp) {
                findReadable()
            }
        }
    }

    /// A connection on which answers are overdue will not do for a trial.
    private func renewStuck(_ server: BackendServer) {
        let limit = configuration.timeouts.request
        guard limit > .zero else { return }
        for case let connection? in links
        where connection.server == server.index && connection.use == .reads {
            if let first = connection.tickets.first, first.since + limit <= now.instant,
                first.client == Ticket.nobody
            {
                distrust(connection, "it has not answered what it was asked long ago")
            }
        }
    }

    func wakeForReturns() {
        for server in servers where !server.isGone {
            if case .open(let until) = server.circuit.state { wake(at: until) }
            if let since = server.rampUp.since { wake(at: since + configuration.reads.rampUp) }
        }
    }

    // MARK: Shares

    /// Which part of its reads a server takes now. On trial it gets one at a time.
    func share(of server: BackendServer) -> Int {
        if server.circuit.isOnTrial, server.outstanding > 0 { return 0 }
        guard server.rampUp.since != nil else { return RampUp.full }
        return server.rampUp.share(at: now.instant, over: configuration.reads.rampUp)
    }
}
