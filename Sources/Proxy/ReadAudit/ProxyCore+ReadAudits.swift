// The audit of reads: a few that replicas answer are asked of the master as well, and the replies compared. Clients
// notice nothing; what is found is counted (AuditCounts).
//
//     a read goes to a replica ── its key's fence is noted
//     its reply passes to the client, and is digested ── then the master is asked the same, by the proxy
//     the master's reply is digested ── the fence is as it was? ─┬─ no ──▶ undecided: a write came in between
//                                                                └─ yes ─▶ the same, or stale, or PTTL decides

import RESP

extension ProxyCore {
    // MARK: Taking a sample

    /// Sends a read to a replica as the next sample; false when it is to be sent like any other.
    @inline(never)
    func sendAsSample(
        _ request: Request, on connection: BackendConnection, for client: ClientSession
    ) -> Bool {
        if let running = audits.running {
            // Its connection was lost, or the master does not answer.
            guard running.since + ProxyCore.patienceOfAudits <= now.instant else {
                audits.lookAgainSoon(at: now.instant)
                return false
            }
            endAudit(.undecided)
        }
        guard let audit = sample(request, on: connection, for: client) else {
            audits.lookAgainSoon(at: now.instant)
            return false
        }
        audits.takeNext(after: now.instant)
        audits.running = audit
        connection.write(request, as: nil)
        noteSent(client, .read, on: connection)
        leaveTicket(
            Ticket(
                client: client.id, kind: .read, delivery: .audited, attempts: 0, replies: 1,
                start: audit.start, since: now.instant, waited: waited(client)), on: connection)
        return true
    }

    private static let patienceOfAudits = Duration.seconds(10)

    /// What is to be known of a read before it leaves; nil when it cannot be compared, or the master has better things
    /// to do.
    private func sample(
        _ request: Request, on connection: BackendConnection, for client: ClientSession
    ) -> RunningAudit? {
        guard let name = client.command, let command = AuditedCommand(name), !client.isSilent,
            request.bytes.count <= ReadAudits.longestRequest, connection.output.retains,
            case .key(let place) = table.read(
                by: request, name, scripts: configuration.scripts, into: &foundKeys),
            let master = masterForAudit(of: client), let id = master.id
        else { return nil }
        let slot = FenceTable.slot(of: request[place])
        guard case .behind(let fence) = freshness.fences.fence(of: slot) else { return nil }
        // A write from now on must stand behind another number, or its fence would look the same.
        if fence > freshness.last { _ = freshness.give() }
        return RunningAudit(
            number: audits.nextNumber(), level: client.consistency, command: command, name: name,
            key: [UInt8](copying: request[place]), slot: slot, fence: fence, since: now.instant,
            server: connection.server,
            link: connection.link, start: connection.output.end, master: (master.link, id))
    }

    /// The connection over which this client would read at the master, if the master has little to do there. It is the
    /// same user's, in the same database.
    private func masterForAudit(of client: ClientSession) -> BackendConnection? {
        let connection = reader(at: master, for: client)
        return mayAsk(connection) ? connection : nil
    }

    private func mayAsk(_ connection: BackendConnection) -> Bool {
        connection.isReady && !connection.hasMoved && connection.use == .reads
            && connection.server == master.index && masterAwaySince == nil && !isStandingIn
            && operators.clientPause == nil && connection.stall == nil
            && connection.waiting.isEmpty
            && connection.tickets.replies < ReadAudits.mostWaiting
    }

    // MARK: The replica's reply

    /// Part of the reply to an audited read is about to be passed on.
    func noteAudited(
        _ part: Span<UInt8>, isWhole: Bool, of ticket: Ticket, _ connection: BackendConnection
    ) {
        guard let audit = audits.running, audit.link == connection.link,
            audit.start == ticket.start
        else { return }
        // What nobody is shown breaks no promise.
        guard clients[ticket.client] != nil else { return endAudit(.undecided) }
        audits.running?.replica.add(part)
        if isWhole { askMaster(audit, ticket, on: connection) }
    }

    /// The reply cannot be compared, or the read is done elsewhere.
    func dropAudit(_ ticket: Ticket, on connection: BackendConnection) {
        guard let audit = audits.running, audit.link == connection.link,
            audit.start == ticket.start
        else { return }
        endAudit(.undecided)
    }

    private func askMaster(
        _ audit: RunningAudit, _ ticket: Ticket, on connection: BackendConnection
    ) {
        guard audits.running?.replica.isTooLong == false, isUnwritten(audit),
            let target = links[Int(audit.master.link.number)], target.id == audit.master.id,
            mayAsk(target)
        else { return endAudit(.undecided) }
        var request = ByteBuffer()
        let end = connection.tickets.second?.start ?? connection.output.end
        connection.output.copy(from: ticket.start, to: end, into: &request)
        let start = target.output.end
        target.output.append(request.bytes)
        target.specials.append(.compared(audit.number))
        servers[target.server].outstanding += 1
        leaveTicket(
            Ticket(
                client: Ticket.nobody, kind: .errand, delivery: .special, attempts: 0, replies: 1,
                start: start, since: now.instant), on: target)
    }

    // MARK: The master's reply

    func noteCompared(_ part: Span<UInt8>, in audit: Int) {
        guard audits.running?.number == audit else { return }
        audits.running?.answer.add(part)
    }

    /// The master has answered all of it.
    func compare(_ number: Int, isError: Bool, on connection: BackendConnection) {
        guard let audit = audits.running, audit.number == number else { return }
        guard !isError, isUnwritten(audit), connection.server == master.index else {
            return endAudit(.undecided)
        }
        let verdict = AuditVerdict(audit.command, replica: audit.replica, master: audit.answer)
        guard verdict == .dependsOnExpiry else { return endAudit(verdict) }
        let errand = beginErrand(.expiry(audit: number), parts: 1)
        ask([Array("PTTL".utf8), audit.key], part: 0, of: errand, on: connection)
    }

    /// The master has said how long it keeps the key, or nothing.
    func learnExpiry(_ answer: [UInt8]?, of number: Int) {
        guard let audit = audits.running, audit.number == number else { return }
        guard isUnwritten(audit), let answer, answer.count > 3, answer[0] == UInt8(ascii: ":")
        else { return endAudit(.undecided) }
        let expiry = Decimal.integer(answer.span.extracting(1..<answer.count - 2))
        endAudit(AuditVerdict(expiry: expiry, master: audit.answer))
    }

    /// No write of the key has been on its way since before the read was sent.
    private func isUnwritten(_ audit: RunningAudit) -> Bool {
        freshness.fences.fence(of: audit.slot) == .behind(audit.fence)
    }

    // MARK: What was found

    private func endAudit(_ verdict: AuditVerdict) {
        guard let audit = audits.running else { return }
        audits.running = nil
        switch verdict {
        case .same: counters.audits[audit.level].compared += 1
        case .undecided, .dependsOnExpiry: counters.audits[audit.level].undecided += 1
        case .stale:
            let age = audits.times.passed(audit.fence).map { max(.zero, audit.since - $0) }
            counters.audits[audit.level].noteStale(age)
            if audit.level == .fresh { alarm(audit, age) }
        }
    }

    /// What level fresh promises was not kept, or somebody writes past this proxy.
    private func alarm(_ audit: RunningAudit, _ age: Duration?) {
        if let last = audits.alarmedAt, now.instant < last + ReadAudits.pace { return }
        audits.alarmedAt = now.instant
        let server = servers[audit.server]
        let age = age.map { " at least \($0.nanoseconds / 1_000_000) ms" } ?? ""
        let name = "\(table[audit.name].name)".uppercased()
        let reason =
            "has answered \(name) at level fresh with data that was out of date\(age), "
            + "unless somebody writes past this proxy"
        tell(.staleRead, of: server, .warning, reason)
        if worker != 0 {
            pending.wishes.append(
                .send(WorkerMessage.staleRead(of: server.endpoint, reason), to: 0))
        }
    }
}
