// This worker's part of the proxy's status.

import RESP

extension ProxyCore {
    /// Everything that this worker knows. O(clients).
    func status() -> ProxyStatus {
        var status = ProxyStatus(
            now: now.wall, startedAt: operators.startedAt.wall,
            uptime: now.instant - operators.startedAt.instant,
            consistency: configuration.reads.consistency.rawValue)
        status.levels = configuration.ownLevels
        status.needsFences = isFencing
        status.foreignWrites = foreignWritesStatus
        status.readsNeedReplica = configuration.reads.includeMaster == .never
        status.process = operators.process
        operators.usage.fill(&status.process)
        status.clients = clientsStatus()
        status.backends = servers.filter { !$0.isGone }.map { self.status(of: $0) }
        status.counters = counters
        status.heldMemory = heldMemory()
        status.outstanding = servers.reduce(0) { $0 + max(0, $1.outstanding) }
        status.withheld = acknowledgements.replies
        status.slowLog = Array(operators.slowLog.entries.prefix(SlowLog.longestReply))
        status.events = operators.events.newest(EventLog.shown)
        status.findings = audit.findings
        return status
    }

    /// Nil as long as nothing could be compared.
    private var foreignWritesStatus: ProxyStatus.ForeignWrites? {
        let writes = operators.foreignWrites
        guard worker == 0, writes.isCounting else { return nil }
        let ago = operators.foreignWritesSeenAt.map { now.instant - $0 }
        return .init(
            found: writes.foreign, counted: writes.all,
            secondsAgo: ago.map { Int($0.components.seconds) })
    }

    private func clientsStatus() -> ProxyStatus.Clients {
        var sum = ProxyStatus.Clients()
        sum.maximum = configuration.maximumClients
        var names: [Set<[UInt8]>] = [[], [], []]
        for client in clients.all {
            sum.connected += 1
            if isBlocked(client) { sum.blocked += 1 }
            if client.pause != nil { sum.paused += 1 }
            sum.largestInput = max(sum.largestInput, client.unfinished?.bytes.count ?? 0)
            sum.largestOutput = max(sum.largestOutput, client.unread)
            guard let extras = client.extras else { continue }
            if extras.pin != nil || extras.subscription?.link != nil { sum.pinned += 1 }
            if extras.tracking != nil { sum.tracking += 1 }
            if let subscription = extras.subscription, !subscription.isEmpty {
                sum.subscribed += 1
                for kind in SubscriptionKind.allCases {
                    names[kind.rawValue].formUnion(subscription.names[kind.rawValue])
                }
                if subscription.hearsEvents {
                    names[0].insert(Array(OwnChannels.events.description.utf8))
                }
            }
        }
        (sum.channels, sum.patterns, sum.shardChannels) =
            (names[0].count, names[1].count, names[2].count)
        return sum
    }

    /// Blocks of output, and what is kept of requests.
    private func heldMemory() -> Int {
        clients.all.reduce(pool.inUse) { sum, client in
            sum + (client.unfinished?.bytes.count ?? 0) + Int(client.heldBytes)
                + (client.extras?.transaction?.bytes.count ?? 0)
        }
    }

    func status(of server: BackendServer) -> BackendStatus {
        let health = server.health
        let ago = now.instant - health.since
        var status = BackendStatus(
            address: "\(server.endpoint)", role: server.role == .master ? .master : .replica,
            state: health.state.shown, reason: health.reason,
            since: WallTime(microseconds: now.wall.microseconds - ago.nanoseconds / 1_000))
        status.zone = server.place.zone ?? ""
        status.weight = server.weight
        status.tags = server.place.tags
        status.runID = server.runID.map { String(decoding: $0, as: UTF8.self) }
        for case let lane? in server.lanes {
            status.sharedConnections += lane.readers.count(where: \.isReady)
            status.sharedConnections += lane.writers.count(where: \.isReady)
        }
        status.privateConnections = server.privateCount
        status.outstanding = max(0, server.outstanding)
        status.latency = server.latency > 0 ? Int(server.latency / 1_000) : nil
        status.requests = server.counters.requests
        status.replies = server.counters.replies
        status.errors = server.counters.errors
        status.retriesAway = server.counters.retriedAway
        status.ejections = server.circuit.openings
        status.readShare =
            server.rampUp.share(at: now.instant, over: configuration.reads.rampUp) * 100
            / RampUp.full
        guard let report = health.report else { return status }
        status.replicationID = report.replicationID
        status.offset = report.offset
        if server.role == .replica {
            status.lag = server.lag?.bytes
            status.lagMilliseconds = server.lag?.milliseconds
            status.isLinkUp = report.isLinkUp
            status.secondsSinceMaster = report.secondsSinceMaster
            status.priority = report.priority
        }
        return status
    }

    // MARK: The slow log

    /// Notes a run of requests that took long, before what was sent is forgotten. The arguments are those of the
    /// first; a connection that keeps nothing of what it has sent leaves none to show.
    @inline(never)
    func noteSlow(_ ticket: Ticket, on connection: BackendConnection) {
        guard ticket.kind == .read || ticket.kind == .write, let client = clients[ticket.client]
        else { return }
        let atBackend = now.instant - ticket.since
        let server = servers[connection.server]
        let occasion = SlowLog.Occasion(
            time: now.wall, total: atBackend + .microseconds(Int(ticket.waited)),
            atBackend: atBackend, requests: Int(ticket.done + ticket.replies), client: client.peer,
            clientName: client.extras?.name ?? [], backend: "\(server.endpoint)")
        var wire = ByteBuffer()
        if connection.output.retains {
            let end = min(ticket.start + ProxyCore.slowBytes, connection.output.end)
            connection.output.copy(from: ticket.start, to: end, into: &wire)
        }
        operators.slowLog.record(wire: wire.bytes, occasion)
    }

    /// Bytes of a slow request that are looked at: 32 arguments of 128 bytes, which are all that is kept.
    private static let slowBytes = 6 * 1024

    /// Microseconds that the request at hand has waited before it could be sent.
    func waited(_ client: ClientSession) -> UInt32 {
        guard let putOffAt = client.putOffAt else { return 0 }
        return UInt32(clamping: (now.instant.nanoseconds - putOffAt.nanoseconds) / 1_000)
    }

    /// Requests have been answered that they took too long.
    func noteTimeOut(_ ticket: Ticket, on connection: BackendConnection) {
        for _ in 0..<ticket.replies { counters.errors.count(code: "TIMEOUT") }
        noteSlow(ticket, on: connection)
    }

    // MARK: Counting

    /// Counts what is sent to a server; what is sent again counts again.
    func countSent(_ requests: Int, to server: BackendServer) {
        if server.role == .master {
            counters.requestsToMaster += requests
        } else {
            counters.requestsToReplicas += requests
        }
    }

    /// Counts a request that was carried out.
    func count(_ disposition: Disposition) {
        switch disposition {
        case .read, .tagged, .scan: counters.reads += 1
        case .write: counters.writes += 1
        // Only who has looked at the script knows.
        case .script: break
        default: counters.others += 1
        }
    }

    /// Counts a read that was sent, and why the master got it.
    func countRead(on connection: BackendConnection, of client: ClientSession) {
        if connection.server != master.index {
            counters.readsOnReplicas += 1
        } else if servers.count == 1 {
            counters.readsOnMasterWithoutReplica += 1
        } else if client.writes > 0 {
            counters.readsOnMasterBehindOwnWrite += 1
        } else if client.extras?.pin != nil || configuration.reads.includeMaster == .always {
            counters.readsOnMasterByPolicy += 1
        } else {
            counters.readsOnMasterAsFallback += 1
        }
    }
}

extension BackendState {
    /// As documents and replies name it.
    var shown: BackendStatus.State {
        switch self {
        case .connecting: .connecting
        case .loading: .loading
        case .syncing: .syncing
        case .staleLink: .staleLink
        case .lagging: .lagging
        case .draining: .draining
        case .healthy: .healthy
        case .ejected: .ejected
        case .down: .down
        }
    }
}

extension ProxyConfiguration {
    /// The levels that listeners and users have for themselves.
    fileprivate var ownLevels: [ProxyStatus.Level] {
        let listeners = listen.map { ("listener", "\($0.endpoint)", $0.consistency) }
        let users = users.map { ("user", $0.name, $0.consistency) }
        return (listeners + users).compactMap { kind, name, level in
            level.map { .init(kind: kind, name: name, consistency: $0.rawValue) }
        }
    }
}
