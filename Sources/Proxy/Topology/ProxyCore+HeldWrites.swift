// Writes while nobody takes them: they wait for the master to come back, or for the next one, for as long as the
// configuration allows from the moment that the master went away.
//
// What waits has not been sent to anybody. It stays with its client, of which nothing more is read, so that nothing
// overtakes it; and it ends with its client, who may have asked again elsewhere.

import RESP

/// The clients whose next request waits for a master.
struct HeldWrites {
    private(set) var bytes = 0
    private var writes: [ConnectionID: (size: Int, place: Int)] = [:]
    private var lastPlace = 0
    /// When the first of them is to be refused.
    private(set) var due: Instant?

    var isEmpty: Bool { writes.isEmpty }
    var count: Int { writes.count }
    func contains(_ client: ConnectionID) -> Bool { writes[client] != nil }

    mutating func add(_ client: ConnectionID, _ size: Int, until due: Instant) {
        bytes += size - (writes[client]?.size ?? 0)
        lastPlace += 1
        writes[client] = (size, writes[client]?.place ?? lastPlace)
        self.due = min(self.due ?? due, due)
    }

    mutating func remove(_ client: ConnectionID) {
        bytes -= writes.removeValue(forKey: client)?.size ?? 0
    }

    /// Who has waited longest is the first.
    mutating func takeAll() -> [ConnectionID] {
        defer { self = HeldWrites() }
        return writes.sorted { $0.value.place < $1.value.place }.map(\.key)
    }
}

extension ProxyCore {
    /// What becomes of a request that only the master may be given, when there is none that takes it.
    enum Refuge: Equatable {
        case hold(ClientSession.Pause)
        /// The client has been told.
        case refused

        var pause: ClientSession.Pause? {
            if case .hold(let pause) = self { pause } else { nil }
        }
    }

    /// Nil when the master takes it. `connection` is the one that it would go out on, if it shares one.
    func refuge(
        for request: Request, on connection: BackendConnection? = nil, of client: ClientSession
    ) -> Refuge? {
        guard let reason = reasonNotToWrite(on: connection) else { return nil }
        let hold = configuration.writes.hold
        let since = masterAwaySince ?? client.putOffAt ?? now.instant
        if client.owed > 0 { return .hold(.drained) }
        if hold == .zero || client.isGone || since + hold <= now.instant {
            refuseWrite(reason, of: client)
            return .refused
        }
        guard held.contains(client.id) || isRoomToHold(request) else {
            refuseWrite(
                "too many requests wait for a master (writes.hold_max_requests, writes.hold_max_bytes)",
                of: client)
            return .refused
        }
        held.add(client.id, request.bytes.count, until: since + hold)
        wake(at: since + hold)
        return .hold(.master)
    }

    private func reasonNotToWrite(on connection: BackendConnection?) -> String? {
        if masterAwaySince != nil {
            if topology.isHeld { return "it is being replaced by another (PROXY FAILOVER)" }
            return master.isGone ? ProxyCore.nobodyNamed : master.health.reason
        }
        guard let connection else { return nil }
        switch connection.state {
        case .ready: return nil
        case .waiting(_, let reason): return reason
        case .connecting, .greeting:
            let isHeld = connection.isBeingMadeAnew && configuration.writes.hold > .zero
            return isHeld ? "the connection was lost" : nil
        case .gone: return nil
        }
    }

    /// The limits are those of the whole proxy, and each worker has its share.
    private func isRoomToHold(_ request: Request) -> Bool {
        let writes = configuration.writes
        return held.count < max(1, writes.holdRequests / workers)
            && held.bytes + request.bytes.count <= max(1, writes.holdBytes / workers)
    }

    private func refuseWrite(_ reason: String, of client: ClientSession) {
        reply(to: client) {
            $0.append("-ERR cannot reach the master")
            if !master.isGone { $0.append(text: " at \(master.endpoint)") }
            $0.append(text: ": \(reason); nothing was sent\r\n")
        }
    }

    // MARK: Refused by who is not the master any more

    /// A server has refused a write, since it is a replica: nothing was done, so that the next master may do it. Only
    /// when it is all that its client waits for, lest it come behind what was asked later, CLIENT REPLY among that; and
    /// once in a reign. What a script answers says nothing of what it did.
    func giveBack(
        becauseOf line: Span<UInt8>, _ ticket: Ticket, on connection: BackendConnection
    ) -> Bool {
        guard Complaint(line) == .readOnly, connection.use == .writes,
            ticket.delivery == .plain, configuration.writes.hold > .zero,
            let client = clients[ticket.client], client.owed == 1, client.held.isEmpty,
            client.state == .open, !client.isGone, !client.isBeingRead, mayBeGivenBack(client),
            (client.extras?.replies ?? .on) == .on, masterAwaySince != nil,
            client.givenBackIn != Int32(truncatingIfNeeded: topology.reign),
            isServersOwn(ticket, on: connection)
        else { return false }
        var bytes = ByteBuffer()
        let end = connection.tickets.second?.start ?? connection.output.end
        visitUnanswered(ticket, until: end, on: connection) {
            bytes.append($0.bytes)
            return false
        }
        guard let kept = reader.giveBack(bytes.bytes, before: client.unfinished) else {
            return false
        }
        client.unfinished = kept
        client.givenBackIn = Int32(truncatingIfNeeded: topology.reign)
        connection.tickets.update { if $0.client == client.id { $0.client = Ticket.nobody } }
        client.forwarded -= 1
        client.writes -= 1
        leaveWaiting(client)
        client.putOffAt = client.putOffAt ?? now.instant
        let due = (masterAwaySince ?? now.instant) + configuration.writes.hold
        held.add(client.id, bytes.count, until: due)
        wake(at: due)
        pause(client, .master)
        return true
    }

    private func mayBeGivenBack(_ client: ClientSession) -> Bool {
        switch client.pause {
        case nil, .room?, .backend?, .drained?, .held?: client.extras?.upload == nil
        case .answer?, .confirmation?, .freshness?, .turn?, .master?: false
        }
    }

    /// The master has changed, or its state has.
    func noteMaster() {
        let mayBeWritten =
            !topology.isContested && !topology.isHeld && !master.isGone
            && master.health.report?.role != .replica
        // Where nothing waits, one that does not answer is asked all the same, as it may be there again. It may refuse
        // more connections and take writes on those that stand.
        let isWritten =
            master.health.takesWrites || master.health.state == .down && hasWriter(master)
        let isHeld = configuration.writes.hold > .zero && !isWritten
        guard mayBeWritten, !isHeld else {
            masterAwaySince = masterAwaySince ?? now.instant
            return
        }
        masterAwaySince = nil
        if !held.isEmpty { tryHeldWrites() }
    }

    private func hasWriter(_ server: BackendServer) -> Bool {
        server.lanes.contains { $0?.writers.contains(where: \.isReady) ?? false }
    }

    /// Has those looked at again who wait for a master: they go on, wait on, or are refused.
    func tryHeldWrites() {
        for name in held.takeAll() {
            guard let client = clients[name], client.pause == .master else { continue }
            client.pause = .drained
            resumable.append(name)
        }
    }
}
