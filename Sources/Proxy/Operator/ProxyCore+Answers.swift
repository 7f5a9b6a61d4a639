// What the proxy answers about itself.

import RESP

extension ProxyCore {
    /// Commands that servers have too.
    func answerLocally(
        _ request: Request, _ command: CommandID, of client: ClientSession
    ) -> ClientSession.Pause? {
        let row = table[command]
        if row.isContainer, request.count > 1 {
            refuseSubcommand(request, of: client)
            return nil
        }
        guard hasRightArity(request, command, of: client) else { return nil }
        switch row.parent ?? command {
        case .info: return inquire(.info(InfoSelection(request)), of: client)
        case .role: reply(to: client) { ProxyReplies.role(to: &$0) }
        case .cluster: reply(to: client) { ProbeReplies.cluster(to: &$0) }
        case .slowlog:
            guard mayOperate(client, "slowlog") else { return nil }
            return orRefuse(client) { () throws(CommandRefusal) in
                answer(try SlowLogRequest(request, at: 1), isProxy: false, of: client)
            }
        default: preconditionFailure("\(command) is not the proxy's to answer")
        }
        return nil
    }

    /// Commands that no server has.
    func answerOwn(
        _ request: Request, _ command: OwnCommand, of client: ClientSession
    ) -> ClientSession.Pause? {
        orRefuse(client) { () throws(CommandRefusal) in
            switch command {
            case .proxy: return answer(try ProxyCommand(request), request, of: client)
            case .sentinel:
                var refusal: CommandRefusal?
                let local = client.local
                reply(to: client) {
                    do throws(CommandRefusal) {
                        try ProbeReplies.sentinel(request, at: local, to: &$0)
                    } catch {
                        refusal = error
                        $0.append(error)
                    }
                }
                if refusal != nil { counters.refusedCommands += 1 }
                return nil
            }
        }
    }

    /// Where the servers know who may do what, what shows or stops other clients is their default user's and the
    /// proxy's own user's: the rights of any other user the proxy does not know.
    func mayOperate(_ client: ClientSession, _ name: StaticString) -> Bool {
        guard configuration.authentication == .backend else { return true }
        let user = client.extras?.user.map { String(decoding: $0, as: UTF8.self) } ?? "default"
        if user == "default" || user == configuration.backends.username { return true }
        reply(to: client) {
            $0.append("-NOPERM this user has no permissions to run the '")
            $0.append(name)
            $0.append("' command\r\n")
        }
        return false
    }

    /// Carries something out, or tells the client why not.
    func orRefuse(
        _ client: ClientSession, _ body: () throws(CommandRefusal) -> ClientSession.Pause?
    ) -> ClientSession.Pause? {
        do throws(CommandRefusal) {
            return try body()
        } catch {
            reply(to: client) { $0.append(error) }
            return nil
        }
    }

    private func answer(
        _ command: ProxyCommand, _ request: Request, of client: ClientSession
    ) -> ClientSession.Pause? {
        let version = client.version
        switch command {
        case .help, .explain, .consistency, .token, .after: break
        default: guard mayOperate(client, "proxy") else { return nil }
        }
        switch command {
        case .help: reply(to: client) { ProxyReplies.help(HelpText.proxy, to: &$0) }
        case .status: return inquire(.summary, of: client)
        case .backends: return inquire(.backends, of: client)
        case .audit:
            guard configuration.audit.interval > .zero else {
                reply(to: client) {
                    $0.appendError(text: "ERR the audit is off: audit.interval is 0")
                }
                return nil
            }
            return inquire(.audit, of: client)
        case .clients: return inquire(.proxyClients, of: client)
        case .events(let count): return inquire(.events(count: count), of: client)
        case .statistics(resets: false): return inquire(.statistics, of: client)
        case .statistics(resets: true): return inquire(.resetCounters, of: client)
        case .failover(let request): return answerFailover(request, of: client)
        case .resync(let replica): return answerResync(of: replica, client)
        case .slowLog(let request): return answer(request, isProxy: true, of: client)
        case .consistency(let level): return answerConsistency(level, of: client)
        case .token: return waitForPosition(.token, of: client)
        case .after(let token): return honour(token, for: client)
        case .explain(let start):
            let explanation = explain(request.nested(from: start), for: client)
            reply(to: client) { ProxyReplies.explanation(explanation, to: &$0, for: version) }
        case .configuration(let pattern):
            let values = configuration.settings.map { (key: $0.path, value: $0.value) }
            reply(to: client) {
                ProxyReplies.configuration(values, matching: pattern, to: &$0, for: version)
            }
        }
        return nil
    }

    private func answer(
        _ request: SlowLogRequest, isProxy: Bool, of client: ClientSession
    ) -> ClientSession.Pause? {
        switch request {
        case .help: reply(to: client) { ProxyReplies.help(HelpText.slowLog, to: &$0) }
        case .get(let count): return inquire(.slowLog(count: count, isProxy: isProxy), of: client)
        case .length: return inquire(.slowLogLength, of: client)
        case .reset: return inquire(.resetSlowLog, of: client)
        }
        return nil
    }

    /// The level of this connection, or another one from now on.
    private func answerConsistency(
        _ name: String?, of client: ClientSession
    ) -> ClientSession.Pause? {
        guard let name else {
            reply(to: client) {
                ProxyReplies.consistency(client.consistency.rawValue, to: &$0)
            }
            return nil
        }
        let level = Consistency(rawValue: name.lowercased())
        guard let level, serves(level) else {
            refuseLevel(name, of: client)
            return nil
        }
        // What was asked at the old level may still have to be asked elsewhere.
        if level != client.consistency, client.owed > 0 { return .drained }
        change(client, to: level)
        reply(to: client) { ProxyReplies.consistency("OK", to: &$0) }
        return nil
    }

    func serves(_ level: Consistency) -> Bool {
        if level == .master { return configuration.reads.includeMaster != .never }
        // Without replicas there is nothing that could be stale.
        return isFencing || !mayHaveReplicas || !level.needsFences
    }

    func refuseLevel(_ name: String, of client: ClientSession) {
        let served = Consistency.allCases.filter(serves).map(\.rawValue)
        reply(to: client) { ProxyReplies.refuseConsistency(name, served: served, to: &$0) }
    }

    /// A session begins with what there is now: it may have seen that.
    func change(_ client: ClientSession, to level: Consistency) {
        guard level != client.consistency else { return }
        client.consistency = level
        client.place = nil
        client.position = level == .session ? freshness.next : .none
        if level == .session { wantWatermark() }
    }
}
