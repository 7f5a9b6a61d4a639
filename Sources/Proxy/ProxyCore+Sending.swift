// Onto which connection a request goes, and the ticket that it leaves there.

import RESP

extension ProxyCore {
    // MARK: Shared connections

    /// Sends a read to a server that may be read, or after the client's own unanswered writes.
    func sendRead(
        _ request: Request, _ form: ReadForm, of client: ClientSession
    ) -> ClientSession.Pause? {
        if isForMaster(form, of: client) { return sendWrite(request, of: client) }
        let need = need(of: request, client.command, for: client)
        guard let connection = connectionForRead(of: client, needing: need) else {
            return waitOrRefuseRead(client, need)
        }
        if isStandingIn, let turn = mustWaitForTurn(need, on: connection, client) { return turn }
        guard hasRoom(connection) else { return .backend(connection.link) }
        if let pause = waitForMaking(of: connection, need, client) { return pause }
        if case .waiting(_, let reason) = connection.state {
            reply(to: client) { appendUnreachable(connection, reason, to: &$0) }
            return nil
        }
        askForVeto(need, on: connection)
        if audits.due <= now.instant, connection.server != master.index, form == .asItIs,
            sendAsSample(request, on: connection, for: client)
        {
            return nil
        }
        // The master gets it as a replica would: it may be done by one in the end.
        send(request, as: mayHaveReplicas ? form.name : nil, .read, on: connection, for: client)
        return nil
    }

    /// Whether a read goes to the master all the same: a user of the server's may have the right to SORT and not to
    /// SORT_RO.
    func isForMaster(_ form: ReadForm, of client: ClientSession) -> Bool {
        form != .asItIs && lanes[Int(client.lane)].identity != nil
    }

    /// The connection that a read of this client goes out on now; nil when it must wait, or when there is none.
    func connectionForRead(
        of client: ClientSession, needing need: Need = .nothing
    ) -> BackendConnection? {
        if client.extras?.pin != nil { return connectionForMaster(of: client) }
        if client.owed > 0 {
            let current = connectionInUse(by: client)
            guard let current, client.writes == 0 else { return current }
            return meets(need, current) ? current : nil
        }
        guard need != .nothing else {
            return pickReadable().map { reader(at: $0, for: client) }
        }
        return connectionForFreshRead(of: client, need)
    }

    /// The connection that owes a client replies, if a read may follow there.
    func connectionInUse(by client: ClientSession) -> BackendConnection? {
        guard let link = client.link, let current = links[Int(link.number)] else { return nil }
        // After a SELECT or HELLO requests go out on connections of another lane.
        guard current.lane == Int(client.lane) else { return nil }
        if client.writes > 0 { return current }
        return current.use == .reads && current.isComing ? current : nil
    }

    /// The connection over which a client reads from a server; nil when nobody has wanted it yet.
    func reader(of client: ClientSession, at server: BackendServer) -> BackendConnection? {
        let number = Int(client.lane)
        guard number < server.lanes.count, let lane = server.lanes[number] else { return nil }
        return lane.readers[connectionNumber(of: client)]
    }

    /// What becomes of a read for which there is no connection.
    func waitOrRefuseRead(_ client: ClientSession, _ need: Need = .nothing) -> ClientSession.Pause?
    {
        if client.owed > 0 { return .drained }
        guard need == .nothing else {
            // Without fences nothing is going to be known that is not known now.
            guard !isFencing || isTooLateToWait(client) else { return waitForFreshness(client) }
            counters.errors.count(code: "NOTFRESH")
            reply(to: client) { $0.append(ProxyCore.notFresh) }
            return nil
        }
        reply(to: client) { $0.append(ProxyCore.nobodyToRead) }
        return nil
    }

    /// The connection to the master that this client's writes go out on.
    func connectionForMaster(of client: ClientSession) -> BackendConnection {
        if let pin = client.extras?.pin, let own = links[Int(pin.link.number)] { return own }
        return lane(client.lane, of: master).writers[connectionNumber(of: client)]
    }

    private static let nobodyToRead: StaticString =
        "-ERR no replica can be read from now, and reads.include_master is never; nothing was sent\r\n"

    func connectionNumber(of client: ClientSession) -> Int {
        Int(client.id.slot) % configuration.backends.connections
    }

    /// A server that may be read now.
    func pickReadable() -> BackendServer? {
        guard !readable.isEmpty else { return nil }
        if readable.count == 1 { return servers[readable[0]] }
        let place = router.pick(readable.count, random: chance.next()) {
            let server = servers[readable[$0]]
            return ReadCandidate(
                server: server.index, weight: server.weight, outstanding: server.outstanding,
                latency: server.latency, share: share(of: server))
        }
        return servers[readable[place]]
    }

    /// Sends to the master what may change data there.
    func sendWrite(_ request: Request, of client: ClientSession) -> ClientSession.Pause? {
        let connection = connectionForMaster(of: client)
        if let pause = mayNotSend(on: connection, client) { return pause }
        if let refuge = refuge(for: request, on: connection, of: client) { return refuge.pause }
        send(request, as: nil, .write, on: connection, for: client)
        return nil
    }

    /// Why nothing of this client may go out on this connection now.
    func mayNotSend(
        on connection: BackendConnection, _ client: ClientSession
    ) -> ClientSession.Pause? {
        if client.owed > 0, client.link != connection.link { return .drained }
        return hasRoom(connection) ? nil : .backend(connection.link)
    }

    /// Puts a request on a connection and leaves its ticket there.
    func send(
        _ request: Request, as name: StaticString?, _ kind: Ticket.Kind,
        on connection: BackendConnection, for client: ClientSession
    ) {
        if kind == .write || kind == .blocking {
            raiseFences(request, client.command, on: connection)
        }
        let start = connection.output.end
        connection.write(request, as: name)
        noteSent(client, kind, on: connection)
        let delivery: Ticket.Delivery = client.isSilent ? .dropped : .plain
        let isWithheld = withholdsReplies && isToBeConfirmed(request, kind, of: client)
        if client.held.isEmpty,
            connection.tickets.lengthenLast(
                client.id, kind, delivery, isWithheld: isWithheld, since: now.instant)
        {
            return list(connection)
        }
        leaveTicket(
            Ticket(
                client: client.id, kind: kind, delivery: delivery, attempts: 0, replies: 1,
                start: start, since: now.instant, waited: waited(client), isWithheld: isWithheld),
            on: connection)
    }

    func noteSent(
        _ client: ClientSession, _ kind: Ticket.Kind, on connection: BackendConnection
    ) {
        precondition(
            client.owed == 0 || client.link == connection.link,
            "requests of one client are on two connections")
        client.link = connection.link
        client.forwarded += 1
        if kind == .write { client.writes += 1 }
        if kind != .read, client.wroteIn == nil { client.wroteIn = eraOfMaster }
        if kind == .read { countRead(on: connection, of: client) }
        let server = servers[connection.server]
        server.counters.requests += 1
        countSent(1, to: server)
        server.outstanding += 1
    }

    func leaveTicket(_ ticket: Ticket, on connection: BackendConnection) {
        if connection.tickets.isEmpty { connection.askedAt = now.instant }
        connection.tickets.append(ticket)
        list(connection)
        scheduleScan()
    }

    // MARK: Lanes

    /// The connections of a lane to a server, opened when first wanted.
    func lane(_ number: Int32, of server: BackendServer) -> Lane {
        let number = Int(number)
        if number < server.lanes.count, let lane = server.lanes[number] {
            lane.usedAt = now.instant
            return lane
        }
        return openLane(number, of: server)
    }

    func openFirstLane(of server: BackendServer) {
        _ = openLane(0, of: server)
    }

    private func openLane(_ number: Int, of server: BackendServer) -> Lane {
        while server.lanes.count <= number { server.lanes.append(nil) }
        let count = configuration.backends.connections
        var readers: [BackendConnection] = []
        var writers: [BackendConnection] = []
        for _ in 0..<count { readers.append(makeConnection(to: server, lane: number, .reads)) }
        if server.role == .master {
            for _ in 0..<count { writers.append(makeConnection(to: server, lane: number, .writes)) }
        }
        let lane = Lane(readers: readers, writers: writers, at: now.instant)
        server.lanes[number] = lane
        return lane
    }

    /// The number of a lane, new if nobody has had it before; nil when there are too many.
    func laneNumber(_ key: LaneKey) -> Int32? {
        if let known = lanes.firstIndex(of: key) { return Int32(known) }
        if lanes.count < configuration.limits.lanes {
            lanes.append(key)
            return Int32(lanes.count - 1)
        }
        guard let number = clearLane() else { return nil }
        lanes[number] = key
        return Int32(number)
    }

    /// Makes a lane free that nobody is on and that owes nothing, so that combinations which come and go do not use up
    /// the numbers. Looks through all clients, and only when all lanes are taken.
    private func clearLane() -> Int? {
        var isUsed = Array(repeating: false, count: lanes.count)
        isUsed[0] = true
        for client in clients.all { isUsed[Int(client.lane)] = true }
        for case let connection? in links
        where connection.owner != nil || !connection.tickets.isEmpty || !connection.waiting.isEmpty
        {
            isUsed[connection.lane] = true
        }
        guard let number = isUsed.firstIndex(of: false) else { return nil }
        for server in servers where number < server.lanes.count { server.lanes[number] = nil }
        for case let connection? in links where connection.lane == number { discard(connection) }
        return number
    }

    func makeConnection(
        to server: BackendServer, lane: Int, _ use: BackendConnection.Use
    ) -> BackendConnection {
        let number: UInt32
        if let free = freeLinks.popLast() {
            number = free
        } else {
            number = UInt32(links.count)
            links.append(nil)
        }
        let key = lanes[lane]
        let connection = BackendConnection(
            link: LinkID(number: number), server: server.index, lane: lane, use: use,
            greeting: greeting(for: key, use, of: server), pool: pool)
        links[Int(number)] = connection
        if server.isGone {
            connection.state = .waiting(
                until: Instant(nanoseconds: .max), reason: ProxyCore.nobodyNamed)
        } else {
            pending.wishes.append(.connect(connection.link, server.endpoint))
        }
        return connection
    }

    private func greeting(
        for key: LaneKey, _ use: BackendConnection.Use, of server: BackendServer
    ) -> Greeting {
        let backends = configuration.backends
        let own = backends.password.map {
            Identity(user: backends.username.map { Array($0.utf8) }, password: $0.bytes)
        }
        var lessons: [Greeting.Lesson] = []
        switch (use, server.role) {
        case (.reads, .replica) where isFencing, (.watcher, _), (.acknowledger, _):
            lessons = [.process]
        case (.reads, .master) where isFencing: lessons = [.mastery]
        case (.writes, _), (.alone, .master):
            if isFencing {
                lessons = [.mastery, .process, .clientNumber]
            } else if withholdsReplies {
                lessons = [.process]
            }
        default: break
        }
        return Greeting(
            own: own, lessons: lessons, identity: key.identity, version: key.version,
            database: key.database)
    }
}
