// Reads that are done by another server than the one they were sent to: when its connection is lost, when it says that
// it cannot, when it has stopped answering, or when a large reply is in their way.

import RESP

extension ProxyCore {
    /// Has all unanswered reads of a client done by another server, in their order. What this connection still
    /// answers to them is dropped. False when that cannot be, and nothing was changed. The target may be the same
    /// connection, to ask again on it.
    func moveReads(
        of client: ClientSession, from connection: BackendConnection, to target: BackendConnection
    ) -> Bool {
        guard connection.output.retains, connection.use == .reads || connection.use == .retired,
            !clientsThatStay(on: connection, sent: connection.output.sent).contains(client.id)
        else { return false }
        moveReads(from: connection, to: target) { $0 == client.id }
        return true
    }

    /// Has all reads done elsewhere that a connection still owes to clients, as far as they may be asked again.
    func moveAllReads(from connection: BackendConnection) {
        let staying = clientsThatStay(on: connection, sent: connection.output.sent)
        guard
            let patient = connection.tickets.firstClient(where: {
                clients[$0] != nil && !staying.contains($0)
            }), let client = clients[patient],
            let target = otherReader(than: connection, for: client)
        else { return }
        servers[connection.server].counters.retriedAway += 1
        moveReads(from: connection, to: target) { clients[$0] != nil && !staying.contains($0) }
    }

    /// Sends the requests of some clients again on another connection. O(tickets).
    func moveReads(
        from connection: BackendConnection, to target: BackendConnection,
        of isMoved: (ConnectionID) -> Bool
    ) {
        var runs: [(ticket: Ticket, special: SpecialReply?, end: Int)] = []
        var isOpen = false
        var specialsSeen = 0
        connection.tickets.update { ticket in
            if isOpen { runs[runs.count - 1].end = ticket.start }
            var special: SpecialReply?
            if ticket.delivery == .special {
                special = connection.specials[specialsSeen]
                specialsSeen += 1
            }
            isOpen = isMoved(ticket.client)
            guard isOpen else { return }
            runs.append((ticket, special, connection.output.end))
            ticket.client = Ticket.nobody
        }
        for run in runs {
            sendAgain(run.ticket, run.special, until: run.end, from: connection, on: target)
            clients[run.ticket.client]?.link = target.link
        }
    }

    /// The same for one ticket of a connection that is lost; the first one finds the server that all others of the
    /// client go to.
    func sendElsewhere(
        _ ticket: Ticket, _ special: SpecialReply?, until end: Int,
        from connection: BackendConnection, of client: ClientSession, isFirst: Bool
    ) -> Bool {
        guard connection.output.retains else { return false }
        if isFirst {
            guard let target = otherReader(than: connection, for: client) else { return false }
            client.link = target.link
        }
        guard let link = client.link, let target = links[Int(link.number)], target !== connection
        else { return false }
        sendAgain(ticket, special, until: end, from: connection, on: target)
        return true
    }

    func otherReader(
        than connection: BackendConnection, for client: ClientSession
    ) -> BackendConnection? {
        let others = readable.filter { $0 != connection.server }
        var server: BackendServer?
        if !others.isEmpty {
            server = servers[others[Int(chance.next() % UInt64(others.count))]]
        } else if configuration.reads.includeMaster != .never, connection.server != 0 {
            server = master
        }
        guard let server else { return nil }
        let lane = lane(Int32(connection.lane), of: server)
        let target = lane.readers[Int(client.id.slot) % lane.readers.count]
        return target.isComing && !target.hasMoved ? target : nil
    }

    /// Puts the unanswered requests of a ticket on another connection.
    private func sendAgain(
        _ ticket: Ticket, _ special: SpecialReply?, until end: Int,
        from connection: BackendConnection, on target: BackendConnection
    ) {
        counters.retries += Int(ticket.replies)
        countSent(Int(ticket.replies), to: servers[target.server])
        var requests = ByteBuffer()
        connection.output.copy(from: ticket.start, to: end, into: &requests)
        let answered = lengthOfRequests(Int(ticket.done), in: requests.bytes)
        let start = target.output.end
        target.output.append(requests.bytes.extracting(answered..<requests.count))
        switch special {
        case .block(let block)?: target.specials.append(.block(block.anew))
        case .cursor?:
            let tag = target.tag ?? servers[target.server].tag
            target.specials.append(.cursor(CursorRewriter(tag: tag), begins: true))
        case .gathered?, nil: break
        }
        servers[target.server].outstanding += Int(ticket.replies)
        servers[target.server].counters.requests += Int(ticket.replies)
        leaveTicket(
            Ticket(
                client: ticket.client, kind: .read, delivery: ticket.delivery,
                attempts: ticket.attempts == .max ? .max : ticket.attempts + 1,
                replies: ticket.replies, start: start,
                since: ticket.since, isSilent: ticket.isSilent), on: target)
    }

    /// How many bytes the first `count` of these requests have.
    func lengthOfRequests(_ count: Int, in bytes: Span<UInt8>) -> Int {
        guard count > 0 else { return 0 }
        var parser = RequestParser()
        var end = 0
        for _ in 0..<count {
            guard
                case .request(let next)? = try? parser.parse(
                    bytes, from: end, limits: RequestLimits())
            else { preconditionFailure("what was sent cannot be read again") }
            end = next
        }
        return end
    }
}
