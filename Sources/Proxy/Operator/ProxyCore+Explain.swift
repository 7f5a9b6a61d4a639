// PROXY EXPLAIN: the decision about a command, made as for a request of the same client, and nothing done.

import RESP

extension ProxyCore {
    func explain(_ request: Request, for client: ClientSession) -> Explanation {
        let command = table.find(request)
        let disposition = classifier.disposition(of: request, command)
        let name =
            command.map { table[$0].name.description }
            ?? CommandRefusal.quoted(request[0]).lowercased()
        var explanation = Explanation(
            command: name, commandClass: disposition.word.description,
            keys: keys(of: request, command),
            consistency: client.consistency.rawValue, choice: nil, reason: "")
        if let pin = client.extras?.pin, ProxyCore.kind(of: disposition, command, on: pin) != nil {
            explainMaster(ProxyCore.onItsOwn, &explanation)
            return explanation
        }
        switch disposition {
        case .read(let form) where isForMaster(form, of: client):
            explainMaster("its user may have no right to the form for replicas", &explanation)
        case .read: explainRead(for: client, &explanation)
        case .scan(let cursor):
            explainScan(request, cursor: cursor, for: client, &explanation)
        case .script(let call) where readsOnly(request, call):
            explainRead(for: client, &explanation)
        case .tagged(let tag): explainTagged(classifier.tags[tag], for: client, &explanation)
        case .write: explainMaster("it may change data", &explanation)
        case .ask: explainMaster("the master answers for all servers", &explanation)
        case .unknown:
            explainMaster(
                "nobody knows what it does, so on a connection that is closed afterwards",
                &explanation)
        case .script: explainMaster("a script may change data", &explanation)
        case .scriptAdmin:
            explainMaster("scripts must be known wherever they may run", &explanation)
        case .subscription:
            explainOnly(
                serverToListenTo(0) ?? master, ProxyCore.onItsOwn,
                others: "one server is listened to", &explanation)
        case .blocking, .waiting, .pinning: explainMaster(ProxyCore.onItsOwn, &explanation)
        case .transaction:
            explanation.choice = "proxy"
            explanation.reason =
                "what is queued goes out at EXEC: to the master, or as a read if it only reads"
        case .session, .local, .own:
            explanation.choice = "proxy"
            explanation.reason = "the proxy answers it itself"
        case .refuse(let refusal): explanation.reason = refusal.reason.description
        case .close: explanation.reason = "it is HTTP: the client is closed without an answer"
        }
        return explanation
    }

    private static let onItsOwn = "on a connection of the client's own"

    private func keys(of request: Request, _ command: CommandID?) -> [[UInt8]] {
        guard let command else { return [] }
        var found = FoundKeys()
        // Arguments that do not fit name no keys; the server will say what is wrong with them.
        try? table.findKeys(of: request, command: command, into: &found)
        return found.positions.map { [UInt8](copying: request[$0.index]) }
    }

    private func explainMaster(_ reason: String, _ explanation: inout Explanation) {
        explainOnly(master, reason, others: "only the master takes it", &explanation)
        if !master.health.isHealthy {
            explanation.reason += "; but the master is \(master.health.state.word)"
        }
    }

    /// There is no choice.
    private func explainOnly(
        _ chosen: BackendServer, _ reason: String, others: String,
        _ explanation: inout Explanation
    ) {
        explanation.candidates = servers.filter { !$0.isGone }.map { server in
            candidate(
                server, qualifies: server === chosen, server === chosen ? reason : others)
        }
        explanation.choice = "\(chosen.endpoint)"
        explanation.reason = reason
    }

    private func explainRead(
        for client: ClientSession, _ explanation: inout Explanation
    ) {
        if client.extras?.pin != nil {
            return explainMaster(ProxyCore.onItsOwn, &explanation)
        }
        if client.owed > 0, let current = connectionInUse(by: client) {
            return explainOnly(
                servers[current.server],
                "behind this connection's own unanswered \(client.writes > 0 ? "writes" : "reads")",
                others: "what this connection waits for comes from another server", &explanation)
        }
        explanation.candidates = servers.filter { !$0.isGone }.map { server in
            let qualifies = readable.contains(server.index)
            return candidate(server, qualifies: qualifies, readReason(server, qualifies))
        }
        // The dice are thrown on a copy: the next request finds them as they were.
        let (saved, savedChance) = (router, chance)
        let server = pickReadable()
        (router, chance) = (saved, savedChance)
        guard let server else {
            explanation.reason = "no replica is healthy, and include_master is never"
            return
        }
        explanation.choice = "\(server.endpoint)"
        explanation.reason =
            readable.count == 1
            ? "the only one that may be read"
            : "\(configuration.reads.balance.rawValue) of \(readable.count) that may be read"
    }

    /// A walk begins as a read does, and goes on where it began.
    private func explainScan(
        _ request: Request, cursor place: Int, for client: ClientSession,
        _ explanation: inout Explanation
    ) {
        let mistake = "the master says what is wrong with it"
        guard place < request.count else { return explainMaster(mistake, &explanation) }
        switch ClientCursor(request[place]) {
        case .start: return explainRead(for: client, &explanation)
        case .goesOn(let tag, _):
            if let server = owner(of: tag) {
                return explainOnly(
                    server, "it gave the cursor", others: "another server gave the cursor",
                    &explanation)
            }
        case .invalid where ClientCursor.number(request[place]) == nil:
            return explainMaster(mistake, &explanation)
        case .invalid: break
        }
        explanation.reason = "no server that is known gave this cursor"
    }

    private func explainTagged(
        _ tag: String, for client: ClientSession, _ explanation: inout Explanation
    ) {
        guard let server = serverSetAside(for: tag, of: client) else {
            return explainMaster("no replica with the tag \(tag) can take it", &explanation)
        }
        explanation.candidates = servers.filter { !$0.isGone }.map { one in
            candidate(
                one, qualifies: one.place.tags.contains(tag) && one.health.isHealthy,
                one.place.tags.contains(tag) ? "has the tag \(tag)" : "has no tag \(tag)")
        }
        explanation.choice = "\(server.endpoint)"
        explanation.reason = "commands of the configuration sends it to the tag \(tag)"
    }

    private func readReason(_ server: BackendServer, _ qualifies: Bool) -> String {
        let health = server.health
        if !health.isHealthy {
            let state = "\(health.state.word)" + (health.reason.isEmpty ? "" : ": \(health.reason)")
            return qualifies ? "\(state), but there is nobody else" : state
        }
        if qualifies {
            return server.role == .master && configuration.reads.includeMaster == .fallback
                ? "healthy, and no replica is" : "healthy"
        }
        if server.role == .master {
            return "include_master is \(configuration.reads.includeMaster.rawValue)"
        }
        return "healthy, but in another zone"
    }

    private func candidate(
        _ server: BackendServer, qualifies: Bool, _ reason: String
    ) -> Explanation.Candidate {
        .init(
            address: "\(server.endpoint)", role: server.role == .master ? .master : .replica,
            qualifies: qualifies, reason: reason)
    }
}
