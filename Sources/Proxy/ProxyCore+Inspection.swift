// What tests ask a worker about itself: how much it holds, and whether it is sound. Not called in production.

import RESP
import Synchronization

extension ProxyCore {
    /// Memory of output that waits or is kept to be sent again, and of input that waits for more or for its turn.
    package var bytesHeld: Int {
        var bytes = pool.inUse
        for client in clients.all {
            bytes += client.unfinished?.bytes.allocated ?? 0
            for reply in client.held { bytes += reply.bytes.count }
            bytes += client.extras?.deferred.allocated ?? 0
            bytes += client.extras?.transaction?.bytes.allocated ?? 0
        }
        for case let connection? in links { bytes += connection.gathered.allocated }
        return bytes
    }

    /// What `bytesHeld` stays below, by the limits, when no request and no reply is longer than `longest`.
    package func mostBytesHeld(clients: Int, longest: Int) -> Int {
        // A queue holds up to a block more than its bytes at each end, and a core is handed 64 kB at a time.
        let slack = 2 * BlockPool.payload + 65_536
        let limits = configuration.limits
        let held = limits.clientRequests * 256
        let client = 4 * limits.clientOutput + held + 4 * longest + 4 * slack
        let connections = links.count - freeLinks.count
        // What was sent is kept beside what was not; an error and a pushed message are gathered whole.
        let connection = 2 * limits.backendOutput + 2 * longest + 2 * slack
        return clients * client + connections * connection
    }

    /// Replies that servers still owe to requests of clients, and replies that clients still wait for. Questions of
    /// the proxy's own do not count: some are always under way.
    package var requestsWaiting: Int {
        var waiting = 0
        for case let connection? in links {
            connection.tickets.visit { if $0.kind != .errand { waiting += Int($0.replies) } }
        }
        for client in clients.all { waiting += client.inFlight }
        return waiting
    }

    /// True while a connection that is wanted does not stand.
    package var missesServers: Bool {
        !subscriptionsToRetry.isEmpty || !master.health.takesWrites || masterAwaySince != nil
            || !servers.contains(where: \.health.isHealthy)
            || links.contains { connection in connection.map { !$0.isReady } ?? false }
    }

    /// How long a client may wait behind another that does not read its replies.
    package var longestHoldUp: Duration { configuration.limits.stall }

    /// Whether a connection to a server is not read from because of a slow client, and other clients wait for it.
    package func isHeldUp(_ id: ConnectionID) -> Bool {
        guard let connection = connections[id], let stall = connection.stall else { return false }
        return isInTheWay(stall.client, of: connection)
    }

    /// Fences that this worker has raised and not lowered.
    package var fencesRaised: Int { trace.pending.load(ordering: .relaxed) }

    /// Lost connections whose writes may run yet.
    package var doubtsLeft: Int { servers.reduce(0) { $0 + $1.doubts.count + $1.despaired.count } }

    /// Replicas that are healthy, and not proved to have applied all that was written.
    package var replicasBehind: Int {
        guard isFencing else { return 0 }
        return servers.count { server in
            guard server.role == .replica, server.health.isHealthy else { return false }
            guard let seen = freshness.proofs[server.index].look(),
                let all = freshness.everythingResolved
            else { return true }
            return seen.applied < all
        }
    }

    /// Traps when what is known in two places is not the same in both, or when nothing would wake somebody who waits.
    package func checkInvariants() {
        checkLinks()
        var debts: [ConnectionID: Debt] = [:]
        var outstanding = Array(repeating: 0, count: servers.count)
        for case let connection? in links {
            check(connection)
            connection.tickets.visit { ticket in
                outstanding[connection.server] += Int(ticket.replies)
                precondition(
                    ticket.kind != .write || servers[connection.server].role == .master,
                    "a write is on its way to a replica")
                guard clients[ticket.client] != nil else { return }
                debts[ticket.client, default: Debt(link: connection.link)].add(
                    ticket, on: connection.link)
            }
        }
        for server in servers {
            precondition(
                server.outstanding == outstanding[server.index],
                "\(server.name) owes \(outstanding[server.index]), not \(server.outstanding)")
        }
        var withheld = 0
        for client in clients.all {
            check(client, debts[client.id])
            withheld += client.withheld?.replies ?? 0
        }
        precondition(
            withheld == acknowledgements.replies,
            "\(withheld) replies are withheld, not \(acknowledgements.replies)")
        precondition(
            withheld == 0 || acknowledgements.isAsking || !acknowledgements.waiting.isEmpty,
            "nobody asks about replies that are withheld")
        checkFences()
    }

    /// Every write on its way has its entry, and whatever is raised is remembered once.
    private func checkFences() {
        var raised = 0
        for case let connection? in links {
            let totals = connection.marks.totals
            raised += totals.fences
            var writes = 0
            connection.tickets.visit { ticket in
                let mayWrite = ticket.kind == .write || ticket.kind == .blocking
                if mayWrite { writes += Int(ticket.replies) }
            }
            precondition(
                !isFencing || connection.server != master.index || writes == totals.requests,
                "\(writes) writes are on a connection with entries for \(totals.requests)")
        }
        for server in servers {
            for doubt in server.doubts { raised += doubt.slots.count }
            for slots in server.despaired.values { raised += slots.count }
        }
        precondition(
            raised == fencesRaised, "\(fencesRaised) fences are raised, \(raised) remembered")
    }

    /// What the tickets say is owed to a client.
    private struct Debt {
        let link: LinkID
        var replies = 0
        var writes = 0

        init(link: LinkID) {
            self.link = link
        }

        mutating func add(_ ticket: Ticket, on link: LinkID) {
            precondition(link == self.link, "a client's requests are on two connections")
            replies += Int(ticket.replies)
            if ticket.kind == .write { writes += Int(ticket.replies) }
        }
    }

    private func checkLinks() {
        var isFree = Array(repeating: false, count: links.count)
        for number in freeLinks {
            precondition(!isFree[Int(number)], "link \(number) is free twice")
            precondition(links[Int(number)] == nil, "link \(number) is free and in use")
            isFree[Int(number)] = true
        }
        var stalls = 0
        for (number, connection) in links.enumerated() {
            guard let connection else {
                precondition(isFree[number], "link \(number) is lost")
                continue
            }
            precondition(connection.link.number == number, "a connection is under another's link")
            if connection.stall != nil { stalls += 1 }
        }
        precondition(stalls == stalled, "\(stalls) connections are stalled, not \(stalled)")
        for server in servers {
            var alone = 0
            for case let connection? in links
            where connection.server == server.index && connection.use == .alone { alone += 1 }
            precondition(
                alone == server.privateCount, "the count of private connections is wrong")
            for spare in server.spares {
                precondition(spare.owner == nil, "a spare connection is somebody's")
                precondition(spare.tickets.isEmpty, "a spare connection owes replies")
                precondition(
                    links[Int(spare.link.number)] === spare, "a spare connection is gone")
            }
            for case let lane? in server.lanes {
                for connection in lane.readers + lane.writers {
                    precondition(
                        links[Int(connection.link.number)] === connection,
                        "a lane has a connection that is gone")
                }
            }
        }
    }

    private func check(_ connection: BackendConnection) {
        var replies = 0
        var specials = 0
        // What is not kept is forgotten when it is sent, answered or not.
        var start = connection.output.retains ? connection.output.released : 0
        connection.tickets.visit { ticket in
            precondition(ticket.replies > 0, "a ticket waits for nothing")
            precondition(ticket.start >= start, "tickets are not in the order of their requests")
            replies += Int(ticket.replies)
            if ticket.delivery == .special { specials += 1 }
            start = ticket.start
        }
        precondition(replies == connection.tickets.replies, "the count of replies owed is wrong")
        precondition(specials == connection.specials.count, "specials and tickets disagree")
        precondition(
            start <= connection.output.end, "a ticket begins behind what was queued")
        switch connection.state {
        case .waiting:
            precondition(
                connection.tickets.isEmpty, "tickets wait for a connection that is gone")
            precondition(
                connection.output.held == 0, "requests wait for a connection that is gone")
        case .gone:
            // An attempt that nobody wants has its number until it has ended.
            precondition(connection.tickets.isEmpty, "tickets wait for an unwanted connection")
            return
        case .connecting, .greeting, .ready: break
        }
        checkUse(of: connection)
        if let id = connection.id {
            precondition(connections[id] === connection, "a connection is known by another's name")
        } else {
            precondition(connection.stall == nil, "a connection is stalled that does not stand")
        }
        for waiting in connection.waiting {
            precondition(clients[waiting]?.isWaiting ?? true, "a client waits and does not know it")
        }
    }

    private func checkUse(of connection: BackendConnection) {
        let server = servers[connection.server]
        let lane = connection.lane < server.lanes.count ? server.lanes[connection.lane] : nil
        switch connection.use {
        case .reads:
            precondition(
                lane?.readers.contains { $0 === connection } ?? false, "a lane lost a connection")
        case .writes:
            precondition(
                lane?.writers.contains { $0 === connection } ?? false, "a lane lost a connection")
        case .retired:
            precondition(!connection.tickets.isEmpty, "a connection is kept that nobody uses")
        case .alone, .control, .publisher, .watcher, .acknowledger: break
        }
    }

    private func check(_ client: ClientSession, _ debt: Debt?) {
        precondition(client.delivered <= client.forwarded, "more was answered than asked")
        precondition(debt?.replies ?? 0 == client.owed, "tickets and client disagree")
        precondition(debt?.writes ?? 0 == Int(client.writes), "the count of writes is wrong")
        if let debt { precondition(debt.link == client.link, "a client is not where its debt is") }
        precondition(
            client.inFlight <= configuration.limits.clientRequests,
            "more requests of a client are in flight than its limit")
        if let pause = client.pause { checkWillWake(client, pause) }
        precondition(
            client.state != .closing || client.unfinished == nil,
            "a client that is being closed is still read")
        var last = client.delivered
        for reply in client.held {
            precondition(reply.position > client.delivered, "a held reply missed its turn")
            precondition(reply.position >= last, "held replies are out of order")
            precondition(reply.position <= client.forwarded, "a held reply waits for nothing")
            last = reply.position
        }
    }

    private func checkWillWake(_ client: ClientSession, _ pause: ClientSession.Pause) {
        switch pause {
        case .room:
            precondition(
                client.inFlight > 0 || !client.output.isEmpty,
                "a client waits for room that it has")
        case .backend(let link):
            precondition(
                links[Int(link.number)]?.waiting.contains(client.id) ?? false,
                "a client waits for a connection and is on no list")
        case .drained:
            let own = client.extras?.pin.flatMap { links[Int($0.link.number)] }
            precondition(
                client.owed > 0 || !(own?.tickets.isEmpty ?? true),
                "a client waits to be owed nothing, and is")
        case .answer, .confirmation: break
        case .freshness:
            precondition(readsToRetry.contains(client.id), "nobody tries a client's read again")
        case .turn:
            precondition(
                masterQueue.contains(client.id), "nobody lets a client go on that waits for a turn")
        case .master:
            precondition(
                held.contains(client.id), "nobody lets a client go on that waits for a master")
        case .held:
            precondition(
                operators.clientPause != nil, "a client is held back, and nobody paused it")
        }
    }
}
