// Questions to all workers. Each answers for its own clients and connections; who was asked puts it together.
//
//     client ─▶ inquire ─┬─ this worker: at once
//                        ├─ other workers: a message there, a message back ─┐
//                        └─ the master: INFO keyspace ──────────────────────┤
//     client ◀─ conclude ◀── when all are there, or the time is up ◀────────┘

import RESP

extension ProxyCore {
    /// Asks all workers on behalf of a client. A worker that is alone answers before this returns.
    func inquire(_ inquiry: Inquiry, of client: ClientSession) -> ClientSession.Pause? {
        let errand = begin(inquiry, for: client.id)
        if errand.left > 0 { pause(client, .answer) }
        return nil
    }

    /// Begins an inquiry; parts are the workers by number, and the master behind them.
    @discardableResult
    func begin(_ inquiry: Inquiry, for asker: ConnectionID) -> Errand {
        let workers = workers
        var parts = workers
        let control = inquiry.needsKeyspace ? readyControl(of: master) : nil
        if control != nil { parts += 1 }
        let errand = beginErrand(.inquiry(inquiry), for: asker, parts: parts)
        errand.reports = Array(repeating: nil, count: workers)
        if parts > 1 {
            let due = now.instant + Inquiry.patience
            errand.due = due
            operators.inquiries.append(errand.number)
            wake(at: due)
        }
        for worker in 0..<workers where worker != self.worker {
            let step = ErrandStep(errand: errand.number, part: worker)
            pending.wishes.append(.send(WorkerMessage.ask(inquiry.question, for: step), to: worker))
        }
        if let control {
            let words = [Array("INFO".utf8), Array("keyspace".utf8)]
            ask(words, part: workers, of: errand, on: control)
        }
        errand.reports[self.worker] = answer(inquiry.question)
        finish(errand)
        return errand
    }

    private func readyControl(of server: BackendServer) -> BackendConnection? {
        server.control.flatMap { $0.isReady ? $0 : nil }
    }

    /// Another worker has said something.
    func hear(_ message: WorkerMessage, from worker: Int) {
        switch message {
        case .ask(let question, let step):
            let answer = answer(question)
            pending.wishes.append(.send(WorkerMessage.answer(answer, for: step), to: worker))
        case .answer(let answer, let step):
            precondition(step.part == worker, "worker \(worker) answers for another")
            guard let errand = errands[step.errand] else { return }
            errand.reports[worker] = answer
            finish(errand)
        case .event(let event): deliver(event)
        case .staleRead(let endpoint, let reason): recordStaleRead(of: endpoint, reason)
        }
    }

    /// This worker's own part.
    private func answer(_ question: WorkerQuestion) -> WorkerAnswer {
        switch question {
        case .status: return .status(status())
        case .clients: return .clients(clients.all.map { describe($0) })
        case .events: return .events(operators.events.newest(.max))
        case .slowLog: return .slowLog(operators.slowLog.entries)
        case .kill(let filter, let caller): return .count(kill(filter, caller: caller))
        case .unblock(let unblock): return .count(self.unblock(unblock) ? 1 : 0)
        case .pause(let pause): begin(pause)
        case .unpause: endClientPause()
        case .resetCounters: counters = ProxyCounters()
        case .resetSlowLog: operators.slowLog.reset()
        }
        return .count(0)
    }

    /// What is to be done at certain times.
    func lookAfterOperators() {
        if !operators.inquiries.isEmpty { giveUpInquiries() }
        if let pause = operators.clientPause, pause.until <= now.instant { endClientPause() }
        if operators.health.count > 0 { closeLateHealth() }
    }

    /// Answers for those who have not answered in time.
    private func giveUpInquiries() {
        operators.inquiries.removeAll { errands[$0] == nil }
        while let number = operators.inquiries.first, let errand = errands[number],
            let due = errand.due, due <= now.instant
        {
            operators.inquiries.removeFirst()
            errands[number] = nil
            conclude(errand)
        }
    }

    /// When the operators' side is next to be looked after.
    func wakeForOperators() {
        if let first = operators.inquiries.first, let due = errands[first]?.due { wake(at: due) }
        if let clientPause = operators.clientPause { wake(at: clientPause.until) }
        for session in operators.health.all { wake(at: session.due) }
    }

    // MARK: Putting together

    /// All answers are there, or no more are waited for.
    func conclude(_ errand: Errand) {
        guard case .inquiry(let inquiry) = errand.purpose else {
            preconditionFailure("errand \(errand.number) asks no worker")
        }
        if case .health = inquiry {
            guard let session = operators.health[errand.client] else { return }
            return concludeHealth(errand.status, of: session)
        }
        guard let client = clients[errand.client] else { return }
        if let missing = errand.reports.firstIndex(where: { $0 == nil }) {
            reply(to: client) {
                $0.appendError(text: "ERR worker \(missing) of the proxy has not answered in time")
            }
        } else {
            write(inquiry, errand, to: client)
        }
        guard client.pause == .answer else { return }
        if client.extras?.replies == .skipThis { client.extras?.replies = .on }
        answered(client)
    }

    private func write(_ inquiry: Inquiry, _ errand: Errand, to client: ClientSession) {
        let version = client.version
        switch inquiry {
        case .summary, .backends, .audit, .statistics, .info, .health:
            guard let status = errand.status else { preconditionFailure("no worker answered") }
            write(inquiry, status, errand.keyspace, to: client)
        case .proxyClients:
            reply(to: client) { ProxyReplies.clients(errand.clients, to: &$0, for: version) }
        case .clientList(let filter):
            let lines = errand.clients.map(\.line).filter(filter.matches)
            reply(to: client) {
                $0.appendVerbatim(ClientLine.text(of: lines).span, format: "txt", for: version)
            }
        case .events(let count):
            let events = errand.events.prefix(count)
            reply(to: client) { ProxyReplies.events(events, to: &$0, for: version) }
        case .slowLog(let count, let isProxy):
            let entries = SlowLog.newest(
                min(count, configuration.limits.slowlogEntries), of: errand.slowLogs)
            reply(to: client) {
                if isProxy {
                    ProxyReplies.slowLog(entries, to: &$0, for: version)
                } else {
                    $0.append(entries)
                }
            }
        case .slowLogLength:
            let all = errand.slowLogs.reduce(0) { $0 + $1.count }
            reply(to: client) {
                $0.appendInteger(min(all, configuration.limits.slowlogEntries))
            }
        case .kill(let filter, let caller):
            reply(to: client) { filter.reply(closed: errand.total, to: &$0) }
            // Who closes itself reads the answer first.
            if filter.matches(line(of: client), caller: caller) {
                client.state = .closing
                settle(client)
            }
        case .unblock: reply(to: client) { $0.appendInteger(errand.total) }
        case .pause, .unpause, .resetCounters, .resetSlowLog:
            reply(to: client) { $0.appendSimple("OK") }
        }
    }

    private func write(
        _ inquiry: Inquiry, _ status: ProxyStatus, _ keyspace: [UInt8]?, to client: ClientSession
    ) {
        let version = client.version
        reply(to: client) {
            switch inquiry {
            case .summary: ProxyReplies.status(status, to: &$0, for: version)
            case .backends: ProxyReplies.backends(status, to: &$0, for: version)
            case .audit: ProxyReplies.audit(status, to: &$0, for: version)
            case .statistics: ProxyReplies.statistics(status, to: &$0, for: version)
            case .info(let selection):
                InfoText(status, keyspace: keyspace).reply(selection, to: &$0, for: version)
            default: preconditionFailure("\(inquiry) is not about the status")
            }
        }
    }
}

extension Errand {
    /// The parts of all workers added up; nil when one is missing.
    fileprivate var status: ProxyStatus? {
        var sum: ProxyStatus?
        for report in reports {
            guard case .status(let part)? = report else { return nil }
            sum?.merge(part)
            sum = sum ?? part
        }
        return sum
    }

    fileprivate var clients: [ProxyClient] {
        reports.flatMap { report -> [ProxyClient] in
            if case .clients(let clients)? = report { clients } else { [] }
        }
    }

    /// One worker has them all.
    fileprivate var events: [ProxyEvent] {
        reports.flatMap { report -> [ProxyEvent] in
            if case .events(let events)? = report { events } else { [] }
        }
    }

    fileprivate var slowLogs: [[SlowLog.Entry]] {
        reports.map { report in
            if case .slowLog(let entries)? = report { entries } else { [] }
        }
    }

    fileprivate var total: Int {
        reports.reduce(0) { sum, report in
            if case .count(let count)? = report { sum + count } else { sum }
        }
    }

    /// What the master answered, if it was asked.
    fileprivate var keyspace: [UInt8]? {
        answers.count > reports.count ? answers[reports.count] : nil
    }
}
