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
        switch ClientCursor(request[place]) {
        case .start:
            guard let connection = connectionForRead(of: client) else {
                return waitOrRefuseRead(client)
            }
            return sendScan(request, nil, place, begins: true, on: connection, of: client)
        case .goesOn(let tag, let cursor):
            guard let server = owner(of: tag) else { break }
            let connection: BackendConnection
            if server.role == .master, client.writes > 0 || client.extras?.pin != nil {
                connection = connectionForMaster(of: client)
            } else {
                connection = lane(client.lane, of: server).readers[connectionNumber(of: client)]
            }
            return sendScan(request, cursor, place, begins: false, on: connection, of: client)
        case .invalid:
            // A cursor that is no number is the server's to refuse.
            if ClientCursor.number(request[place]) == nil { return sendWrite(request, of: client) }
        }
        reply(to: client) { $0.append(ProxyCore.cursorIsLost) }
        return nil
    }

    /// The one server that has a tag; none when two have.
    private func owner(of tag: CursorTag) -> BackendServer? {
        let owners = servers.filter { $0.tag == tag }
        return owners.count == 1 ? owners[0] : nil
    }

    private func sendScan(
        _ request: Request, _ cursor: UInt64?, _ place: Int, begins: Bool,
        on connection: BackendConnection, of client: ClientSession
    ) -> ClientSession.Pause? {
        if let pause = mayNotSend(on: connection, client) { return pause }
        if case .waiting(_, let reason) = connection.state {
            reply(to: client) { appendUnreachable(connection, reason, to: &$0) }
            return nil
        }
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
            .cursor(CursorRewriter(tag: servers[connection.server].tag), begins: begins))
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
        guard client.writes == 0, client.extras?.pin == nil,
            let server = serverSetAside(for: classifier.tags[tag])
        else { return sendWrite(request, of: client) }
        let connection = lane(client.lane, of: server).readers[connectionNumber(of: client)]
        if let pause = mayNotSend(on: connection, client) { return pause }
        send(request, as: nil, .read, on: connection, for: client)
        return nil
    }

    /// The healthy replica with this tag that owes least.
    func serverSetAside(for tag: String) -> BackendServer? {
        servers.dropFirst().filter { $0.health.isHealthy && $0.place.tags.contains(tag) }
            .min { $0.outstanding < $1.outstanding }
    }
}
