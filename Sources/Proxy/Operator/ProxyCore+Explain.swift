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
            consistency: configuration.reads.consistency.rawValue, choice: nil, reason: "")
        switch disposition {
        case .read, .scan: explainRead(disposition, for: client, &explanation)
        case .script(let call) where call.readsOnly:
            explainRead(disposition, for: client, &explanation)
        case .tagged(let tag): explainTagged(classifier.tags[tag], for: client, &explanation)
        case .write: explainMaster("it may change data", &explanation)
        case .ask: explainMaster("the master answers for all servers", &explanation)
        case .script: explainMaster("a script may change data", &explanation)
        case .scriptAdmin:
            explainMaster("scripts must be known wherever they may run", &explanation)
        case .unknown:
            explainMaster(
                "nobody knows what it does, so on a connection that is closed afterwards",
                &explanation)
        case .blocking, .waiting, .pinning, .subscription:
            explainMaster("on a connection of the client's own", &explanation)
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

    private func keys(of request: Request, _ command: CommandID?) -> [[UInt8]] {
        guard let command else { return [] }
        var found = FoundKeys()
        // Arguments that do not fit name no keys; the server will say what is wrong with them.
        try? table.findKeys(of: request, command: command, into: &found)
        return found.positions.map { [UInt8](copying: request[$0.index]) }
    }

    private func explainMaster(_ reason: String, _ explanation: inout Explanation) {
        explanation.candidates = servers.map { server in
            candidate(
                server, qualifies: server.role == .master,
                server.role == .master ? reason : "only the master takes it")
        }
        explanation.choice = "\(master.endpoint)"
        explanation.reason = reason
        if !master.health.isHealthy {
            explanation.reason += "; but the master is \(master.health.state.word)"
        }
    }

    private func explainRead(
        _ disposition: Disposition, for client: ClientSession, _ explanation: inout Explanation
    ) {
        if client.writes > 0 {
            return explainMaster("behind this connection's own unanswered writes", &explanation)
        }
        explanation.candidates = servers.map { server in
            let qualifies = readable.contains(server.index)
            return candidate(server, qualifies: qualifies, readReason(server, qualifies))
        }
        guard !readable.isEmpty else {
            explanation.reason = "no replica is healthy, and include_master is never"
            return
        }
        switch disposition {
        case .scan: explanation.reason = "a cursor goes back to the server that gave it; "
        default: break
        }
        // The dice are thrown on a copy: the next request finds them as they were.
        let (saved, savedChance) = (router, chance)
        let server = pickReadable() ?? master
        (router, chance) = (saved, savedChance)
        explanation.choice = "\(server.endpoint)"
        explanation.reason +=
            readable.count == 1
            ? "the only one that may be read"
            : "\(configuration.reads.balance.rawValue) of \(readable.count) that may be read"
    }

    private func explainTagged(
        _ tag: String, for client: ClientSession, _ explanation: inout Explanation
    ) {
        guard let server = serverSetAside(for: tag), client.writes == 0 else {
            return explainMaster("no replica with the tag \(tag) can take it", &explanation)
        }
        explanation.candidates = servers.map { one in
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
