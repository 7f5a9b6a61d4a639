// Cursors, which mean something only to the server that gave them. Each goes out with the tag of its server in it, and
// comes back to that server over whatever connection, worker or proxy.

import RESP

extension ProxyCore {
    static let cursorIsLost: StaticString =
        "-ERR the server that gave this cursor is gone or has begun anew; begin again with cursor 0\r\n"

    func sendScan(
        _ request: Request, cursor place: Int, of client: ClientSession
    ) -> ClientSession.Pause? {
        guard place < request.count else { return sendWrite(request, of: client) }
        // SCAN itself goes over all keys: who waited until none of them is being written would wait for ever.
        let need =
            client.command == .scan
            ? client.after : need(of: request, client.command, for: client)
        switch ClientCursor(request[place]) {
        case .start:
            guard let connection = connectionForRead(of: client, needing: need) else {
                return waitOrRefuseRead(client, need)
            }
            if isStandingIn, let turn = mustWaitForTurn(need, on: connection, client) {
                return turn
            }
            guard let tag = tag(of: connection) else { return ask(connection, for: client) }
            return sendScan(
                request, nil, place, tag, need, begins: true, on: connection, of: client)
        case .goesOn(let tag, let cursor):
            guard let server = owner(of: tag) else {
                if let stranger { return ask(stranger, for: client) }
                break
            }
            let connection = connectionForScan(of: client, at: server)
            guard let known = self.tag(of: connection) else { return ask(connection, for: client) }
            guard known == tag else { break }
            guard mayWalkOn(client, need, on: connection) else {
                return waitOrRefuseWalk(client)
            }
            return sendScan(
                request, cursor, place, tag, need, begins: false, on: connection, of: client)
        case .invalid:
            // A cursor that is no number is the server's to refuse. Of some it makes one all the same, "-1" for
            // one, and gives another back.
            guard ClientCursor.number(request[place]) == nil else { break }
            let connection = connectionForMaster(of: client)
            guard let tag = tag(of: connection) else { return ask(connection, for: client) }
            return sendScan(
                request, nil, place, tag, .nothing, begins: false, on: connection, of: client)
        }
        reply(to: client) { $0.append(ProxyCore.cursorIsLost) }
        return nil
    }

    private func connectionForScan(
        of client: ClientSession, at server: BackendServer
    ) -> BackendConnection {
        if server.role == .master, client.writes > 0 || client.extras?.pin != nil {
            return connectionForMaster(of: client)
        }
        return lane(client.lane, of: server).readers[connectionNumber(of: client)]
    }

    // MARK: How fresh it is

    /// Whether a walk may go on where it began, at the level of its client.
    private func mayWalkOn(
        _ client: ClientSession, _ need: Need, on connection: BackendConnection
    ) -> Bool {
        guard need != .nothing, client.consistency == .session,
            connection.server != master.index
        else { return meets(need, connection) }
        // A session may have read elsewhere meanwhile.
        if let place = client.place, place != (connection.server, connection.process) {
            leavePlace(client)
        }
        guard meets(need.joined(with: .applied(client.position)), connection) else { return false }
        client.place = (connection.server, connection.process)
        return true
    }

    /// The server that gave the cursor may soon have what is asked for; no other can go on.
    private func waitOrRefuseWalk(_ client: ClientSession) -> ClientSession.Pause? {
        if client.owed > 0 { return .drained }
        let isHopeless = client.consistency == .master || client.after == .master || !isFencing
        guard isHopeless || isTooLateToWait(client) else { return waitForFreshness(client) }
        reply(to: client) { $0.append(ProxyCore.cursorIsStale) }
        return nil
    }

    private static let cursorIsStale: StaticString =
        "-NOTFRESH the server that gave this cursor is behind what is asked for; begin again with cursor 0\r\n"

    // MARK: Which process it is

    /// The one server that has a tag; none when two have.
    func owner(of tag: CursorTag) -> BackendServer? {
        let owners = servers.filter { !$0.isGone && $0.tag == tag }
        return owners.count == 1 ? owners[0] : nil
    }

    /// The mark in the cursors that come over a connection; nil when the process at its other end is to be asked who
    /// it is. What was last heard of the server will not do: it may have begun anew since then.
    private func tag(of connection: BackendConnection) -> CursorTag? {
        if let tag = connection.tag { return tag }
        let server = servers[connection.server]
        // An address is all that is known of a server that is not to be asked, or does not say.
        guard configuration.timeouts.probeInterval > .zero, !server.health.isMute,
            connection.isComing
        else { return server.tag }
        return nil
    }

    /// A connection to a server of which nothing is known yet, and which may be the one that a cursor is from.
    private var stranger: BackendConnection? {
        for server in servers where !server.isGone && server.runID == nil {
            guard let connection = server.lanes.first??.readers.first, connection.isReady,
                tag(of: connection) == nil
            else { continue }
            return connection
        }
        return nil
    }

    private func ask(
        _ connection: BackendConnection, for client: ClientSession
    ) -> ClientSession.Pause? {
        guard hasRoom(connection) else { return .backend(connection.link) }
        let errand = beginErrand(.identity(connection.link), for: client.id, parts: 1)
        ask([Array("INFO".utf8), Array("server".utf8)], part: 0, of: errand, on: connection)
        return .answer
    }

    /// A server has said who it is, or will not; the connection is another one if it was lost before.
    func learnIdentity(_ answer: [UInt8]?, of link: LinkID, for client: ConnectionID) {
        if let connection = links[Int(link.number)], connection.isReady {
            let server = servers[connection.server]
            if let runID = answer.flatMap({ ServerReport([$0])?.runID }) {
                if server.runID != runID { noteProcess(runID, of: server) }
                connection.tag = CursorTag(runID: runID.span)
            } else {
                // The user of this connection may not ask, or it took too long: what the proxy knows must do.
                connection.tag = server.tag
            }
        }
        if let client = clients[client] { answered(client) }
    }

    // MARK: Sending

    private func sendScan(
        _ request: Request, _ cursor: UInt64?, _ place: Int, _ tag: CursorTag, _ need: Need,
        begins: Bool, on connection: BackendConnection, of client: ClientSession
    ) -> ClientSession.Pause? {
        if let pause = mayNotSend(on: connection, client) { return pause }
        if case .waiting(_, let reason) = connection.state {
            if begins, need != .nothing, isFencing, !isTooLateToWait(client) {
                return waitForFreshness(client)
            }
            reply(to: client) {
                if begins {
                    appendUnreachable(connection, reason, to: &$0)
                } else {
                    $0.append(ProxyCore.cursorIsLost)
                }
            }
            return nil
        }
        askForVeto(need, on: connection)
        let start = connection.output.end
        if let cursor {
            connection.output.appendArrayHeader(request.count)
            for index in 0..<request.count {
                if index == place {
                    connection.output.appendBulk(Int(cursor))
                } else {
                    connection.output.appendBulk(request[index])
                }
            }
        } else {
            connection.output.append(request.bytes)
        }
        noteSent(client, .read, on: connection)
        connection.specials.append(
            .cursor(CursorRewriter(tag: tag), begins: begins))
        leaveTicket(
            Ticket(
                client: client.id, kind: .read, delivery: .special, attempts: 0, replies: 1,
                start: start, since: now.instant, isSilent: client.isSilent), on: connection)
        return nil
    }

    /// A read that the configuration sends to replicas with a tag; to the master while there is none.
    func sendTagged(
        _ request: Request, _ tag: Int, of client: ClientSession
    ) -> ClientSession.Pause? {
        guard let server = serverSetAside(for: classifier.tags[tag], of: client) else {
            return sendWrite(request, of: client)
        }
        let connection = lane(client.lane, of: server).readers[connectionNumber(of: client)]
        if let pause = mayNotSend(on: connection, client) { return pause }
        askForVeto(client.after, on: connection)
        send(request, as: nil, .read, on: connection, for: client)
        return nil
    }

    /// The healthy replica with this tag that owes least; nil when the master is to be asked.
    func serverSetAside(for tag: String, of client: ClientSession) -> BackendServer? {
        guard client.writes == 0, client.extras?.pin == nil else { return nil }
        let server =
            replicas
            .filter { $0.health.isHealthy && $0.place.tags.contains(tag) }
            .filter { client.after == .nothing || meets(client.after, reader(at: $0, for: client)) }
            .min { $0.outstanding < $1.outstanding }
        // This client's own connection to it may be away all the same.
        guard let server, reader(of: client, at: server)?.isComing ?? true else { return nil }
        return server
    }
}
