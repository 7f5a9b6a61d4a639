// The proxy without I/O: one worker's clients, its connections to the servers, and the way of a request.
//
//     client bytes ─▶ RequestReader ─▶ Classifier ─┬─ read ──▶ Router ─▶ a server's lane ─▶ connection + ticket
//                                                  ├─ write ─▶ the master's lane ─▶ connection + ticket
//                                                  └─ its own ──────────────────▶ client's output, in its turn
//     backend bytes ─▶ ReplyScanner ─▶ the first ticket says whose ─────────────▶ client's output
//
// All unanswered requests of a client are on one connection; it changes to another only when it is owed nothing. So
// what is forwarded comes back in order by itself, and nothing of a client ever overtakes anything of it.

import RESP

/// One worker of the proxy.
package final class ProxyCore: Core {
    package var pending = PendingActions()

    let configuration: ProxyConfiguration
    let table = CommandTable.builtIn
    var classifier: Classifier
    var router: Router
    var chance: Chance
    let requestLimits: RequestLimits
    let reader = RequestReader()
    let pool = BlockPool()
    /// In the order of the configuration, which has the master first, and then as they were found.
    var servers: [BackendServer]
    /// What all workers know of who is the master, and what of it this one has acted on.
    let board: TopologyBoard
    var topology = Topology()
    /// What the first worker decides it from, and those that say they are masters when nothing can be decided.
    var succession: Succession
    var rivals: [Int] = []
    /// What of it is written down.
    var keptMemory = KeptMemory()
    /// What the sentinels said last, and the epoch in which the master that is followed was named.
    var sentinels: SentinelReport?
    var adoptedEpoch: Int?
    /// The planned change of the master that is under way; only the first worker has one.
    var switchover: RunningSwitchover?
    var lastSwitchover = 0
    /// The replica that copies its master's data anew, as an operator wants it; only the first worker has one.
    var resync: RunningResync?
    var lastResync = 0
    /// The replica that this worker's reads are to end at.
    var readsToEnd: ReadsToEnd?
    /// The change for which this worker's writes are to end, and what servers are to be told as soon as they can be.
    var writesToEnd: Int?
    var owed: [Amends] = []
    /// What the first worker does about a master that is lost, and what it knows of the one before.
    var lostMaster: LostMaster?
    var formerMaster: FormerMaster?
    var heartbeat = Takeover.usualHeartbeat
    /// What the first worker has found to be wrong with how the servers are configured.
    var audit = Audit()
    /// It has been said that there are too many servers.
    var isFull = false
    /// Who is going to be adopted when all have said how they are, and since when.
    var candidate: (server: Int, since: Instant)?
    /// The numbers of those that reads are shared among now.
    var readable: [Int] = []
    /// What the numbers of lanes mean.
    var lanes: [LaneKey] = [.first]
    var clients = ConnectionTable<ClientSession>()
    /// Connections to servers by the number of their link, and those that stand by their own name.
    var links: [BackendConnection?] = []
    var freeLinks: [UInt32] = []
    var connections = ConnectionTable<BackendConnection>()
    /// Paused clients that may be able to go on; looked at before each call ends.
    var resumable: [ConnectionID] = []
    /// Those of them that waited for a connection, who waited longest first.
    var woken: [ConnectionID] = []
    /// Those of them that are being looked at; the arrays change places, so that none is made anew.
    var resuming: [ConnectionID] = []
    /// When tickets are next looked through for time-outs, if any are out.
    var nextScan: Instant?
    /// When the servers are next asked how they are.
    var nextWatch: Instant?
    /// Clients whose subscriptions have lost their connection.
    var subscriptionsToRetry: [ConnectionID] = []
    var anonymity = Anonymity()
    /// Answers to failed AUTHs, which are held back for a while.
    var lateAnswers: [LateAnswer] = []
    var scripts: ScriptMemory
    /// Which of the workers this is, and of how many.
    let worker: Int
    let workers: Int
    /// Servers that have just stopped answering, whose reads are to be done elsewhere.
    var serversToLeave: [Int] = []
    /// Replicas that clients' reads have told something about, which is to be acted on before the call ends.
    var circuitsToFollow: [Int] = []
    /// When the replicas were compared last.
    var comparedAt: Instant?
    /// Connections that are not read from because of a slow client.
    var stalled = 0
    /// By number; never walked through.
    var errands: [Int: Errand] = [:]
    var lastErrand = 0
    var counters = ProxyCounters()
    /// What all workers know of how fresh servers are, and this one's part in it.
    let freshness: Freshness
    let trace: WorkerTrace
    /// Whether writes raise fences: only where a level asks for them.
    let isFencing: Bool
    /// Whether writes are marked at least, so that the audit sees them.
    let marksWrites: Bool
    /// Reads of replicas that the master is asked as well.
    var audits: ReadAudits
    let tally = WriteTally(.builtIn)
    var watermarks = WatermarkState()
    /// Where the master was when.
    var timeline = OffsetTimeline()
    /// The keys of the request at hand; the memory is used again and again.
    var foundKeys = FoundKeys()
    /// Reads for which no server was fresh enough when they were last tried.
    var readsToRetry: [ConnectionID] = []
    var readsRetriedAt: Instant?
    /// Since when nothing is sent to the master that only a master may be given; nil while that is sent. Kept apart,
    /// since each write asks.
    var masterAwaySince: Instant?
    /// Rises when writes that were answered may be unknown to whoever is the master now.
    var eraOfMaster: Int32 = 1
    var held = HeldWrites()
    /// Whether the master answers reads only because no replica may be read, and reads that wait for their turn there.
    var isStandingIn = false
    var masterQueue = MasterQueue()
    /// Whether replies of writes are withheld until replicas have confirmed them, and those that are.
    let withholdsReplies: Bool
    var acknowledgements: Acknowledgements
    /// Clients with tokens, who wait for the master's position.
    var causalWaits = CausalWaits()
    var operators: OperatorState
    /// The time of the call at hand.
    private(set) var now: Moment
    /// Where a reply of the proxy's own is written when it cannot go out yet.
    private var heldReply: OutputQueue
    let clientCount: ClientCount
    private var lastClientNumber: Int
    private let clientNumberStep: Int

    /// `worker` of `workers`: client numbers are unique over all of them without a word between them. `memory` is what
    /// was written down by an earlier process; the board begins with its master.
    package init(
        configuration: ProxyConfiguration, worker: Int = 0, workers: Int = 1,
        clientCount: ClientCount = ClientCount(), freshness: Freshness? = nil,
        board: TopologyBoard? = nil, memory: MasterMemory? = nil,
        process: ProxyStatus.ProcessFacts = .init(),
        usage: ProcessUsage = ProcessUsage(), seed: UInt64 = 1, at now: Moment
    ) {
        self.configuration = configuration
        self.now = now
        var limits = RequestLimits()
        limits.requestLength = configuration.limits.requestBytes
        limits.streamAbove = configuration.limits.privateAbove

        requestLimits = limits
        heldReply = OutputQueue(pool: pool)
        operators = OperatorState(configuration, worker, of: workers, process, usage, at: now)
        self.clientCount = clientCount
        self.worker = worker
        self.workers = workers
        let freshness = freshness ?? Freshness(workers: workers)
        self.freshness = freshness
        trace = freshness.traces[worker]
        let first = configuration.backends.firstMaster(memory)
        self.board = board ?? TopologyBoard(master: first)
        topology.master = first
        succession = Succession(
            master: first, runID: memory?.runID.map { Array($0.utf8) }, history: memory?.history)
        keptMemory.kept = memory
        watermarks.beginReign(freshness.channel(0))
        isFencing = configuration.needsFences
        marksWrites = isFencing || configuration.auditsReads
        audits = ReadAudits(
            perSecond: configuration.auditsReads ? configuration.reads.auditPerSecond : 0,
            workers: workers, arePublished: isFencing, seed: seed &+ UInt64(worker),
            at: now.instant)
        withholdsReplies = configuration.writes.ackReplicas > 0
        acknowledgements = Acknowledgements(configuration.writes)
        scripts = ScriptMemory(limit: configuration.limits.scriptBytes)
        lastClientNumber = worker + 1 - workers
        clientNumberStep = workers
        classifier = Classifier(table: .builtIn, rules: configuration.commands)
        router = Router(configuration.reads)
        chance = Chance(seed: seed &+ UInt64(worker))
        servers = ProxyCore.servers(of: configuration, memory, at: now.instant)
        for server in servers where !server.isGone { openFirstLane(of: server) }
        connectForAcknowledgements()
        findReadable()
        noteMaster()
        watchServers()
        if isFencing, worker == 0 {
            pending.log(
                .notice,
                "Reads are \(configuration.levels.map(\.rawValue).joined(separator: " or "))"
                    + " with respect to writes through this proxy; "
                    + "what is written past it is not seen")
        }
        beginAskingAboutStrangers()
        scheduleWake()
    }

    private static func servers(
        of configuration: ProxyConfiguration, _ memory: MasterMemory?, at now: Instant
    ) -> [BackendServer] {
        let backends = configuration.backends
        let first = BackendServer(
            index: 0, endpoint: backends.master, role: .master, place: backends.masterPlace,
            weight: 1, since: now)
        // In the place of the one that the sentinels will name.
        first.isGone = backends.sentinel != nil
        var servers = [first]
        for replica in backends.replicas {
            servers.append(
                BackendServer(
                    index: servers.count, endpoint: replica.endpoint, role: .replica,
                    place: replica.place, weight: replica.weight, since: now))
        }
        let number = backends.firstMaster(memory)
        if number == servers.count, let memory {
            let found = BackendServer(
                index: number, endpoint: memory.endpoint, role: .replica, place: BackendPlace(),
                weight: 1, since: now)
            found.isFound = true
            found.namedAt = now
            servers.append(found)
        }
        servers[0].role = .replica
        servers[number].role = .master
        return servers
    }

    /// Whether there are servers, or may be, that can be behind the master.
    var mayHaveReplicas: Bool { servers.count > 1 || configuration.backends.mayHaveReplicas }
    var master: BackendServer { servers[topology.master] }
    var replicas: some Sequence<BackendServer> {
        servers.lazy.filter { $0.role == .replica && !$0.isGone }
    }

    // MARK: What the driver says

    package func open(
        _ id: ConnectionID, through listener: ListenerID, from peer: PeerAddress,
        to local: PeerAddress, at now: Moment
    ) {
        self.now = now
        noteBoard()
        if listener == .health { openHealth(id) } else { openClient(id, listener, peer, local) }
        resumeClients()
    }

    private func openClient(
        _ id: ConnectionID, _ listener: ListenerID, _ peer: PeerAddress, _ local: PeerAddress
    ) {
        lastClientNumber += clientNumberStep
        let client = ClientSession(
            id: id, number: lastClientNumber, peer: peer, local: local, pool: pool, at: now.instant)
        client.listener = listener.place
        client.consistency = configuration.level(ofListener: client.listener)
        beginSession(client)
        clients.insert(client, for: id)
        counters.connectionsReceived += 1
        if clientCount.add() > configuration.maximumClients {
            counters.connectionsRefused += 1
            client.output.append("-ERR max number of clients reached\r\n")
            client.state = .closing
            settle(client)
        }
    }

    package func receive(_ bytes: Span<UInt8>, from id: ConnectionID, at now: Moment) {
        self.now = now
        noteBoard()
        if let client = clients[id] {
            client.usedAt = now.instant
            counters.clientBytesReceived &+= bytes.count
            if client.state == .open { take(bytes, from: client) }
        } else if let connection = connections[id] {
            counters.backendBytesReceived &+= bytes.count
            deliver(bytes, from: connection)
        } else if let session = operators.health[id] {
            receive(bytes, from: session)
        }
        resumeClients()
    }

    package func end(_ id: ConnectionID, at now: Moment) {
        self.now = now
        if let client = clients[id] {
            if client.state == .open { client.state = .ended }
            // The rest of what it was sending will never come, and half a request is of no use to anybody.
            if client.extras?.upload != nil || client.pause == .confirmation {
                drop(client)
            } else if awaitsBlocking(client) {
                release(client)
            } else if client.pause == .master {
                goOn(client)
            } else {
                settle(client)
            }
        } else if let connection = connections[id] {
            // A server that will say no more is of no use, whatever it might still read.
            pending.wishes.append(.close(id))
            noteLoss(of: connection)
            lose(connection)
        } else if let session = operators.health[id] {
            end(session)
        }
        resumeClients()
    }

    package func drain(
        _ id: ConnectionID, at now: Moment, into write: (borrowing OutputPieces) -> Int
    ) {
        self.now = now
        if let client = clients[id] {
            client.isListed = false
            client.usedAt = now.instant
            let waiting = client.output.count
            client.output.drain(into: write)
            counters.clientBytesSent &+= waiting - client.output.count
            if client.pause != nil { resumable.append(id) }
            if client.untaken <= configuration.limits.clientOutput { endStall(on: client) }
            // What is left needs no listing: the driver comes again when there is room.
            if client.isDone { drop(client) }
        } else if let connection = connections[id] {
            connection.isListed = false
            if case .greeting = connection.state {
                connection.greetingOutput.drain(into: write)
            } else {
                if connection.use == .publisher { publish(on: connection) }
                if connection.use == .acknowledger { askReplicas(on: connection) }
                let sent = connection.output.sent
                connection.output.drain(into: write)
                counters.backendBytesSent &+= connection.output.sent - sent
                if connection.output.sent > sent { noteProgress(connection) }
                if hasMuchRoom(connection) { wakeThoseWaiting(for: connection) }
            }
        }
        if clients[id] == nil, let session = operators.health[id] { drain(session, into: write) }
        resumeClients()
    }

    package func close(_ id: ConnectionID, at now: Moment) {
        self.now = now
        if let client = clients[id] {
            forget(client)
        } else if let connection = connections[id] {
            noteLoss(of: connection)
            lose(connection)
        } else {
            operators.health.remove(id)
        }
        resumeClients()
    }

    package func tick(at now: Moment) {
        self.now = now
        noteBoard()
        for connection in links {
            guard let connection else { continue }
            if let stall = connection.stall,
                stall.since + configuration.limits.stall <= now.instant
            {
                breakStall(stall, of: connection)
            }
            switch connection.state {
            case .waiting(let until, _) where until <= now.instant: connect(connection)
            case .greeting(_, let since)
            where since + configuration.timeouts.probe <= now.instant
                && isUngreeted(connection):
                distrust(connection, "it does not answer AUTH, HELLO or SELECT")
            default: break
            }
        }
        if let due = nextScan, due <= now.instant { giveUpLateRequests() }
        if !subscriptionsToRetry.isEmpty { retrySubscriptions() }
        if !lateAnswers.isEmpty { giveLateAnswers() }
        askAboutStrangers()
        lookAfterOperators()
        noteSilence()
        admitReturned()
        watchServers()
        lookAfterWatermarks()
        lookAfterTokens()
        lookAfterAcknowledgements()
        if !readsToRetry.isEmpty { retryReads() }
        if let due = held.due, due <= now.instant { tryHeldWrites() }
        retryToRemember()
        lookAfterSwitchover()
        lookAfterResync()
        lookAfterMaster()
        scheduleWake()
        resumeClients()
    }

    package func hear(_ news: News, at now: Moment) {
        self.now = now
        noteBoard()
        switch news {
        case .connected(let link, let id): welcome(link, as: id)
        case .refused(let link, let reason):
            if let connection = links[Int(link.number)] { refuse(connection, reason: reason) }
        case .moved(let link):
            if let connection = links[Int(link.number)] { follow(connection) }
        case .signal(.terminate), .signal(.interrupt):
            pending.log(.notice, "Told to end by a signal, exiting")
            pending.wishes.append(.exit(0))
        case .message(let message, let sender): take(message, from: sender)
        case .hungUp(let id):
            if let client = clients[id] { hangUp(client) }
        case .signal(.hangup):
            pending.log(
                .notice, "The configuration is read at the start only: restart to change it")
        case .synced(ProxyCore.stateFile, _): noteWritten()
        case .failed(ProxyCore.stateFile, let reason): noteUnwritten(reason)
        case .signal, .appended, .synced, .failed:
            break
        }
        resumeClients()
    }

    // MARK: Output

    /// Writes a reply of the proxy's own where the client will read it in the order of its requests.
    func reply(to client: ClientSession, _ write: (inout OutputQueue) -> Void) {
        counters.requestsAnsweredHere += 1
        if client.isSilent || client.isCutShort { return }
        write(&heldReply)
        countError(in: &heldReply)
        if client.owed == 0, client.held.isEmpty {
            while !heldReply.isEmpty {
                heldReply.drain { pieces in
                    for index in 0..<pieces.count { client.replies.append(pieces[index]) }
                    return pieces.total
                }
            }
            return list(client)
        }
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

    /// Counts a reply of the proxy's own that is an error.
    private func countError(in reply: inout OutputQueue) {
        reply.drain { pieces in
            if pieces.total > 0, pieces[0][0] == ReplyKind.error.rawValue {
                counters.errors.count(pieces[0])
            }
            return 0
        }
    }

    func list(_ client: ClientSession) {
        guard !client.isListed, !client.output.isEmpty else { return }
        client.isListed = true
        pending.output.append(client.id)
    }

    func list(_ connection: BackendConnection) {
        guard !connection.isListed, connection.hasOutput, let id = connection.id else { return }
        connection.isListed = true
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
        forgetWithheld(of: client)
        if client.pause == .master { held.remove(client.id) }
        if client.pause == .turn { masterQueue.remove(client.id) }
        if client.isWaiting {
            for connection in links { connection?.waiting.removeAll { $0 == client.id } }
        }
        if !client.isBeingRead { reader.recycle(client.unfinished) }
        client.unfinished = nil
        client.state = .closing
        endStall(on: client)
        if client.extras != nil { releasePrivate(of: client) }
        if client.owed > 0, let link = client.link, let connection = links[Int(link.number)] {
            leaveIfUnwanted(connection)
        }
    }

    /// Lists what is to be written, and closes the client if it is done.
    func settle(_ client: ClientSession) {
        list(client)
        if client.isDone, !client.isBeingRead { drop(client) }
    }
}
