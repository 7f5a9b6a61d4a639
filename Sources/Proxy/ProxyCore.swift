// The proxy without I/O: one worker's clients, its connections to the backend, and the way of a request.
//
//     client bytes ─▶ RequestReader ─▶ Disposition ─┬─ local ───────────────▶ client's output, in its turn
//                                                   └─ forward ─▶ BackendConnection.output + a ticket
//     backend bytes ─▶ ReplyScanner ─▶ the first ticket says whose ─────────▶ client's output
//
// A client uses one backend connection for all its requests, so what is forwarded comes back in order by itself;
// replies of the proxy's own wait in `ClientSession.held` for their turn.

import RESP

/// One worker of the proxy.
package final class ProxyCore: Core {
    package var pending = PendingActions()

    let configuration: ProxyConfiguration
    let table = CommandTable.builtIn
    private let limits: RequestLimits
    private let reader = RequestReader()
    let pool = BlockPool()
    private(set) var clients = ConnectionTable<ClientSession>()
    private(set) var backends: [BackendConnection] = []
    /// Paused clients that may be able to go on; looked at before each call ends.
    private var resumable: [ConnectionID] = []
    /// Clients that were paused because a backend takes requests too slowly.
    private var waitingForBackends: [ConnectionID] = []
    /// Where a reply of the proxy's own is written when it cannot go out yet.
    private var heldReply: OutputQueue
    private var lastClientNumber: Int
    private let clientNumberStep: Int

    /// `worker` of `workers`: client numbers are unique over all of them without a word between them.
    package init(configuration: ProxyConfiguration, worker: Int = 0, workers: Int = 1) {
        self.configuration = configuration
        var limits = RequestLimits()
        limits.requestLength = configuration.limits.requestBytes
        self.limits = limits
        heldReply = OutputQueue(pool: pool)
        lastClientNumber = worker + 1 - workers
        clientNumberStep = workers
        for number in 0..<configuration.backends.connections {
            let link = LinkID(number: UInt32(number))
            backends.append(
                BackendConnection(
                    link: link, endpoint: configuration.backends.master, pool: pool))
            pending.wishes.append(.connect(link, configuration.backends.master))
        }
    }

    // MARK: What the driver says

    package func open(
        _ id: ConnectionID, from peer: PeerAddress, to local: PeerAddress, at now: Moment
    ) {
        lastClientNumber += clientNumberStep
        let client = ClientSession(id: id, number: lastClientNumber, peer: peer, pool: pool)
        clients.insert(client, for: id)
        if clients.count > configuration.maximumClients {
            client.output.append("-ERR max number of clients reached\r\n")
            client.state = .closing
            settle(client)
        }
    }

    package func receive(_ bytes: Span<UInt8>, from id: ConnectionID, at now: Moment) {
        if let client = clients[id] {
            if client.state == .open { read(bytes, from: client) }
        } else if let backend = backends.first(where: { $0.id == id }) {
            deliver(bytes, from: backend, at: now)
        }
        resumeClients()
    }

    package func end(_ id: ConnectionID, at now: Moment) {
        if let client = clients[id] {
            if client.state == .open { client.state = .ended }
            settle(client)
        } else if backends.contains(where: { $0.id == id }) {
            // A server that will say no more is of no use, whatever it might still read.
            pending.wishes.append(.close(id))
        }
    }

    package func drain(
        _ id: ConnectionID, at now: Moment, into write: (borrowing OutputPieces) -> Int
    ) {
        if let client = clients[id] {
            client.isListed = false
            client.output.drain(into: write)
            if client.isPaused { resumable.append(id) }
            if client.output.count <= configuration.limits.clientOutput {
                endStall(of: backend(of: client), on: id)
            }
            // What is left needs no listing: the driver comes again when there is room.
            if client.isDone { drop(client) }
        } else if let backend = backends.first(where: { $0.id == id }) {
            backend.isListed = false
            backend.output.drain(into: write)
            if hasMuchRoom(backend) {
                resumable += waitingForBackends
                waitingForBackends.removeAll(keepingCapacity: true)
            }
        }
        resumeClients()
    }

    package func close(_ id: ConnectionID, at now: Moment) {
        if let client = clients.remove(id) {
            reader.recycle(client.unfinished)
            client.unfinished = nil
            endStall(of: backend(of: client), on: id)
        } else if let backend = backends.first(where: { $0.id == id }) {
            lose(backend, at: now)
        }
        resumeClients()
    }

    package func tick(at now: Moment) {
        for backend in backends {
            if let stall = backend.stall, stall.since + configuration.limits.stall <= now.instant {
                breakStall(stall, of: backend, at: now)
            }
            guard case .waiting(let until, _) = backend.state, until <= now.instant else {
                continue
            }
            connect(backend)
        }
        scheduleWake()
    }

    package func hear(_ news: News, at now: Moment) {
        switch news {
        case .connected(let link, let id):
            let backend = backends[Int(link.number)]
            guard case .connecting = backend.state else {
                preconditionFailure("link \(link.number) was connected unasked")
            }
            backend.state = .ready(id, since: now.instant)
            pending.log(.notice, "Connected to master \(backend.endpoint)")
            list(backend)
        case .refused(let link, let reason):
            refuse(backends[Int(link.number)], reason: reason, at: now)
        case .moved(let link):
            let backend = backends[Int(link.number)]
            // While replies are owed the old connection stays; the news comes again.
            if let id = backend.id, backend.tickets.isEmpty { pending.wishes.append(.close(id)) }
        case .signal(.terminate), .signal(.interrupt):
            pending.wishes.append(.exit(0))
        case .signal, .appended, .synced, .failed:
            break
        }
        resumeClients()
    }

    // MARK: From client to backend

    private func read(_ bytes: Span<UInt8>, from client: ClientSession) {
        do {
            client.unfinished = try reader.read(bytes, after: client.unfinished, limits: limits) {
                handle($0, of: client)
            }
        } catch {
            client.unfinished = nil
            reply(to: client) { error.append(to: &$0) }
            client.state = .closing
        }
        settle(client)
    }

    private func handle(_ request: Request, of client: ClientSession) -> RequestReader.Verdict {
        let command = table.find(request)
        switch Disposition(command, in: table) {
        case .forward:
            forward(request, of: client)
        case .local:
            answer(request, command!, of: client)
        case .refuse(let reason):
            refuse(request, of: client, because: reason)
        }
        if client.state == .closing { return .drop }
        guard mayGoOn(client) else {
            client.isPaused = true
            pending.wishes.append(.pause(client.id))
            if !hasRoom(backend(of: client)) { waitingForBackends.append(client.id) }
            return .wait
        }
        return .goOn
    }

    private func forward(_ request: Request, of client: ClientSession) {
        let backend = backend(of: client)
        if case .waiting(_, let reason) = backend.state {
            reply(to: client) {
                $0.append("-ERR cannot reach the master at ")
                $0.append(text: "\(backend.endpoint): \(reason); nothing was sent\r\n")
            }
            return
        }
        backend.send(request, for: client.id, lengthensTicket: client.held.isEmpty)
        client.forwarded += 1
        list(backend)
    }

    private func refuse(_ request: Request, of client: ClientSession, because reason: StaticString)
    {
        reply(to: client) {
            $0.append("-ERR '")
            ErrorText.append(request[0], upTo: 128, to: &$0)
            $0.append("' is not served by this proxy: ")
            $0.append(reason)
            $0.append("\r\n")
        }
    }

    /// All requests of a client go over one connection, as long as it lives.
    private func backend(of client: ClientSession) -> BackendConnection {
        backends[Int(client.id.slot) % backends.count]
    }

    // MARK: From backend to client

    private func deliver(
        _ bytes: Span<UInt8>, from backend: BackendConnection, at now: Moment
    ) {
        var start = 0
        var index = 0
        var whole = 0
        while index < bytes.count {
            guard let ticket = backend.tickets.first else {
                let said = ErrorText.string(bytes.extracting(index..<bytes.count), upTo: 80)
                return distrust(backend, "it said unasked '\(said)'", at: now)
            }
            if backend.scanner.isAtStart {
                let run = backend.scanner.scanRun(
                    bytes, from: index, most: ticket.replies - whole)
                index = run.end
                whole += run.count
            }
            if whole < ticket.replies {
                guard index < bytes.count else { break }
                let outcome: ReplyScanner.Outcome
                do {
                    outcome = try backend.scanner.scan(bytes, from: index)
                } catch {
                    return distrust(backend, "it sent what is not a reply", at: now)
                }
                guard case .reply(let end) = outcome else { break }
                index = end
                whole += 1
            }
            if whole == ticket.replies {
                pass(bytes.extracting(start..<index), whole, to: ticket.client, backend, now)
                backend.tickets.settle(whole)
                start = index
                whole = 0
            }
        }
        guard start < bytes.count, let ticket = backend.tickets.first else { return }
        pass(bytes.extracting(start..<bytes.count), whole, to: ticket.client, backend, now)
        if whole > 0 { backend.tickets.settle(whole) }
    }

    /// Hands bytes of replies to their client, `replies` of which end in them. Those of a client that has gone are
    /// dropped here: the generation in its id says so even when its slot has a new owner.
    private func pass(
        _ bytes: Span<UInt8>, _ replies: Int, to id: ConnectionID, _ backend: BackendConnection,
        _ now: Moment
    ) {
        guard let client = clients[id] else { return }
        client.output.append(bytes)
        client.delivered += replies
        if !client.held.isEmpty { client.releaseHeld() }
        if client.isPaused { resumable.append(id) }
        if client.output.count > 4 * configuration.limits.clientOutput {
            stall(backend, on: client, at: now)
        }
        settle(client)
    }

    // MARK: A client that does not take its replies

    /// Stops reading from a backend until `client` has taken what it was sent: its replies may be larger than
    /// memory, and those of others behind them cannot pass.
    private func stall(_ backend: BackendConnection, on client: ClientSession, at now: Moment) {
        guard backend.stall == nil, let id = backend.id else { return }
        backend.stall = .init(client: client.id, since: now.instant)
        pending.wishes.append(.pause(id))
        scheduleWake()
    }

    private func endStall(of backend: BackendConnection, on client: ConnectionID) {
        guard backend.stall?.client == client, let id = backend.id else { return }
        backend.stall = nil
        pending.wishes.append(.resume(id))
        scheduleWake()
    }

    /// The time is up: the slow client is closed if others wait behind it, and may go on being slow if not.
    private func breakStall(
        _ stall: BackendConnection.Stall, of backend: BackendConnection, at now: Moment
    ) {
        guard backend.tickets.count > 1, let client = clients[stall.client] else {
            backend.stall = .init(client: stall.client, since: now.instant)
            return
        }
        pending.log(
            .warning, "Closing client \(client.peer): others waited behind replies it does not read"
        )
        drop(client)
    }

    // MARK: Losing a backend

    /// Closes a connection whose bytes cannot be trusted any more.
    private func distrust(_ backend: BackendConnection, _ reason: String, at now: Moment) {
        guard let id = backend.id else { return }
        pending.log(.warning, "Closing the connection to master \(backend.endpoint): \(reason)")
        pending.wishes.append(.close(id))
        lose(backend, at: now)
    }

    /// A connection is gone. Requests that had begun to leave may have run, so their clients are closed, as the
    /// master itself would have closed them; the others are answered that they never left.
    private func lose(_ backend: BackendConnection, at now: Moment) {
        guard case .ready(_, let since) = backend.state else {
            preconditionFailure("a connection was lost that did not stand")
        }
        pending.log(.warning, "Lost the connection to master \(backend.endpoint)")
        settleTickets(of: backend, sent: backend.sent, reason: "the connection was lost")
        backend.reset()
        if now.instant - since >= BackendConnection.steady {
            backend.refusals = 0
            connect(backend)
        } else {
            wait(backend, reason: "it closes connections at once", at: now)
        }
    }

    private func refuse(_ backend: BackendConnection, reason: String, at now: Moment) {
        guard case .connecting = backend.state else {
            preconditionFailure("link \(backend.link.number) was refused unasked")
        }
        if backend.refusals == 0 {
            pending.log(.warning, "Cannot reach master \(backend.endpoint): \(reason)")
        }
        settleTickets(of: backend, sent: 0, reason: reason)
        backend.reset()
        wait(backend, reason: reason, at: now)
    }

    private func wait(_ backend: BackendConnection, reason: String, at now: Moment) {
        backend.refusals += 1
        backend.state = .waiting(until: now.instant + backend.retryDelay, reason: reason)
        scheduleWake()
    }

    private func settleTickets(of backend: BackendConnection, sent: Int, reason: String) {
        while let ticket = backend.tickets.popFirst() {
            guard let client = clients[ticket.client] else { continue }
            if ticket.start < sent {
                drop(client)
                continue
            }
            for _ in 0..<ticket.replies {
                client.output.append("-ERR cannot reach the master at ")
                client.output.append(text: "\(backend.endpoint): \(reason); nothing was sent\r\n")
                client.delivered += 1
                client.releaseHeld()
            }
            if client.isPaused { resumable.append(client.id) }
            list(client)
        }
    }

    private func connect(_ backend: BackendConnection) {
        backend.state = .connecting
        pending.wishes.append(.connect(backend.link, backend.endpoint))
    }

    private func scheduleWake() {
        pending.wakeAt = nil
        for backend in backends {
            if case .waiting(let until, _) = backend.state { wake(at: until) }
            if let stall = backend.stall { wake(at: stall.since + configuration.limits.stall) }
        }
    }

    private func wake(at due: Instant) {
        pending.wakeAt = min(due, pending.wakeAt ?? due)
    }

    // MARK: Output and pauses

    /// Writes a reply of the proxy's own where the client will read it in the order of its requests.
    func reply(to client: ClientSession, _ write: (inout OutputQueue) -> Void) {
        if client.inFlight == 0 {
            write(&client.output)
            list(client)
            return
        }
        write(&heldReply)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(heldReply.count)
        while !heldReply.isEmpty {
            heldReply.drain { pieces in
                for index in 0..<pieces.count { bytes.append(pieces[index]) }
                return pieces.total
            }
        }
        client.held.append(.init(position: client.forwarded, bytes: bytes))
    }

    private func list(_ client: ClientSession) {
        guard !client.isListed, !client.output.isEmpty else { return }
        client.isListed = true
        pending.output.append(client.id)
    }

    private func list(_ backend: BackendConnection) {
        guard !backend.isListed, !backend.output.isEmpty, let id = backend.id else { return }
        backend.isListed = true
        pending.output.append(id)
    }

    /// Closes a client at once, whatever it is owed.
    private func drop(_ client: ClientSession) {
        guard clients.remove(client.id) != nil else { return }
        reader.recycle(client.unfinished)
        client.unfinished = nil
        pending.wishes.append(.close(client.id))
        endStall(of: backend(of: client), on: client.id)
    }

    /// Lists what is to be written, and closes the client if it is done.
    private func settle(_ client: ClientSession) {
        list(client)
        if client.isDone { drop(client) }
    }

    private func mayGoOn(_ client: ClientSession) -> Bool {
        client.inFlight < configuration.limits.clientRequests
            && client.output.count < configuration.limits.clientOutput
            && hasRoom(backend(of: client))
    }

    private func hasRoom(_ backend: BackendConnection) -> Bool {
        backend.output.count < configuration.limits.backendOutput
    }

    private func resumeClients() {
        while let id = resumable.popLast() {
            guard let client = clients[id], client.isPaused else { continue }
            guard mayResume(client) else {
                if !hasMuchRoom(backend(of: client)) { waitingForBackends.append(id) }
                continue
            }
            client.isPaused = false
            pending.wishes.append(.resume(id))
            read(Span(), from: client)
        }
    }

    /// Well below each limit, so that a pause is worth its two system calls.
    private func mayResume(_ client: ClientSession) -> Bool {
        client.inFlight <= configuration.limits.clientRequests / 2
            && client.output.count <= configuration.limits.clientOutput / 2
            && hasMuchRoom(backend(of: client))
    }

    private func hasMuchRoom(_ backend: BackendConnection) -> Bool {
        backend.output.count <= configuration.limits.backendOutput / 2
    }
}
