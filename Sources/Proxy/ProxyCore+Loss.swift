// When no answer comes: connections that are lost, requests that take too long, and reads that are done elsewhere.

import RESP

extension ProxyCore {
    // MARK: Making and losing connections

    func connect(_ connection: BackendConnection) {
        connection.state = .connecting
        pending.wishes.append(.connect(connection.link, servers[connection.server].endpoint))
    }

    /// A wished connection stands.
    func welcome(_ link: LinkID, as id: ConnectionID) {
        guard let connection = links[Int(link.number)] else {
            preconditionFailure("link \(link.number) was connected unasked")
        }
        if case .gone = connection.state {
            pending.wishes.append(.close(id))
            return endUnwanted(connection)
        }
        guard case .connecting = connection.state else {
            preconditionFailure("link \(link.number) was connected twice")
        }
        connections.insert(connection, for: id)
        connection.heardAt = now.instant
        if connection.greeting.isEmpty {
            becomeReady(connection, id)
        } else {
            connection.state = .greeting(id, since: now.instant)
            connection.greeting.write(to: &connection.greetingOutput)
            list(connection)
            wake(at: now.instant + configuration.timeouts.probe)
        }
    }

    private func becomeReady(_ connection: BackendConnection, _ id: ConnectionID) {
        connection.state = .ready(id, since: now.instant, hasMoved: false)
        let server = servers[connection.server]
        list(connection)
        if connection.use == .control { beginControl(connection) }
        changed(server)
    }

    /// Reads the answers to the greeting. Returns where they end; nil when more is to come or it was not understood.
    func readGreeting(_ bytes: Span<UInt8>, of connection: BackendConnection) -> Int? {
        guard case .greeting(let id, _) = connection.state else { return 0 }
        var index = 0
        while connection.greetingStep < connection.greeting.requests.count {
            guard index < bytes.count else { return nil }
            let start = index
            do {
                guard case .reply(let end) = try connection.scanner.scan(bytes, from: index) else {
                    return nil
                }
                index = end
            } catch {
                distrust(connection, "it sent what is not a reply")
                return nil
            }
            if connection.scanner.kind == .error {
                let said = ErrorText.string(bytes.extracting(start..<index), upTo: 120)
                refuseGreeting(connection, said)
                return nil
            }
            connection.greetingStep += 1
        }
        becomeReady(connection, id)
        return index
    }

    /// The server does not take us as who we say we are.
    private func refuseGreeting(_ connection: BackendConnection, _ said: String) {
        guard let id = connection.id else { return }
        pending.wishes.append(.close(id))
        connections.remove(id)
        connection.state = .connecting
        refuse(connection, reason: "it answered '\(said)'")
    }

    /// Closes a connection whose bytes cannot be trusted any more.
    func distrust(_ connection: BackendConnection, _ reason: String) {
        guard let id = connection.id else { return }
        pending.log(
            .warning, "Closing a connection to \(servers[connection.server].name): \(reason)")
        pending.wishes.append(.close(id))
        lose(connection)
    }

    /// The name leads elsewhere: connects anew as soon as no reply is owed on the old connection.
    func follow(_ connection: BackendConnection) {
        guard case .ready(let id, let since, _) = connection.state else { return }
        guard connection.tickets.isEmpty else {
            connection.state = .ready(id, since: since, hasMoved: true)
            return
        }
        pending.log(
            .notice, "\(servers[connection.server].name) has a new address: connecting anew")
        pending.wishes.append(.close(id))
        connections.remove(id)
        guard connection.use != .alone, connection.use != .retired else {
            return abandon(connection)
        }
        beginAnew(connection)
        connection.refusals = 0
        connect(connection)
    }

    private func beginAnew(_ connection: BackendConnection) {
        if connection.stall != nil { stalled -= 1 }
        connection.reset()
        wakeThoseWaiting(for: connection)
    }

    /// A connection is gone. Reads on it are done elsewhere; other requests that had begun to leave may have run, so
    /// their clients are closed, as the server itself would have closed them; the rest is answered that it never
    /// left.
    func lose(_ connection: BackendConnection) {
        guard let id = connection.id else {
            preconditionFailure("a connection was lost that did not stand")
        }
        connections.remove(id)
        let server = servers[connection.server]
        server.counters.losses += 1
        let since: Instant
        switch connection.state {
        case .ready(_, let instant, _), .greeting(_, let instant): since = instant
        case .connecting, .waiting, .gone: since = now.instant
        }
        // Nobody may be sent to it while its requests are shared out among the others.
        connection.state = .waiting(until: now.instant, reason: "the connection was lost")
        guard connection.use != .alone, connection.use != .retired else {
            settleTickets(of: connection, sent: connection.output.sent, "the connection was lost")
            return abandon(connection)
        }
        if connection.use != .control {
            pending.log(.warning, "Lost a connection to \(server.name)")
        }
        changed(server)
        settleTickets(of: connection, sent: connection.output.sent, "the connection was lost")
        beginAnew(connection)
        if now.instant - since >= BackendConnection.steady {
            connection.refusals = 0
            connect(connection)
        } else {
            wait(connection, reason: "it closes connections at once")
        }
    }

    /// A connection could not be made.
    func refuse(_ connection: BackendConnection, reason: String) {
        if case .gone = connection.state { return endUnwanted(connection) }
        guard case .connecting = connection.state else {
            preconditionFailure("link \(connection.link.number) was refused unasked")
        }
        let server = servers[connection.server]
        if connection.refusals == 0, connection.use != .alone, connection.use != .control {
            pending.log(.warning, "Cannot reach \(server.name): \(reason)")
        }
        connection.state = .waiting(until: now.instant, reason: reason)
        changed(server)
        settleTickets(of: connection, sent: 0, reason)
        guard connection.use != .alone, connection.use != .retired else {
            return abandon(connection)
        }
        beginAnew(connection)
        wait(connection, reason: reason)
    }

    private func wait(_ connection: BackendConnection, reason: String) {
        connection.refusals += 1
        connection.state = .waiting(until: now.instant + connection.retryDelay, reason: reason)
        scheduleWake()
    }

    /// Lets go of a connection that is not made again, and of its link.
    private func abandon(_ connection: BackendConnection) {
        // Its client may have been closed on the way here, and have let go of it already.
        if case .gone = connection.state { return }
        // An attempt that nobody wants any more is still to end, and its number is taken until then: the driver may
        // have news of it already.
        let isUnderWay = if case .connecting = connection.state { true } else { false }
        beginAnew(connection)
        connection.state = .gone
        let server = servers[connection.server]
        if connection.use == .alone {
            if !isUnderWay { server.privateCount -= 1 }
            server.spares.removeAll { $0 === connection }
        }
        if !isUnderWay { free(connection.link) }
        let owner = connection.owner
        connection.owner = nil
        if let owner, let client = clients[owner] { lostPrivate(connection, of: client) }
    }

    /// An attempt has ended that nobody wanted any more.
    private func endUnwanted(_ connection: BackendConnection) {
        if connection.use == .alone { servers[connection.server].privateCount -= 1 }
        free(connection.link)
    }

    private func free(_ link: LinkID) {
        links[Int(link.number)] = nil
        freeLinks.append(link.number)
    }

    /// Closes a connection that owes nothing and is not wanted any more.
    func discard(_ connection: BackendConnection) {
        precondition(connection.tickets.isEmpty, "a connection goes that still owes replies")
        if let id = connection.id {
            pending.wishes.append(.close(id))
            connections.remove(id)
        }
        abandon(connection)
    }

    /// A shared connection is busy with a large reply: new requests get a fresh one, and so do the reads that wait
    /// behind it, which would not be answered before all of it has come. The old one closes when it owes nothing
    /// that anybody waits for.
    func retire(_ connection: BackendConnection) {
        let server = servers[connection.server]
        guard connection.use == .reads || connection.use == .writes,
            let lane = server.lanes[connection.lane]
        else { return }
        let fresh = makeConnection(to: server, lane: connection.lane, connection.use)
        if let place = lane.readers.firstIndex(where: { $0 === connection }) {
            lane.readers[place] = fresh
        } else if let place = lane.writers.firstIndex(where: { $0 === connection }) {
            lane.writers[place] = fresh
        }
        connection.use = .retired
        var staying = clientsThatStay(on: connection, sent: connection.output.sent)
        // The server has carried these out, and their replies may be as large: it makes none a third time.
        connection.tickets.visit { if $0.attempts > 0 { staying.insert($0.client) } }
        moveReads(from: connection, to: fresh) {
            clients[$0] != nil && !staying.contains($0)
        }
        wakeThoseWaiting(for: connection)
    }

    /// Closes a retired connection as soon as nobody waits for what it still owes: the rest of a large reply need not
    /// be carried here to be dropped. Requests that may change data are waited for.
    func leaveIfUnwanted(_ connection: BackendConnection) {
        guard connection.use == .retired,
            !connection.tickets.contains(where: { $0.kind != .read || clients[$0.client] != nil })
        else { return }
        while let ticket = connection.tickets.popFirst() {
            servers[connection.server].outstanding -= Int(ticket.replies)
        }
        discard(connection)
    }

    // MARK: What becomes of requests

    private func settleTickets(of connection: BackendConnection, sent: Int, _ reason: String) {
        let server = servers[connection.server]
        let isBegun = !connection.scanner.isAtStart
        var isFirst = true
        var staying = clientsThatStay(on: connection, sent: sent)
        var moved: Set<ConnectionID> = []
        while let ticket = connection.tickets.popFirst() {
            let isBegun = isFirst && isBegun
            isFirst = false
            server.outstanding -= Int(ticket.replies)
            let special = ticket.delivery == .special ? connection.specials.removeFirst() : nil
            let end = connection.tickets.first?.start ?? connection.output.end
            if let step = ticket.errand { hearNothing(for: step, reason) }
            // Nothing is owed to a client that an earlier ticket has cut short.
            guard let client = clients[ticket.client], client.owed > 0 else { continue }
            if !staying.contains(client.id),
                sendElsewhere(
                    ticket, special, until: end, from: connection, of: client,
                    isFirst: moved.insert(client.id).inserted)
            {
                server.counters.retriedAway += 1
                continue
            }
            staying.insert(client.id)
            if ticket.start >= sent {
                for _ in 0..<ticket.replies {
                    if ticket.isWanted {
                        counters.errors.count(code: "ERR")
                        appendUnreachable(connection, reason, to: &client.output)
                    }
                    noteDelivered(1, to: client, ticket.kind)
                }
            } else if case .cursor = special, !isBegun {
                if ticket.isWanted { client.output.append(ProxyCore.cursorIsLost) }
                noteDelivered(1, to: client, ticket.kind)
            } else {
                if case .block = special, ticket.isWanted, !(isBegun && hasPassedOn(special)) {
                    appendLost(server, wasComplete: end <= sent, to: &client.output)
                }
                reader.recycle(client.cutShort())
            }
            settle(client)
        }
    }

    /// Clients of whose tickets one cannot be done elsewhere: then none is, lest one be answered before another that
    /// was asked before it.
    private func clientsThatStay(on connection: BackendConnection, sent: Int) -> Set<ConnectionID> {
        var staying: Set<ConnectionID> = []
        var isBegun = !connection.scanner.isAtStart
        var specialsSeen = 0
        connection.tickets.visit { ticket in
            var special: SpecialReply?
            if ticket.delivery == .special {
                special = connection.specials[specialsSeen]
                specialsSeen += 1
            }
            let mayMove =
                ticket.kind == .read && canBeSentAgain(special)
                && !(isBegun && hasPassedOn(special))
                && (Int(ticket.attempts) < configuration.reads.retries || ticket.start >= sent)
            if !mayMove { staying.insert(ticket.client) }
            isBegun = false
        }
        return staying
    }

    private func canBeSentAgain(_ special: SpecialReply?) -> Bool {
        switch special {
        case nil, .block?, .cursor(_, begins: true)?: true
        case .cursor?, .gathered?: false
        }
    }

    /// Whether part of the reply that has begun is with the client already.
    private func hasPassedOn(_ special: SpecialReply?) -> Bool {
        guard case .block(let block) = special else { return true }
        return block.dropped == 0 && block.error.isEmpty
    }

    /// What a client reads of a transaction before it is closed.
    private func appendLost(
        _ server: BackendServer, wasComplete: Bool, to output: inout OutputQueue
    ) {
        output.append(
            wasComplete
                ? "-ERR the transaction may have run: "
                : "-EXECABORT Transaction discarded, nothing of it ran: ")
        output.append(text: "the connection to \(server.name) was lost on its way\r\n")
    }

    /// The reply to a request that cannot be sent.
    func appendUnreachable(
        _ connection: BackendConnection, _ reason: String, to output: inout OutputQueue
    ) {
        let server = servers[connection.server]
        output.append("-ERR cannot reach the ")
        output.append(text: "\(server.role == .master ? "master" : "replica") at ")
        output.append(text: "\(server.endpoint): \(reason); nothing was sent\r\n")
    }

    // MARK: Reads that are done elsewhere

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
    private func moveReads(
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
    private func sendElsewhere(
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

    // MARK: Requests that take too long

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
    }

    private func giveUpLateRequests(of connection: BackendConnection) {
        let limit = configuration.timeouts.request
        let isBegun = !connection.scanner.isAtStart
        if isBegun, connection.stall == nil, connection.heardAt + limit <= now.instant,
            connection.use != .alone
        {
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
        if connection.use == .alone, connection.id != nil, let first = connection.tickets.first,
            first.since + limit <= now.instant, connection.owner == nil || first.errand != nil
        {
            return distrust(connection, "it does not answer a question about a connection's state")
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
        for step in unanswered { hearNothing(for: step, "it took too long") }
        for ticket in late {
            server.counters.timeouts += Int(ticket.replies)
            guard let client = clients[ticket.client], client.owed > 0 else { continue }
            counters.timeouts += Int(ticket.replies)
            noteTimeOut(ticket, on: connection)
            for _ in 0..<ticket.replies {
                if ticket.isWanted {
                    appendTooLate(ticket.kind, server, to: &client.output)
                }
                noteDelivered(1, to: client, ticket.kind)
            }
            settle(client)
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
