// Reads that are done by another server than the one they were sent to: when its connection is lost, when it says that
// it cannot, when it has stopped answering, or when a large reply is in their way.

import RESP

/// Why reads are to be done elsewhere.
enum MoveReason {
    case loss
    /// The server has answered that it cannot.
    case complaint
    /// The server answers nothing.
    case silence
    /// A large reply comes first.
    case largeReply
    /// The server may have older data than was thought.
    case staleness
}

/// What decides whether the requests of a ticket may be sent again elsewhere.
struct MoveEvidence {
    var kind = Ticket.Kind.read
    /// A special delivery that cannot be had elsewhere.
    var isBound = false
    /// Its client has part of the reply.
    var isPassedOn = false
    /// The server may have begun with it.
    var wasSent = true
    /// How often it was sent before, and may be.
    var attempts = 0
    var retries = 2
    /// The server works on it now, and it may be what keeps the server from answering.
    var mayBeTheCause = false

    func mayMove(_ reason: MoveReason) -> Bool {
        guard kind == .read, !isBound, !isPassedOn else { return false }
        guard wasSent else { return true }
        return switch reason {
        case .loss, .complaint: attempts < retries
        // What has stopped one server would stop the next one too.
        case .silence: attempts == 0 && !mayBeTheCause
        // The server has carried it out, and its reply may be as large: none is made a third time.
        case .largeReply: attempts == 0
        // Its reply must not be passed on, whatever comes of that.
        case .staleness: true
        }
    }
}

extension ProxyCore {
    /// Whether all unanswered reads of a client on this connection may be done by another server.
    func mayMoveReads(of client: ClientSession, from connection: BackendConnection) -> Bool {
        connection.mayBeAskedElsewhere
            && !clientsThatStay(on: connection, .complaint).contains(client.id)
    }

    /// Has them done there, in their order. What this connection still answers to them is dropped. The target may be
    /// the same connection, to ask again on it.
    func moveReads(
        of client: ClientSession, from connection: BackendConnection, to target: BackendConnection
    ) {
        moveReads(from: connection, to: target) { $0 == client.id }
    }

    /// A server has stopped answering: has the reads done elsewhere that a connection still owes, as far as they may be
    /// asked again, and lets those choose anew who wait for room on it.
    func leave(_ connection: BackendConnection) {
        let staying = clientsThatStay(on: connection, .silence)
        // Those that any server may answer go together; what others need is known of the master alone.
        for isFenced in [false, true] {
            let isMoved = { [clients] (id: ConnectionID) in
                guard let client = clients[id], !staying.contains(id) else { return false }
                return client.asksForFreshness == isFenced
            }
            guard let patient = connection.tickets.firstClient(where: isMoved),
                let client = clients[patient],
                let target = otherReader(than: connection, for: client, .silence)
            else { continue }
            servers[connection.server].counters.retriedAway += 1
            moveReads(from: connection, to: target, of: isMoved)
        }
        wakeThoseWaiting(for: connection)
    }

    /// Clients of whose tickets one cannot be done elsewhere: then none is, lest one be answered before another that
    /// was asked before it. `sent` is how much of the output has left, if not all that the driver has taken.
    func clientsThatStay(
        on connection: BackendConnection, _ reason: MoveReason, sent: Int? = nil
    ) -> Set<ConnectionID> {
        let sent = sent ?? connection.output.sent
        var staying: Set<ConnectionID> = []
        var isFirst = true
        var specialsSeen = 0
        var last: (ticket: Ticket, evidence: MoveEvidence)?
        let judge = { (end: Int) in
            guard let (ticket, known) = last else { return }
            var evidence = known
            evidence.mayBeTheCause =
                reason == .silence && self.holdsSlowRequest(ticket, until: end, on: connection)
            if !evidence.mayMove(reason) { staying.insert(ticket.client) }
        }
        connection.tickets.visit { ticket in
            judge(ticket.start)
            var special: SpecialReply?
            if ticket.delivery == .special {
                special = connection.specials[specialsSeen]
                specialsSeen += 1
            }
            let isBegun = isFirst && !connection.scanner.isAtStart
            let evidence = MoveEvidence(
                kind: ticket.kind, isBound: !canBeSentAgain(special),
                isPassedOn: isBegun && hasPassedOn(special), wasSent: ticket.start < sent,
                attempts: Int(ticket.attempts), retries: configuration.reads.retries)
            last = (ticket, evidence)
            isFirst = false
        }
        judge(connection.output.end)
        return staying
    }

    private func canBeSentAgain(_ special: SpecialReply?) -> Bool {
        switch special {
        case nil, .block?, .cursor(_, begins: true)?: true
        case .cursor?, .gathered?, .published?, .acknowledgement?, .beforeWait?, .veto?, .compared?:
            false
        }
    }

    /// Whether part of the reply that has begun is with the client already.
    func hasPassedOn(_ special: SpecialReply?) -> Bool {
        guard case .block(let block) = special else { return true }
        return block.dropped == 0 && block.error.isEmpty
    }

    /// Whether one of a ticket's unanswered requests is of those that can keep a server busy: it may work on any of
    /// what it has read, since it answers when it has done all of that.
    func holdsSlowRequest(
        _ ticket: Ticket, until end: Int, on connection: BackendConnection
    ) -> Bool {
        guard ticket.delivery != .special, connection.output.retains else { return true }
        var isFound = false
        visitUnanswered(ticket, until: end, on: connection) { request in
            isFound = table.find(request).map { !table[$0].flags.contains(.fast) } ?? true
            return !isFound
        }
        return isFound
    }

    /// Whether any client's request on a connection is of those. O(requests).
    func holdsSlowRequests(_ connection: BackendConnection) -> Bool {
        var last: Ticket?
        var isFound = false
        let look = { (end: Int) in
            guard let ticket = last, ticket.kind != .errand, !isFound else { return }
            isFound = self.holdsSlowRequest(ticket, until: end, on: connection)
        }
        connection.tickets.visit { ticket in
            look(ticket.start)
            last = ticket
        }
        look(connection.output.end)
        return isFound
    }

    /// Shows the requests of a ticket that are not answered, for as long as `body` wants more.
    func visitUnanswered(
        _ ticket: Ticket, until end: Int, on connection: BackendConnection,
        _ body: (Request) -> Bool
    ) {
        var requests = ByteBuffer()
        connection.output.copy(from: ticket.start, to: end, into: &requests)
        var rest = lengthOfRequests(Int(ticket.done), in: requests.bytes)
        var parser = RequestParser()
        while rest < requests.count {
            let bytes = requests.bytes.extracting(rest..<requests.count)
            let length = ProxyCore.lengthOfRequest(in: bytes, &parser)
            guard body(parser.request(in: bytes.extracting(0..<length))) else { return }
            rest += length
        }
    }

    /// What was sent is read again without limits: in another form a request may be longer than its client's was.
    private static func lengthOfRequest(
        in bytes: Span<UInt8>, _ parser: inout RequestParser
    ) -> Int {
        var limits = RequestLimits()
        limits.requestLength = .max
        guard case .request(let length)? = try? parser.parse(bytes, from: 0, limits: limits) else {
            preconditionFailure("what was sent cannot be read again")
        }
        return length
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
            guard let target = otherReader(than: connection, for: client, .loss) else {
                return false
            }
            client.link = target.link
        }
        guard let link = client.link, let target = links[Int(link.number)], target !== connection
        else { return false }
        sendAgain(ticket, special, until: end, from: connection, on: target)
        return true
    }

    /// Where a client's reads can be done instead.
    func otherReader(
        than connection: BackendConnection, for client: ClientSession, _ reason: MoveReason
    ) -> BackendConnection? {
        guard let server = otherServer(than: servers[connection.server], reason, for: client) else {
            return nil
        }
        let lane = lane(Int32(connection.lane), of: server)
        let target = lane.readers[Int(client.id.slot) % lane.readers.count]
        return target.isComing && !target.hasMoved ? target : nil
    }

    private func otherServer(
        than server: BackendServer, _ reason: MoveReason, for client: ClientSession
    ) -> BackendServer? {
        if isSetAside(server) {
            let others = servers.filter {
                $0 !== server && $0.health.isHealthy && isSetAside($0)
                    && !server.place.tags.filter(classifier.tags.contains)
                        .filter($0.place.tags.contains).isEmpty
            }
            // Whether another has what a token stands for was not looked at.
            if client.after == .nothing,
                let other = others.min(by: { $0.outstanding < $1.outstanding })
            {
                return other
            }
            // What is kept from ordinary servers because it is slow must not stop them now.
            return reason == .silence ? nil : master
        }
        let others = readable.filter { $0 != server.index }
        // What its reads need was looked at when they were sent, and not for another replica.
        if !others.isEmpty, !client.asksForFreshness {
            return servers[others[Int(chance.next() % UInt64(others.count))]]
        }
        let mayUseMaster = configuration.reads.includeMaster != .never && server.role != .master
        return mayUseMaster && !(client.asksForFreshness && isMasterDeposed) ? master : nil
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
        case .gathered?, .published?, .acknowledgement?, .beforeWait?, .veto?, .compared?, nil:
            break
        }
        if ticket.delivery == .audited { dropAudit(ticket, on: connection) }
        servers[target.server].outstanding += Int(ticket.replies)
        servers[target.server].counters.requests += Int(ticket.replies)
        leaveTicket(
            Ticket(
                client: ticket.client, kind: .read,
                delivery: ticket.delivery == .audited ? .plain : ticket.delivery,
                attempts: ticket.attempts == .max ? .max : ticket.attempts + 1,
                replies: ticket.replies, start: start,
                since: ticket.since, isSilent: ticket.isSilent), on: target)
    }

    /// How many bytes the first `count` of these requests have.
    func lengthOfRequests(_ count: Int, in bytes: Span<UInt8>) -> Int {
        var parser = RequestParser()
        var end = 0
        for _ in 0..<count {
            end += ProxyCore.lengthOfRequest(in: bytes.extracting(end..<bytes.count), &parser)
        }
        return end
    }
}
