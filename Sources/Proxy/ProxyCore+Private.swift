// Connections that one client has for itself for a while: for what would act on others who share one.

import RESP

extension ProxyCore {
    /// How many private connections to a server wait for the next client.
    static let sparesKept = 16

    /// A connection to the master that is this client's alone until it is given back; nil when there are too many.
    func takePrivate(for client: ClientSession, of server: BackendServer) -> BackendConnection? {
        takePrivate(for: client, of: server, lane: Int(client.lane))
    }

    func takePrivate(
        for client: ClientSession, of server: BackendServer, lane: Int
    ) -> BackendConnection? {
        if let place = server.spares.lastIndex(where: { $0.lane == lane && $0.isReady }) {
            let connection = server.spares.remove(at: place)
            connection.owner = client.id
            return connection
        }
        if server.privateCount >= configuration.limits.privateConnections {
            // One that waits for clients of another kind makes room.
            guard let spare = server.spares.first else { return nil }
            discard(spare)
        }
        server.privateCount += 1
        let connection = makeConnection(to: server, lane: lane, .alone)
        connection.owner = client.id
        return connection
    }

    /// Sends a request on a connection of its own, where it may wait for as long as it takes.
    func sendBlocking(_ request: Request, of client: ClientSession) -> ClientSession.Pause? {
        guard client.owed == 0, client.extras?.pin == nil else { return .drained }
        // Nobody is there any more who would take what it waits for.
        if client.isGone {
            client.state = .closing
            return nil
        }
        return sendAlone(request, .blocking, of: client, isSoiling: false)
    }

    /// Sends a command that nobody knows. It may change the state of the connection, so that nothing follows it there.
    func sendUnknown(_ request: Request, of client: ClientSession) -> ClientSession.Pause? {
        guard client.owed == 0, client.extras?.pin == nil else { return .drained }
        return sendAlone(request, .write, of: client, isSoiling: true)
    }

    private func sendAlone(
        _ request: Request, _ kind: Ticket.Kind, of client: ClientSession, isSoiling: Bool
    ) -> ClientSession.Pause? {
        if let refuge = refuge(for: request, of: client) { return refuge.pause }
        guard let connection = takePrivate(for: client, of: master) else {
            reply(to: client) { $0.append(ProxyCore.tooManyPrivate) }
            return nil
        }
        var pin = Pin(link: connection.link, purpose: .oneAnswer)
        pin.isForUnknown = isSoiling
        if isSoiling { connection.isSoiled = true }
        client.rare.pin = pin
        send(request, as: nil, kind, on: connection, for: client)
        return nil
    }

    /// The server does not know the command either, and so has changed nothing.
    func unsoil(_ connection: BackendConnection, by line: Span<UInt8>) {
        let word: StaticString = "-ERR unknown command"
        let length = word.utf8CodeUnitCount
        guard let owner = connection.owner, let pin = clients[owner]?.extras?.pin,
            pin.link == connection.link, pin.isForUnknown, line.count > length,
            line.extracting(0..<length).equalsIgnoringCase(word)
        else { return }
        connection.isSoiled = false
    }

    /// Whether nothing more may go out on a client's own connection: its state is not what the client's is, and the
    /// client goes back to shared ones as soon as it owes nothing.
    func isUsedUp(_ pin: Pin) -> Bool {
        pin.purpose == .oneAnswer && links[Int(pin.link.number)]?.isSoiled == true
    }

    /// Closes such a connection when nobody waits for what it owes: its client would wait for it for ever.
    func leaveIfUsedUp(_ connection: BackendConnection) {
        guard let owner = connection.owner, let pin = clients[owner]?.extras?.pin,
            pin.link == connection.link, isUsedUp(pin),
            !connection.tickets.contains(where: { clients[$0.client] != nil || $0.errand != nil })
        else { return }
        forgetTickets(of: connection)
        discard(connection)
    }

    // MARK: WAIT

    /// WAIT counts what its own connection has written, which is nothing here. Behind any command it counts all that
    /// the server has written; the client's own writes are answered by now.
    func sendWait(_ request: Request, of client: ClientSession) -> ClientSession.Pause? {
        guard client.owed == 0 else { return .drained }
        if client.isGone {
            client.state = .closing
            return nil
        }
        // Told once: what the client writes from now on can be counted.
        if let era = client.wroteIn, era != eraOfMaster {
            client.wroteIn = nil
            counters.errors.count(code: "NOTREPLICATED")
            reply(to: client) { $0.append(ProxyCore.writesOfAnotherEra) }
            return nil
        }
        if client.extras?.pin == nil, let refuge = refuge(for: request, of: client) {
            return refuge.pause
        }
        guard let connection = ownConnection(of: client) else {
            reply(to: client) { $0.append(ProxyCore.tooManyPrivate) }
            return nil
        }
        client.extras?.pin?.isUploading = false
        let start = connection.output.end
        connection.output.append("*1\r\n$4\r\nPING\r\n")
        connection.specials.append(.beforeWait)
        leaveTicket(
            Ticket(
                client: Ticket.nobody, kind: .errand, delivery: .special, attempts: 0, replies: 1,
                start: start, since: now.instant), on: connection)
        servers[connection.server].outstanding += 1
        send(request, as: nil, .blocking, on: connection, for: client)
        client.wroteIn = nil
        return nil
    }

    private static let writesOfAnotherEra: StaticString =
        """
        -NOTREPLICATED since this connection wrote, the proxy has lost the master, or another has taken over: \
        nobody can tell whether that has what was written; do not repeat it\r

        """

    /// The command before WAIT was answered. Behind one that was refused WAIT counts from an earlier one and may answer
    /// at once: what it says is not passed on, and nobody else gets its connection.
    func judgeWait(_ reply: Span<UInt8>, on connection: BackendConnection) {
        guard reply[0] == ReplyKind.error.rawValue, let owner = connection.owner,
            let client = clients[owner]
        else { return }
        var wait: Ticket?
        connection.tickets.update { ticket in
            guard wait == nil, ticket.client == owner else { return }
            wait = ticket
            ticket.client = Ticket.nobody
        }
        guard let wait else { return }
        connection.isSoiled = true
        if wait.isWanted {
            let said = ErrorText.string(reply.extracting(1..<reply.count - 2), upTo: 120)
            client.replies.append("-ERR WAIT is not answered: the master said '")
            client.replies.append(text: said)
            client.replies.append("' to the PING before it\r\n")
        }
        noteDelivered(1, to: client, .blocking)
        leaveIfUsedUp(connection)
        settle(client)
    }

    /// The connection that a client has for long, or one for the request at hand.
    private func ownConnection(of client: ClientSession) -> BackendConnection? {
        if let pin = client.extras?.pin, pin.purpose != .oneAnswer,
            let own = links[Int(pin.link.number)]
        {
            return own
        }
        guard let connection = takePrivate(for: client, of: master) else { return nil }
        client.rare.pin = Pin(link: connection.link, purpose: .oneAnswer)
        return connection
    }

    /// Whether a client waits for what may never happen: who is gone would take it away from others.
    func awaitsBlocking(_ client: ClientSession) -> Bool {
        guard let pin = client.extras?.pin, !pin.isUploading,
            let connection = links[Int(pin.link.number)]
        else { return false }
        var isFound = false
        connection.tickets.visit { ticket in
            isFound = isFound || ticket.kind == .blocking && ticket.client == client.id
        }
        return isFound
    }

    /// A client has hung up that is not read from: what it sent before is taken when its turn comes, unless it waits
    /// for what may never happen.
    func hangUp(_ client: ClientSession) {
        client.hasHungUp = true
        if awaitsBlocking(client) { release(client) }
        // It may have asked again elsewhere.
        if client.pause == .master { goOn(client) }
    }

    /// Ends the wait of a client that has gone.
    func release(_ client: ClientSession) {
        releasePrivate(of: client)
        reader.recycle(client.cutShort())
        settle(client)
    }

    static let tooManyPrivate: StaticString =
        "-ERR too many connections of their own are in use (limits.private_connections); nothing was sent\r\n"

    /// A private connection owes nothing any more.
    func becameFree(_ connection: BackendConnection) {
        guard let owner = connection.owner, let client = clients[owner],
            let pin = client.extras?.pin, pin.link == connection.link
        else { return giveBack(connection) }
        guard pin.purpose == .oneAnswer, client.extras?.upload == nil else { return }
        client.extras?.pin = nil
        giveBack(connection)
        // It may have waited for this alone, owed nothing itself.
        if client.pause != nil { resumable.append(client.id) }
    }

    /// Keeps a clean connection for the next client that needs one.
    func giveBack(_ connection: BackendConnection) {
        precondition(connection.tickets.isEmpty, "a connection is given back that owes replies")
        let server = servers[connection.server]
        connection.owner = nil
        if server.spares.contains(where: { $0 === connection }) { return }
        guard connection.isReady, !connection.hasMoved, !connection.isSoiled,
            connection.stall == nil,
            server.spares.count < ProxyCore.sparesKept
        else { return discard(connection) }
        server.spares.append(connection)
    }

    /// The client goes: what it had for itself is closed, so that the server forgets what it was asked.
    func releasePrivate(of client: ClientSession) {
        guard let extras = client.extras else { return }
        let held = [extras.pin?.link, extras.subscription?.link, extras.monitor]
        extras.pin = nil
        extras.monitor = nil
        extras.subscription = nil
        for case let link? in held {
            guard let connection = links[Int(link.number)], connection.owner == client.id else {
                continue
            }
            connection.owner = nil
            forgetTickets(of: connection)
            discard(connection)
        }
    }

    /// Nobody waits any more for what a connection owes. The outcome of a question would be told to a session that is
    /// over.
    func forgetTickets(of connection: BackendConnection) {
        while let ticket = connection.tickets.popFirst() {
            servers[connection.server].outstanding -= Int(ticket.replies)
            if let step = ticket.errand { errands[step.errand] = nil }
        }
        connection.specials.removeAll()
        doubtWrites(of: connection, wereSent: connection.isReady)
    }

    /// A client's own connection is gone; what was owed on it has been settled.
    func lostPrivate(_ connection: BackendConnection, of client: ClientSession) {
        // A subscription without a connection has the number of one that is gone.
        if let subscription = client.extras?.subscription, subscription.retryAt == nil,
            subscription.link == connection.link
        {
            return lostSubscription(subscription, of: client)
        }
        if client.extras?.monitor == connection.link { return drop(client) }
        guard let extras = client.extras, let pin = extras.pin, pin.link == connection.link else {
            return
        }
        extras.pin = nil
        if pin.isWatching { extras.watchIsLost = true }
        if let transaction = extras.transaction, transaction.isShipped {
            transaction.isLost = true
            transaction.isRefused = true
        }
        switch extras.upload {
        case nil: break
        case .queued: extras.upload = .queued(nil)
        case .to, .swallowed: extras.upload = .swallowed
        }
        switch pin.purpose {
        case .oneAnswer, .watch, .transaction: break
        case .tracking: lostTracking(pin, of: client)
        }
        if client.pause != nil { resumable.append(client.id) }
    }

    // MARK: Requests too large to be kept

    /// The beginning of a large request: it gets a connection of its own, on which it is passed on piece by piece. What
    /// is not passed on, or only after a look at all of it, is gathered.
    func beginUpload(_ request: Request, of client: ClientSession) -> RequestReader.Verdict {
        let command = table.find(request)
        switch classifier.disposition(of: request, command) {
        case .read, .write, .ask, .unknown, .tagged, .script: break
        default: return .gather
        }
        guard isKnown(client),
            client.extras?.subscription == nil || client.version == .resp3
        else { return .gather }
        client.extras?.beginRequest()
        let verdict =
            if let transaction = client.extras?.transaction {
                beginUpload(request, command, in: transaction, of: client)
            } else {
                beginUploadAlone(request, of: client)
            }
        if verdict != .goOn { client.extras?.putOffRequest() }
        return verdict
    }

    private func beginUploadAlone(
        _ request: Request, of client: ClientSession
    ) -> RequestReader.Verdict {
        let pin = client.extras?.pin
        guard client.owed == 0, pin?.purpose != .oneAnswer else {
            pause(client, .drained)
            return .notYet
        }
        if pin == nil, let refuge = refuge(for: request, of: client) {
            if let reason = refuge.pause {
                if client.putOffAt == nil { client.putOffAt = now.instant }
                pause(client, reason)
                return .notYet
            }
            client.rare.upload = .swallowed
            return .goOn
        }
        guard let connection = ownConnection(of: client) else {
            reply(to: client) { $0.append(ProxyCore.tooManyPrivate) }
            client.rare.upload = .swallowed
            return .goOn
        }
        if case .unknown = classifier.disposition(of: request, table.find(request)) {
            connection.isSoiled = true
        }
        client.extras?.pin?.isUploading = true
        client.rare.upload = .to(connection.link)
        send(request, as: nil, .blocking, on: connection, for: client)
        client.putOffAt = nil
        noteWait(nil, of: client)
        return .goOn
    }

    /// What a client sends cannot be read any more, in the middle of a request that is half with the server.
    func abandonUpload(of client: ClientSession) {
        guard client.extras?.upload != nil else { return }
        client.extras?.upload = nil
        releasePrivate(of: client)
        reader.recycle(client.cutShort())
    }

    /// All of a large request has been passed on: from now on it is a request like others, which takes so long at most.
    private func beginWait(for client: ClientSession, on connection: BackendConnection?) {
        client.extras?.pin?.isUploading = false
        connection?.tickets.update { ticket in
            guard ticket.client == client.id, ticket.kind == .blocking else { return }
            ticket.kind = .write
            ticket.since = now.instant
            client.writes += ticket.replies
        }
    }

    func continueUpload(
        _ piece: Request, of client: ClientSession, isLast: Bool
    ) -> RequestReader.Verdict {
        guard let extras = client.extras, let upload = extras.upload else {
            preconditionFailure("a piece of a request that was not begun")
        }
        if client.state == .closing { return .drop }
        let connection =
            switch upload {
            case .to(let link), .queued(let link?): links[Int(link.number)]
            case .queued(nil), .swallowed: nil as BackendConnection?
            }
        if let connection {
            guard hasRoom(connection) else {
                noteWait(.backend(connection.link), of: client)
                pause(client, .backend(connection.link))
                return .notYet
            }
            noteWait(nil, of: client)
            connection.output.append(piece.bytes)
            list(connection)
        }
        guard isLast else { return .goOn }
        extras.upload = nil
        if case .to = upload { beginWait(for: client, on: connection) }
        if case .queued = upload { reply(to: client) { $0.append("+QUEUED\r\n") } }
        extras.endRequest()
        // A server that answered before it had heard all of it waits for nothing more.
        if let connection, connection.tickets.isEmpty { becameFree(connection) }
        return .goOn
    }
}
