// Which connection a read goes out on that asks for more than any replica.

import RESP

extension ProxyCore {
    /// A connection to a replica that has what is needed, or to the master; nil when the read is to wait, or nobody may
    /// answer it.
    func connectionForFreshRead(
        of client: ClientSession, _ need: Need
    ) -> BackendConnection? {
        if client.consistency == .session { return connectionForSessionRead(of: client, need) }
        if need != .master, let connection = replicaMeeting(need, for: client) { return connection }
        return masterForRead(of: client)
    }

    private func replicaMeeting(_ need: Need, for client: ClientSession) -> BackendConnection? {
        guard let first = pickReadable() else { return nil }
        let connection = reader(at: first, for: client)
        if meets(need, connection) { return connection }
        for number in readable where number != first.index && share(of: servers[number]) > 0 {
            let connection = reader(at: servers[number], for: client)
            if meets(need, connection) { return connection }
        }
        return nil
    }

    private func masterForRead(of client: ClientSession) -> BackendConnection? {
        guard configuration.reads.includeMaster != .never, !isMasterDeposed else { return nil }
        return reader(at: master, for: client)
    }

    /// It has become somebody's replica, and nobody has taken its place yet: its data may be of any age from now on.
    var isMasterDeposed: Bool { isFencing && master.health.report?.role == .replica }

    func reader(at server: BackendServer, for client: ClientSession) -> BackendConnection {
        lane(client.lane, of: server).readers[connectionNumber(of: client)]
    }

    // MARK: Level session

    /// A session stays with the replica that it has read from: what is known of one is a lower bound, and another that
    /// has as much may have less than was seen. When it has to move, the next one must have all that there was by then;
    /// for that, and behind its own writes, the read waits a little, since a read at the master would show more again.
    private func connectionForSessionRead(
        of client: ClientSession, _ need: Need
    ) -> BackendConnection? {
        if need == .master { return masterForRead(of: client) }
        if let place = client.place {
            if readable.contains(place.server) {
                let connection = reader(at: servers[place.server], for: client)
                if connection.process == place.process, meets(need, connection) {
                    return connection
                }
                // It will soon have what this client has written.
                if connection.process == place.process, mayWaitForReplica(client) { return nil }
            }
            leavePlace(client)
        }
        let need = need.joined(with: .applied(client.position))
        if let connection = replicaMeeting(need, for: client) {
            if connection.server != master.index {
                client.place = (connection.server, connection.process)
            }
            return connection
        }
        return mayWaitForReplica(client) ? nil : masterForRead(of: client)
    }

    /// Whatever it reads from next must have all that there is by now.
    func leavePlace(_ client: ClientSession) {
        client.place = nil
        client.position = max(client.position, freshness.next)
        wantWatermark()
    }

    private func mayWaitForReplica(_ client: ClientSession) -> Bool {
        guard readable.contains(where: { $0 != master.index }) else { return false }
        guard let since = client.shortSince else { return true }
        return now.instant < since + ProxyCore.patienceOfSessions
    }

    static let patienceOfSessions = Duration.milliseconds(5)

    /// A session has been answered by the master: whatever replica it reads from next must have that.
    func noteSeen(by client: ClientSession, on connection: BackendConnection) {
        guard client.consistency == .session, connection.server == master.index else { return }
        client.position = freshness.next
        wantWatermark()
    }

    // MARK: Waiting

    /// No server has what a read needs: it is tried again in a moment.
    func waitForFreshness(_ client: ClientSession) -> ClientSession.Pause {
        if !client.isToBeRetried {
            client.isToBeRetried = true
            readsToRetry.append(client.id)
        }
        // Nothing changes so soon while there is nobody to ask.
        let pace = master.health.isHealthy ? ProxyCore.freshnessRetry : ProxyCore.slowRetry
        let due = min(readsRetriedAt ?? now.instant + pace, now.instant + pace)
        readsRetriedAt = due
        wake(at: due)
        return .freshness
    }

    /// A read that not everybody can answer waits while the connection that it would go out on is made anew.
    func waitForMaking(
        of connection: BackendConnection, _ need: Need, _ client: ClientSession
    ) -> ClientSession.Pause? {
        guard connection.isBeingMadeAnew, need != .nothing, isFencing, !isTooLateToWait(client)
        else { return nil }
        return waitForFreshness(client)
    }

    func retryReads() {
        guard let due = readsRetriedAt, due <= now.instant else { return }
        readsRetriedAt = nil
        let names = readsToRetry
        readsToRetry.removeAll(keepingCapacity: true)
        for name in names {
            guard let client = clients[name] else { continue }
            client.isToBeRetried = false
            if client.pause == .freshness { goOn(client) }
        }
    }

    private static let freshnessRetry = Duration.milliseconds(1)
    private static let slowRetry = Duration.milliseconds(10)

    /// A read waits as long as a request may take, and never for ever.
    func isTooLateToWait(_ client: ClientSession) -> Bool {
        guard let since = client.shortSince else { return false }
        let limit = configuration.timeouts.request
        return since + (limit > .zero ? limit : .seconds(10)) <= now.instant
    }

    func wakeForFreshness() {
        if let due = readsRetriedAt { wake(at: due) }
        publishIfDue()
    }

    /// A connection that reads were queued for stands now, and leads to another process than was thought: what is known
    /// of that is not true of this one.
    func doubtProcess(of connection: BackendConnection) {
        guard isFencing, connection.server != master.index,
            freshness.proofs[connection.server].applied(by: connection.process) == nil
        else { return }
        moveStaleReads(from: connection)
    }
}
