// The proxy without I/O: one worker's clients, its connections to the backend, and the way of a request.
//
//     client bytes ─▶ RequestReader ─▶ Classifier ──┬─ local ───────────────▶ client's output, in its turn
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
    let classifier = Classifier(table: .builtIn, rules: [])
    let requestLimits: RequestLimits
    let reader = RequestReader()
    let pool = BlockPool()
    private(set) var clients = ConnectionTable<ClientSession>()
    private(set) var backends: [BackendConnection] = []
    /// Paused clients that may be able to go on; looked at before each call ends.
    var resumable: [ConnectionID] = []
    /// Those of them that waited for a backend, who waited longest first.
    var woken: [ConnectionID] = []
    /// Where a reply of the proxy's own is written when it cannot go out yet.
    private var heldReply: OutputQueue
    private let clientCount: ClientCount
    private var lastClientNumber: Int
    private let clientNumberStep: Int

    /// `worker` of `workers`: client numbers are unique over all of them without a word between them.
    package init(
        configuration: ProxyConfiguration, worker: Int = 0, workers: Int = 1,
        clientCount: ClientCount = ClientCount()
    ) {
        self.configuration = configuration
        var limits = RequestLimits()
        limits.requestLength = configuration.limits.requestBytes
        requestLimits = limits
        heldReply = OutputQueue(pool: pool)
        self.clientCount = clientCount
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
        _ id: ConnectionID, through listener: ListenerID, from peer: PeerAddress,
        to local: PeerAddress, at now: Moment
    ) {
        lastClientNumber += clientNumberStep
        let client = ClientSession(id: id, number: lastClientNumber, peer: peer, pool: pool)
        clients.insert(client, for: id)
        if clientCount.add() > configuration.maximumClients {
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
        } else if let backend = backends.first(where: { $0.id == id }) {
            // A server that will say no more is of no use, whatever it might still read.
            pending.wishes.append(.close(id))
            lose(backend, at: now)
        }
        resumeClients()
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
            if hasMuchRoom(backend) { wakeThoseWaiting(for: backend) }
        }
        resumeClients()
    }

    package func close(_ id: ConnectionID, at now: Moment) {
        if let client = clients[id] {
            forget(client)
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
            backend.state = .ready(id, since: now.instant, hasMoved: false)
            pending.log(.notice, "Connected to master \(backend.endpoint)")
            list(backend)
        case .refused(let link, let reason):
            refuse(backends[Int(link.number)], reason: reason, at: now)
        case .moved(let link):
            follow(backends[Int(link.number)])
        case .signal(.terminate), .signal(.interrupt):
            pending.log(.notice, "Told to end by a signal, exiting")
            pending.wishes.append(.exit(0))
        case .signal, .appended, .synced, .failed, .message:
            break
        }
        resumeClients()
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
        client.hold(bytes)
    }

    func list(_ client: ClientSession) {
        guard !client.isListed, !client.output.isEmpty else { return }
        client.isListed = true
        pending.output.append(client.id)
    }

    func list(_ backend: BackendConnection) {
        guard !backend.isListed, !backend.output.isEmpty, let id = backend.id else { return }
        backend.isListed = true
        pending.output.append(id)
    }

    /// Closes a client at once, whatever it is owed.
    func drop(_ client: ClientSession) {
        guard clients[client.id] != nil else { return }
        forget(client)
        pending.wishes.append(.close(client.id))
    }

    private func forget(_ client: ClientSession) {
        clients.remove(client.id)
        clientCount.remove()
        if client.isWaiting { backend(of: client).waiting.removeAll { $0 == client.id } }
        reader.recycle(client.unfinished)
        client.unfinished = nil
        endStall(of: backend(of: client), on: client.id)
    }

    /// Lists what is to be written, and closes the client if it is done.
    func settle(_ client: ClientSession) {
        list(client)
        if client.isDone { drop(client) }
    }
}
