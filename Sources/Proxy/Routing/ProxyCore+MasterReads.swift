// Reads that the master answers since no replica may be read: how many it has to answer at once, and who waits for a
// turn. Without a limit all the reads of the replicas would stand before its writes.
//
//     the last replica goes ─▶ isStandingIn ─▶ room for one more read? ─┬─ yes ─▶ the master
//                                                                       └─ no ──▶ the queue, until one is answered

import RESP

/// Clients whose next read waits until the master has fewer to answer, who waits longest first.
struct MasterQueue {
    private var clients: [ConnectionID] = []
    /// Before this place are those that have been taken.
    private var head = 0
    /// It has been said since the master began to stand in.
    var isTold = false

    var count: Int { clients.count - head }
    var isEmpty: Bool { count == 0 }

    func contains(_ client: ConnectionID) -> Bool { clients[head...].contains(client) }

    /// One that was let go on and must wait again goes to the end, as its read before that was sent.
    mutating func append(_ client: ConnectionID) { clients.append(client) }

    mutating func popFirst() -> ConnectionID? {
        guard head < clients.count else { return nil }
        defer {
            head += 1
            if head > 64, head * 2 > clients.count {
                clients.removeFirst(head)
                head = 0
            }
        }
        return clients[head]
    }

    mutating func remove(_ client: ConnectionID) {
        // Most often it is the one that has just come.
        if count > 0, clients.last == client {
            clients.removeLast()
        } else {
            remove { $0 == client }
        }
    }

    @discardableResult
    mutating func remove(where isLeaving: (ConnectionID) -> Bool) -> [ConnectionID] {
        let all = clients[head...]
        let leaving = all.filter(isLeaving)
        guard !leaving.isEmpty else { return [] }
        clients = all.filter { !isLeaving($0) }
        head = 0
        return leaving
    }
}

extension ProxyCore {
    /// Whether the master answers reads only because there is no replica that may be read: what the configuration gives
    /// it anyway, and where there are no replicas, is its everyday work.
    func findStandingIn() {
        let wasStandingIn = isStandingIn
        isStandingIn =
            configuration.reads.maxMasterReads > 0
            && configuration.reads.includeMaster == .fallback
            && readable.allSatisfy { $0 == master.index || servers[$0].circuit.isOnTrial }
            && readable.contains(master.index)
            // Those too that were found and that nobody names any more: their reads have to go somewhere.
            && servers.contains { $0.role == .replica && $0.double == nil && !isSetAside($0) }
        if wasStandingIn, !isStandingIn { masterQueue.isTold = false }
    }

    /// Why a read may not go out now on the connection that was found for it. What any level of its client's would have
    /// only the master answer is not held back.
    func mustWaitForTurn(
        _ need: Need, on connection: BackendConnection, _ client: ClientSession
    ) -> ClientSession.Pause? {
        guard isStandingIn, need != .master, connection.use == .reads,
            connection.server == master.index, connection.isComing, !hasRoomForRead
        else { return nil }
        counters.readsHeldBack += 1
        if !masterQueue.isTold {
            masterQueue.isTold = true
            pending.log(
                .warning,
                "No replica can be read from, and \(master.name) has as many reads to answer as it may "
                    + "(reads.max_master_reads): further ones wait")
        }
        masterQueue.append(client.id)
        return .turn
    }

    /// The limit is that of the whole proxy, and each worker has its share. What the master owes is counted anew each
    /// time, from the few connections that there are: nothing else needs the number.
    private var hasRoomForRead: Bool {
        let share = max(1, configuration.reads.maxMasterReads / workers)
        var owed = 0
        for case let lane? in master.lanes {
            for connection in lane.readers { owed += connection.tickets.replies }
        }
        return owed < share
    }

    /// Lets those go on who have waited longest, as far as there is room; all of them when the master does not stand in
    /// any more.
    func giveTurns() {
        for _ in 0..<masterQueue.count {
            guard !isStandingIn || hasRoomForRead, let name = masterQueue.popFirst() else { return }
            takeTurn(name)
        }
    }

    /// Those whose time is up are answered that there was no turn for them.
    func giveUpTurns() {
        let isLate = { (name: ConnectionID) in self.clients[name].map { self.isOverdue($0) } ?? true
        }
        let late = masterQueue.remove(where: isLate)
        for name in late { takeTurn(name) }
    }

    private func takeTurn(_ name: ConnectionID) {
        guard let client = clients[name], client.pause == .turn else { return }
        goOn(client)
    }

    /// Answers a read that has waited for its turn for too long.
    func refuseTurn(of client: ClientSession) {
        counters.timeouts += 1
        client.extras?.transaction?.isRefused = true
        reply(to: client) {
            $0.append("-TIMEOUT no replica can be read from, and the master had ")
            $0.append(text: "\(configuration.reads.maxMasterReads) reads to answer ")
            $0.append("(reads.max_master_reads) for ")
            $0.append(text: ProxyCore.text(configuration.timeouts.request))
            $0.append("; nothing was sent, so ask again later\r\n")
        }
    }
}
