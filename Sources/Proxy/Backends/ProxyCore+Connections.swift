// Connections to servers: how they are made, greeted, lost, made anew and let go of.

import RESP

extension ProxyCore {
    func connect(_ connection: BackendConnection) {
        connection.state = .connecting
        pending.wishes.append(.connect(connection.link, servers[connection.server].endpoint))
    }

    /// A wished connection stands.
    func welcome(_ link: LinkID, as id: ConnectionID) {
        guard let connection = links[Int(link.number)] else {
            preconditionFailure("link \(link.number) was connected unasked")
        }
        if case .gone = connection.state {
            pending.wishes.append(.close(id))
            return endUnwanted(connection)
        }
        guard case .connecting = connection.state else {
            preconditionFailure("link \(link.number) was connected twice")
        }
        connections.insert(connection, for: id)
        connection.heardAt = now.instant
        if connection.greeting.isEmpty {
            becomeReady(connection, id)
        } else {
            connection.state = .greeting(id, since: now.instant)
            connection.greeting.write(to: &connection.greetingOutput)
            list(connection)
            wake(at: now.instant + configuration.timeouts.probe)
        }
    }

    private func becomeReady(_ connection: BackendConnection, _ id: ConnectionID) {
        connection.state = .ready(id, since: now.instant, hasMoved: false)
        connection.hasStood = true
        let server = servers[connection.server]
        list(connection)
        switch connection.use {
        case .control: beginControl(connection)
        case .publisher, .watcher: beginFreshness(connection)
        case .acknowledger: wantAcknowledgement()
        case .reads:
            // It may lead to another process than the one that was asked, empty for all that is known.
            if server.control?.isReady != true { server.health.report = nil }
            if !connection.tickets.isEmpty { doubtProcess(of: connection) }
        default: break
        }
        changed(server)
    }

    /// All of the greeting is answered; a connection for writes waits until those of its predecessor cannot run.
    func becomeReadyIfGreeted(_ connection: BackendConnection) {
        guard case .greeting(let id, _) = connection.state,
            connection.greetingStep == connection.greeting.steps.count, !isHeldByDoubt(connection)
        else { return }
        becomeReady(connection, id)
    }

    /// It has not answered all that it was asked at first; one that has may wait for a doubt to end.
    func isUngreeted(_ connection: BackendConnection) -> Bool {
        connection.greetingStep < connection.greeting.steps.count
    }

    /// Reads the answers to the greeting. Returns where they end; nil when more is to come or it was not understood.
    func readGreeting(_ bytes: Span<UInt8>, of connection: BackendConnection) -> Int? {
        var index = 0
        while connection.greetingStep < connection.greeting.steps.count {
            guard index < bytes.count else { return nil }
            let start = index
            do {
                guard case .reply(let end) = try connection.scanner.scan(bytes, from: index) else {
                    connection.gathered.append(bytes.extracting(start..<bytes.count))
                    return nil
                }
                index = end
                connection.gathered.append(bytes.extracting(start..<end))
            } catch {
                distrust(connection, "it sent what is not a reply")
                return nil
            }
            let lesson = connection.greeting.steps[connection.greetingStep].lesson
            if connection.scanner.kind == .error, lesson == .nothing {
                let said = ErrorText.string(connection.gathered.bytes, upTo: 120)
                refuseGreeting(connection, "it answered '\(said)'")
                return nil
            }
            if lesson == .mastery, ReplicaRole(connection.gathered.bytes) != nil {
                note(.readOnly, of: servers[connection.server])
                refuseGreeting(connection, "it is a replica, and should be the master")
                return nil
            }
            learn(lesson, connection.gathered.bytes, of: connection)
            connection.gathered.release()
            connection.greetingStep += 1
        }
        becomeReadyIfGreeted(connection)
        return index
    }

    /// Who does not say it remains unknown: what is known of a process is not used for such a connection.
    private func learn(
        _ lesson: Greeting.Lesson, _ answer: Span<UInt8>, of connection: BackendConnection
    ) {
        switch lesson {
        case .nothing, .mastery: break
        case .process:
            if let runID = ServerReport([[UInt8](copying: answer)])?.runID {
                connection.process = ProcessMark(runID: runID.span)
            }
        case .clientNumber:
            guard answer[0] == UInt8(ascii: ":"), answer.count > 3 else { return }
            connection.clientNumber = Decimal.integer(answer.extracting(1..<answer.count - 2))
        }
    }

    /// The server does not take us as who we say we are, or is not who we take it for.
    private func refuseGreeting(_ connection: BackendConnection, _ reason: String) {
        guard let id = connection.id else { return }
        pending.wishes.append(.close(id))
        connections.remove(id)
        connection.state = .connecting
        refuse(connection, reason: reason)
    }

    /// Closes a connection whose bytes cannot be trusted any more.
    func distrust(_ connection: BackendConnection, _ reason: String) {
        guard let id = connection.id else { return }
        pending.log(
            .warning, "Closing a connection to \(servers[connection.server].name): \(reason)")
        pending.wishes.append(.close(id))
        lose(connection)
    }

    /// The name leads elsewhere: connects anew as soon as no reply is owed on the old connection.
    func follow(_ connection: BackendConnection) {
        guard case .ready(let id, let since, _) = connection.state else { return }
        guard connection.tickets.isEmpty else {
            connection.state = .ready(id, since: since, hasMoved: true)
            return
        }
        pending.log(
            .notice, "\(servers[connection.server].name) has a new address: connecting anew")
        pending.wishes.append(.close(id))
        connections.remove(id)
        guard connection.use != .alone, connection.use != .retired else {
            return abandon(connection)
        }
        beginAnew(connection)
        connection.refusals = 0
        connect(connection)
    }

    private func beginAnew(_ connection: BackendConnection) {
        if connection.stall != nil { stalled -= 1 }
        connection.reset()
        if connection.use == .acknowledger { lostAcknowledger() }
        wakeThoseWaiting(for: connection)
    }

    /// A connection is gone. Reads on it are done elsewhere; other requests that had begun to leave may have run, so
    /// their clients are closed, as the server itself would have closed them; the rest is answered that it never
    /// left.
    func lose(_ connection: BackendConnection) {
        guard let id = connection.id else {
            preconditionFailure("a connection was lost that did not stand")
        }
        connections.remove(id)
        let server = servers[connection.server]
        server.counters.losses += 1
        let since: Instant
        switch connection.state {
        case .ready(_, let instant, _), .greeting(_, let instant): since = instant
        case .connecting, .waiting, .gone: since = now.instant
        }
        // Nobody may be sent to it while its requests are shared out among the others.
        let wasReady = connection.isReady
        connection.state = .waiting(until: now.instant, reason: "the connection was lost")
        doubtWrites(of: connection, wereSent: wasReady)
        guard connection.use != .alone, connection.use != .retired else {
            settleTickets(of: connection, sent: connection.output.sent, "the connection was lost")
            return abandon(connection)
        }
        if connection.isForClients {
            pending.log(.warning, "Lost a connection to \(server.name)")
        }
        if connection.use == .writes { eraOfMaster &+= 1 }
        changed(server)
        settleTickets(of: connection, sent: connection.output.sent, "the connection was lost")
        beginAnew(connection)
        if now.instant - since >= BackendConnection.steady {
            connection.refusals = 0
            connect(connection)
        } else {
            wait(connection, reason: "it closes connections at once")
        }
    }

    /// A connection could not be made.
    func refuse(_ connection: BackendConnection, reason: String) {
        if case .gone = connection.state { return endUnwanted(connection) }
        guard case .connecting = connection.state else {
            preconditionFailure("link \(connection.link.number) was refused unasked")
        }
        let server = servers[connection.server]
        if connection.refusals == 0, connection.use != .alone, connection.isForClients {
            pending.log(.warning, "Cannot reach \(server.name): \(reason)")
        }
        connection.state = .waiting(until: now.instant, reason: reason)
        doubtWrites(of: connection, wereSent: false)
        changed(server)
        settleTickets(of: connection, sent: 0, reason)
        guard connection.use != .alone, connection.use != .retired else {
            return abandon(connection)
        }
        beginAnew(connection)
        wait(connection, reason: reason)
    }

    private func wait(_ connection: BackendConnection, reason: String) {
        connection.refusals += 1
        connection.state = .waiting(until: now.instant + connection.retryDelay, reason: reason)
        scheduleWake()
    }

    /// Lets go of a connection that is not made again, and of its link.
    func abandon(_ connection: BackendConnection) {
        // Its client may have been closed on the way here, and have let go of it already.
        if case .gone = connection.state { return }
        // An attempt that nobody wants any more is still to end, and its number is taken until then: the driver may
        // have news of it already.
        let isUnderWay = if case .connecting = connection.state { true } else { false }
        beginAnew(connection)
        connection.state = .gone
        let server = servers[connection.server]
        if connection.use == .alone {
            if !isUnderWay { server.privateCount -= 1 }
            server.spares.removeAll { $0 === connection }
        }
        if !isUnderWay { free(connection.link) }
        let owner = connection.owner
        connection.owner = nil
        if let owner, let client = clients[owner] { lostPrivate(connection, of: client) }
    }

    /// An attempt has ended that nobody wanted any more.
    private func endUnwanted(_ connection: BackendConnection) {
        if connection.use == .alone { servers[connection.server].privateCount -= 1 }
        free(connection.link)
    }

    private func free(_ link: LinkID) {
        links[Int(link.number)] = nil
        freeLinks.append(link.number)
    }

    /// Closes a connection that owes nothing and is not wanted any more.
    func discard(_ connection: BackendConnection) {
        precondition(connection.tickets.isEmpty, "a connection goes that still owes replies")
        precondition(connection.marks.isEmpty, "a connection goes with fences that it has raised")
        if let id = connection.id {
            pending.wishes.append(.close(id))
            connections.remove(id)
        }
        abandon(connection)
    }

    /// A shared connection is busy with a large reply: new requests get a fresh one, and so do the reads that wait
    /// behind it, which would not be answered before all of it has come. The old one closes when it owes nothing
    /// that anybody waits for.
    func retire(_ connection: BackendConnection) {
        let server = servers[connection.server]
        guard connection.use == .reads || connection.use == .writes,
            let lane = server.lanes[connection.lane]
        else { return }
        let fresh = makeConnection(to: server, lane: connection.lane, connection.use)
        if let place = lane.readers.firstIndex(where: { $0 === connection }) {
            lane.readers[place] = fresh
        } else if let place = lane.writers.firstIndex(where: { $0 === connection }) {
            lane.writers[place] = fresh
        }
        connection.use = .retired
        // What stands behind a large reply is not slow by the server's fault.
        server.circuit.window.isExcused = true
        let staying = clientsThatStay(on: connection, .largeReply)
        // The question whether this replica has what a read needs is behind the large reply too. One that is set aside
        // is asked that for tokens alone, and nobody else may have their reads.
        let isTagged = isSetAside(server)
        for isFenced in [false, true] {
            let isMoved = { [clients] (id: ConnectionID) in
                guard let client = clients[id], !staying.contains(id) else { return false }
                if isTagged, client.after != .nothing { return false }
                return client.asksForFreshness == isFenced
            }
            let isAsked = isFenced && !isTagged && connection.server != master.index
            guard let first = connection.tickets.firstClient(where: isMoved),
                let client = clients[first],
                let target = isAsked
                    ? otherReader(than: connection, for: client, .largeReply) : fresh
            else { continue }
            moveReads(from: connection, to: target, of: isMoved)
        }
        wakeThoseWaiting(for: connection)
    }

    /// Closes a retired connection as soon as nobody waits for what it still owes: the rest of a large reply need not
    /// be carried here to be dropped. Requests that may change data are waited for.
    func leaveIfUnwanted(_ connection: BackendConnection) {
        guard connection.use == .retired,
            !connection.tickets.contains(where: { $0.kind != .read || clients[$0.client] != nil })
        else { return }
        forgetTickets(of: connection)
        discard(connection)
    }
}
