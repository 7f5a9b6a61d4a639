// Requests that take too long, and connections on which nothing is heard any more.

import RESP

extension ProxyCore {
    /// Has the tickets looked through in a while, unless that is going to happen anyway.
    func scheduleScan() {
        guard nextScan == nil, configuration.timeouts.request > .zero else { return }
        let due = now.instant + configuration.timeouts.request / 8
        nextScan = due
        pending.wakeAt = min(due, pending.wakeAt ?? due)
    }

    /// Answers requests whose time is up. Their replies, should they come, are dropped: a connection that others
    /// share goes on.
    func giveUpLateRequests() {
        nextScan = nil
        var isAnyOut = false
        for connection in links {
            guard let connection, !connection.tickets.isEmpty else { continue }
            isAnyOut = true
            giveUpLateRequests(of: connection)
        }
        if isAnyOut { scheduleScan() }
        if !masterQueue.isEmpty { giveUpTurns() }
    }

    private func giveUpLateRequests(of connection: BackendConnection) {
        let limit = configuration.timeouts.request
        let isBegun = !connection.scanner.isAtStart
        if isBegun, connection.stall == nil, connection.heardAt + limit <= now.instant {
            return distrust(connection, "it fell silent in the middle of a reply")
        }
        // A script may keep a server busy for long; one that answers no probe either is gone.
        let mayBeGone =
            servers[connection.server].health.isSilent
            || configuration.timeouts.probeInterval == .zero
        if mayBeGone, connection.id != nil, let first = connection.tickets.first,
            connection.use != .alone || first.client == Ticket.nobody, connection.stall == nil,
            first.since + limit * 3 <= now.instant, connection.heardAt + limit * 3 <= now.instant
        {
            return distrust(connection, "it has answered nothing for \(ProxyCore.text(limit * 3))")
        }
        // What it will do to the connection's state, and when, nobody can say any more.
        if connection.use == .alone, connection.id != nil,
            connection.tickets.contains(where: {
                $0.since + limit <= now.instant && (connection.owner == nil || $0.errand != nil)
            })
        {
            return distrust(connection, "it does not answer a question about a connection's state")
        }
        if isStuck(connection) {
            return distrust(connection, "it takes no more of a large request")
        }
        let server = servers[connection.server]
        var late: [Ticket] = []
        var unanswered: [ErrandStep] = []
        // Whoever has half of a reply, or waits for what may take its time, gets nothing before that is there.
        var patient = isBegun ? connection.tickets.first?.client : nil
        connection.tickets.update { ticket in
            if ticket.kind == .blocking { patient = ticket.client }
            if let step = ticket.errand, ticket.since + limit <= now.instant,
                connection.use != .control
            {
                unanswered.append(step)
                ticket.errand = nil
            }
            guard ticket.client != patient, ticket.client != Ticket.nobody,
                ticket.since + limit <= now.instant
            else { return }
            late.append(ticket)
            ticket.client = Ticket.nobody
        }
        noteTimeOuts(late, on: connection)
        for step in unanswered { hearNothing(for: step, "it took too long") }
        for ticket in late {
            server.counters.timeouts += Int(ticket.replies)
            guard let client = clients[ticket.client], client.owed > 0 else { continue }
            counters.timeouts += Int(ticket.replies)
            noteTimeOut(ticket, on: connection)
            for _ in 0..<ticket.replies {
                if ticket.isWanted {
                    appendTooLate(ticket.kind, server, to: &client.replies)
                }
                noteDelivered(1, to: client, ticket.kind)
            }
            settle(client)
        }
        leaveIfUsedUp(connection)
        for name in connection.waiting {
            if let client = clients[name], isOverdue(client) { goOn(client) }
        }
    }

    /// A request was put off, or went out. What waits for room on a connection, for a turn at the master, or for a
    /// server that is fresh enough, waits no longer for it than for a reply, and neither does what stands behind it.
    /// (What is answered here in between is no sign of room.)
    func noteWait(_ pause: ClientSession.Pause?, of client: ClientSession) {
        switch pause {
        case .backend?, .freshness?, .turn?: client.shortSince = client.shortSince ?? now.instant
        default: client.shortSince = nil
        }
    }

    /// A server has taken something of what one client has for it alone: only from now on it takes nothing.
    func noteProgress(_ connection: BackendConnection) {
        guard let owner = connection.owner, let client = clients[owner],
            client.pause == .backend(connection.link), client.shortSince != nil
        else { return }
        client.shortSince = now.instant
    }

    func isOverdue(_ client: ClientSession) -> Bool {
        guard let since = client.shortSince, configuration.timeouts.request > .zero else {
            return false
        }
        return since + configuration.timeouts.request <= now.instant
    }

    /// Answers a request for which there was no room, on a connection or at the master, for too long; false when it
    /// waits for something else. A transaction is over with its EXEC, and fails with anything else.
    func refuseOverdue(
        _ command: CommandID?, of client: ClientSession, _ pause: ClientSession.Pause
    ) -> Bool {
        let link: LinkID?
        switch pause {
        case .backend(let waited): link = waited
        case .turn:
            masterQueue.remove(client.id)
            link = nil
        case .room, .drained, .answer, .confirmation, .held, .freshness, .master: return false
        }
        client.extras?.beginRequest()
        if let link { replyOverdue(to: client, on: link) } else { refuseTurn(of: client) }
        client.extras?.endRequest()
        if let transaction = client.extras?.transaction, command == .exec {
            abandon(transaction, of: client)
        }
        return true
    }

    func replyOverdue(to client: ClientSession, on link: LinkID) {
        counters.timeouts += 1
        client.extras?.transaction?.isRefused = true
        let name = links[Int(link.number)].map { servers[$0.server].name } ?? "the server"
        reply(to: client) {
            $0.append("-TIMEOUT ")
            $0.append(text: name)
            $0.append(text: " took no more requests for ")
            $0.append(text: ProxyCore.text(configuration.timeouts.request))
            $0.append("; nothing was sent\r\n")
        }
    }

    /// Whether a server has taken nothing more of a large request for too long: half of it is there, so that it can
    /// neither be refused nor waited for.
    private func isStuck(_ connection: BackendConnection) -> Bool {
        guard let client = connection.owner.flatMap({ clients[$0] }),
            client.pause == .backend(connection.link), isOverdue(client)
        else { return false }
        switch client.extras?.upload {
        case .to(connection.link), .queued(connection.link): return true
        default: return false
        }
    }

    private func appendTooLate(
        _ kind: Ticket.Kind, _ server: BackendServer, to output: inout OutputQueue
    ) {
        let limit = configuration.timeouts.request
        output.append("-TIMEOUT ")
        output.append(text: "\(server.name) did not answer within \(ProxyCore.text(limit))")
        output.append(
            kind == .read ? "\r\n" : "; the command may have run, or may still do so\r\n")
    }

    static func text(_ duration: Duration) -> String {
        let milliseconds = duration.nanoseconds / 1_000_000
        return milliseconds % 1000 == 0 ? "\(milliseconds / 1000) s" : "\(milliseconds) ms"
    }
}
