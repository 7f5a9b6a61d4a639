// Servers that no configuration names: replicas that the master tells of, and replicas of those.
//
// The first worker learns of them and gives them numbers; the others hear of it. A number stays with its server:
// whoever comes back has the one that it had.

import RESP

/// A server that was found, or found to be gone, as the first worker tells the others.
struct FoundServer: CoreMessage {
    let number: Int
    let endpoint: Endpoint
    /// It is gone, and nobody names it any more.
    var isGone = false
}

extension ProxyCore {
    /// How long a server that is down is kept when nobody names it.
    static let memoryOfServers = Duration.seconds(60)
    /// As many are followed at most.
    static let mostServers = 256

    /// A server of ours has named those that follow it.
    func discover(_ report: ServerReport, from server: BackendServer) {
        guard configuration.backends.discover, worker == 0, belongs(server) else { return }
        for announced in report.followers {
            meet(configuration.backends.addresses[announced] ?? announced)
        }
    }

    /// Whether what a server says of its replicas counts: those of a stranger are strangers.
    private func belongs(_ server: BackendServer) -> Bool {
        server.role == .master || server.health.isHealthy
    }

    func meet(_ endpoint: Endpoint) {
        if let known = servers.first(where: { $0.endpoint == endpoint }) {
            known.namedAt = now.instant
            guard known.isGone, known.double == nil else { return }
            tell(FoundServer(number: known.index, endpoint: endpoint))
            return
        }
        guard servers.count < ProxyCore.mostServers else {
            guard !isFull else { return }
            isFull = true
            return pending.log(
                .warning,
                "\(endpoint) and others are not read from: there are \(ProxyCore.mostServers) servers already"
            )
        }
        tell(FoundServer(number: servers.count, endpoint: endpoint))
    }

    /// Lets go of those that are down and that nobody has named for long, and of those that are others by another name.
    func forgetLostServers() {
        guard configuration.backends.discover || sentinels != nil, worker == 0 else { return }
        for server in servers where server.isFound && !server.isGone && server.role == .replica {
            let isLost = server.health.state == .down || server.health.state == .connecting
            let isForgotten =
                server.namedAt + ProxyCore.memoryOfServers <= now.instant
                && !isKnownToSentinels(server)
            server.double =
                servers.first {
                    $0 !== server && !$0.isGone && $0.runID != nil && $0.runID == server.runID
                        && (!$0.isFound || $0.index < server.index)
                }?.index
            guard isLost && isForgotten || server.double != nil else { continue }
            tell(FoundServer(number: server.index, endpoint: server.endpoint, isGone: true))
        }
    }

    private func tell(_ server: FoundServer) {
        take(server)
        for other in 0..<workers where other != worker {
            pending.wishes.append(.send(server, to: other))
        }
    }

    /// What the first worker has found.
    func take(_ found: FoundServer) {
        if found.number == servers.count {
            add(found)
        } else if found.isGone {
            bury(servers[found.number])
        } else if servers[found.number].isGone {
            revive(servers[found.number])
        }
        findReadable()
        noteBoard()
    }

    private func add(_ found: FoundServer) {
        let server = BackendServer(
            index: found.number, endpoint: found.endpoint, role: .replica, place: BackendPlace(),
            weight: 1, since: now.instant)
        server.isFound = true
        servers.append(server)
        begin(server, "was found")
    }

    private func revive(_ server: BackendServer) {
        server.isGone = false
        server.health = BackendHealth(since: now.instant)
        begin(server, "has come back")
    }

    private func begin(_ server: BackendServer, _ what: String) {
        server.namedAt = now.instant
        if worker == 0 {
            freshness.void(server.index)
            tell(.found, of: server, .notice, what)
        }
        openFirstLane(of: server)
        guard configuration.timeouts.probeInterval > .zero else { return }
        connectForFreshness(to: server)
        server.control = makeConnection(to: server, lane: 0, .control)
    }

    private func bury(_ server: BackendServer) {
        guard !server.isGone else { return }
        server.isGone = true
        if worker == 0 {
            freshness.void(server.index)
            let reason =
                server.double.map { "it is \(servers[$0].name) by another name" }
                ?? "nobody names it any more"
            tell(.gone, of: server, .notice, "is followed no longer: \(reason)")
        }
        server.lanes = []
        server.control = nil
        server.watcher = nil
        server.publisher = nil
        server.acknowledger = nil
        server.spares = []
        server.probe = nil
        server.circuit = Circuit()
        server.rampUp = RampUp()
        _ = server.health.become(.down, "nobody names it any more", at: now.instant)
        findReadable()
        for case let connection? in links where connection.server == server.index {
            if connection.use != .alone { connection.use = .retired }
            end(connection, "its server is followed no longer")
        }
        endDoubts(of: server)
    }
}
