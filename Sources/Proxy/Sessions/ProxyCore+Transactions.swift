// MULTI, EXEC, DISCARD, WATCH and UNWATCH.
//
//     without WATCH   queued here ── EXEC ──▶ one block on a shared connection; a replica's if it only reads
//     WATCH           ──▶ a connection of its own to the master, for all that follows
//     too large       ──▶ the same, and what was queued leaves at once

import RESP

extension ProxyCore {
    /// MULTI, WATCH and UNWATCH, and the others where they have no place.
    func transact(
        _ request: Request, _ command: CommandID, of client: ClientSession
    ) -> ClientSession.Pause? {
        if command == .exec, !table[command].accepts(argumentCount: request.count) {
            refuseExec(client)
            return nil
        }
        guard hasRightArity(request, command, of: client) else { return nil }
        switch command {
        case .multi:
            client.rare.transaction = Transaction()
            reply(to: client) { $0.append("+OK\r\n") }
        case .exec: reply(to: client) { $0.append("-ERR EXEC without MULTI\r\n") }
        case .discard: reply(to: client) { $0.append("-ERR DISCARD without MULTI\r\n") }
        case .watch: return watch(request, of: client)
        case .unwatch: return unwatch(request, of: client)
        default: preconditionFailure("\(command) is not about transactions")
        }
        return nil
    }

    /// Whether a request has as many arguments as its command takes; the client is told if not.
    func hasRightArity(
        _ request: Request, _ command: CommandID, of client: ClientSession
    ) -> Bool {
        let row = table[command]
        if row.accepts(argumentCount: request.announced) { return true }
        reply(to: client) {
            // Whatever refuses EXEC is told as the end of a transaction, if there was one or not.
            $0.append(
                command == .exec
                    ? "-EXECABORT Transaction discarded because of: wrong number of arguments for '"
                    : "-ERR wrong number of arguments for '")
            $0.append(row.name)
            $0.append("' command\r\n")
        }
        return false
    }

    // MARK: Between MULTI and EXEC

    /// A request between MULTI and EXEC.
    func queue(_ request: Request, _ command: CommandID?, of client: ClientSession) -> Handling {
        guard let transaction = client.extras?.transaction else {
            preconditionFailure("nothing was begun")
        }
        if command == .exec, !table[.exec].accepts(argumentCount: request.count) {
            refuseExec(client)
            return .done(nil)
        }
        if let command, !hasRightArity(request, command, of: client) {
            transaction.isRefused = true
            return .done(nil)
        }
        switch command {
        case .exec?: return .done(execute(transaction, request, of: client))
        case .discard?: return .done(discard(transaction, of: client))
        case .multi?:
            reply(to: client) { $0.append("-ERR MULTI calls can not be nested\r\n") }
        case .watch?:
            reply(to: client) { $0.append("-ERR WATCH inside MULTI is not allowed\r\n") }
        case .quit?, .reset?:
            return .commonWay
        default:
            return .done(enqueue(request, command, in: transaction, of: client))
        }
        return .done(nil)
    }

    private func enqueue(
        _ request: Request, _ command: CommandID?, in transaction: Transaction,
        of client: ClientSession
    ) -> ClientSession.Pause? {
        if command == nil, !transaction.isRefused, isForServer(request),
            transaction.count < configuration.limits.transactionRequests
        {
            return queueAtServer(request, in: transaction, of: client)
        }
        guard mayQueue(request, command, in: transaction, of: client) else { return nil }
        let isTooLong =
            transaction.bytes.count + request.bytes.count > configuration.limits.transactionBytes
        if isTooLong, !transaction.isShipped, !transaction.isRefused {
            if let pause = ship(transaction, for: request, of: client) { return pause }
            // It was answered that this cannot be.
            if transaction.isRefused { return nil }
        }
        if transaction.isShipped, !transaction.isRefused, let link = client.extras?.pin?.link {
            if let connection = links[Int(link.number)], !hasRoom(connection) {
                return .backend(link)
            }
            noteWait(nil, of: client)
            sendUnanswered(request.bytes, replies: 1, on: link)
        } else if !transaction.isShipped, !transaction.isRefused {
            transaction.bytes.append(request.bytes)
        }
        note(request, command, in: transaction)
        reply(to: client) { $0.append("+QUEUED\r\n") }
        return nil
    }

    /// Whether only the server knows if there is such a command.
    private func isForServer(_ request: Request) -> Bool {
        switch classifier.disposition(of: request, nil) {
        case .own, .refuse, .close: false
        default: true
        }
    }

    /// A command that the table does not have: a module's, or one that servers have under a name of their own, which
    /// COMMAND does not tell. The server itself says whether it can be queued, on a connection of the client's own.
    private func queueAtServer(
        _ request: Request, in transaction: Transaction, of client: ClientSession
    ) -> ClientSession.Pause? {
        if !transaction.isShipped {
            if let pause = ship(transaction, for: request, of: client) { return pause }
            if transaction.isRefused { return nil }
        }
        guard let link = client.extras?.pin?.link, let connection = links[Int(link.number)] else {
            preconditionFailure("a transaction was sent on no connection")
        }
        if let pause = mayNotSend(on: connection, client) { return pause }
        // EXEC may leave it in another state than that of its lane.
        if case .unknown = classifier.disposition(of: request, nil) { connection.isSoiled = true }
        note(request, nil, in: transaction)
        send(request, as: nil, .write, on: connection, for: client)
        return nil
    }

    /// One more is queued.
    private func note(_ request: Request, _ command: CommandID?, in transaction: Transaction) {
        transaction.count += 1
        if marksWrites || withholdsReplies { noteKeys(of: request, command, in: transaction) }
        if case .read(.asItIs) = classifier.disposition(of: request, command) { return }
        transaction.onlyReads = false
    }

    /// Whether a request of the right arity may be queued; the client is told if not, and EXEC will fail.
    private func mayQueue(
        _ request: Request, _ command: CommandID?, in transaction: Transaction,
        of client: ClientSession
    ) -> Bool {
        if let refusal = classifier.refusalInTransaction(request, command) {
            transaction.isRefused = true
            reply(to: client) { refusal.write(request, to: &$0) }
            return false
        }
        guard transaction.count < configuration.limits.transactionRequests else {
            transaction.isRefused = true
            reply(to: client) {
                $0.append("-ERR too many commands in one transaction (")
                $0.append("limits.transaction_requests)\r\n")
            }
            return false
        }
        return true
    }

    /// The beginning of a large request between MULTI and EXEC: what was queued before it leaves, and it follows on the
    /// same connection piece by piece.
    func beginUpload(
        _ request: Request, _ command: CommandID?, in transaction: Transaction,
        of client: ClientSession
    ) -> RequestReader.Verdict {
        // Of other commands it is told from all of a request whether there is such a one.
        guard let command else { return .gather }
        guard hasRightArity(request, command, of: client) else {
            transaction.isRefused = true
            client.rare.upload = .swallowed
            return .goOn
        }
        guard mayQueue(request, command, in: transaction, of: client) else {
            client.rare.upload = .swallowed
            return .goOn
        }
        if !transaction.isShipped, !transaction.isRefused {
            if let pause = ship(transaction, for: request, of: client) {
                self.pause(client, pause)
                return .notYet
            }
            if transaction.isRefused {
                client.rare.upload = .swallowed
                return .goOn
            }
        }
        var link = client.extras?.pin?.link
        if transaction.isShipped, !transaction.isRefused, let own = link {
            if let connection = links[Int(own.number)], !hasRoom(connection) {
                noteWait(.backend(own), of: client)
                guard isOverdue(client) else {
                    pause(client, .backend(own))
                    return .notYet
                }
                replyOverdue(to: client, on: own)
                client.rare.upload = .swallowed
                return .goOn
            }
            noteWait(nil, of: client)
            sendUnanswered(request.bytes, replies: 1, on: own)
        } else {
            link = nil
        }
        note(request, command, in: transaction)
        client.rare.upload = .queued(link)
        return .goOn
    }

    /// Sends what was queued so far on a connection of the client's own, and all that follows as it comes.
    private func ship(
        _ transaction: Transaction, for request: Request, of client: ClientSession
    ) -> ClientSession.Pause? {
        guard client.owed == 0, client.extras?.pin?.purpose != .oneAnswer else { return .drained }
        if client.extras?.pin == nil {
            if let refuge = refuge(for: request, of: client) {
                if refuge == .refused { transaction.isRefused = true }
                return refuge.pause
            }
            guard let connection = takePrivate(for: client, of: master) else {
                transaction.isRefused = true
                reply(to: client) { $0.append(ProxyCore.tooManyPrivate) }
                return nil
            }
            client.rare.pin = Pin(link: connection.link, purpose: .transaction)
        }
        sendUnanswered(
            transaction.bytes.bytes, replies: transaction.count + 1, on: client.extras?.pin?.link)
        transaction.bytes.release()
        transaction.isShipped = true
        return nil
    }

    /// Sends requests whose replies nobody wants.
    func sendUnanswered(_ requests: Span<UInt8>, replies: Int, on link: LinkID?) {
        guard let link, let connection = links[Int(link.number)] else { return }
        let start = connection.output.end
        connection.output.append(requests)
        servers[connection.server].outstanding += replies
        leaveTicket(
            Ticket(
                client: Ticket.nobody, kind: .errand, delivery: .plain, attempts: 0,
                replies: Int32(replies), start: start, since: now.instant), on: connection)
    }

    // MARK: EXEC and DISCARD

    private func execute(
        _ transaction: Transaction, _ request: Request, of client: ClientSession
    ) -> ClientSession.Pause? {
        if client.extras?.watchIsLost == true {
            abandon(transaction, of: client)
            client.extras?.watchIsLost = false
            reply(to: client) {
                $0.append("-EXECABORT Transaction discarded because the connection that ")
                $0.append("watched its keys was lost.\r\n")
            }
            return nil
        }
        if transaction.isLost {
            abandon(transaction, of: client)
            reply(to: client) {
                $0.append("-EXECABORT Transaction discarded because the connection that ")
                $0.append("it was on was lost.\r\n")
            }
            return nil
        }
        if transaction.isRefused {
            abandon(transaction, of: client)
            reply(to: client) {
                $0.append("-EXECABORT Transaction discarded because of previous errors.\r\n")
            }
            return nil
        }
        if transaction.count == 0, client.extras?.pin == nil {
            end(transaction, of: client)
            reply(to: client) { $0.append("*0\r\n") }
            return nil
        }
        return sendBlock(transaction, request, of: client)
    }

    private func sendBlock(
        _ transaction: Transaction, _ request: Request, of client: ClientSession
    ) -> ClientSession.Pause? {
        let connection: BackendConnection
        if let pin = client.extras?.pin, let own = links[Int(pin.link.number)] {
            connection = own
        } else if transaction.onlyReads, client.writes == 0 {
            guard client.owed == 0 else { return .drained }
            let need = need(of: transaction, for: client)
            guard let reader = connectionForRead(of: client, needing: need) else {
                let pause = waitOrRefuseRead(client, need)
                if pause == nil { end(transaction, of: client) }
                return pause
            }
            if isStandingIn, let turn = mustWaitForTurn(need, on: reader, client) { return turn }
            guard hasRoom(reader) else { return .backend(reader.link) }
            if let pause = waitForMaking(of: reader, need, client) { return pause }
            askForVeto(need, on: reader)
            connection = reader
        } else {
            connection = lane(client.lane, of: master).writers[connectionNumber(of: client)]
        }
        if let pause = mayNotSend(on: connection, client) { return pause }
        if connection.use == .writes,
            let refuge = refuge(for: request, on: connection, of: client)
        {
            if refuge == .refused { end(transaction, of: client) }
            return refuge.pause
        }
        if case .waiting(_, let reason) = connection.state {
            end(transaction, of: client)
            reply(to: client) { appendUnreachable(connection, reason, to: &$0) }
            return nil
        }
        end(transaction, of: client)
        let isRead = transaction.onlyReads && connection.use == .reads
        if isRead {
            noteCalls(transaction, on: connection, areFenced: false)
        } else {
            raiseFences(transaction, on: connection)
        }
        let start = connection.output.end
        var dropped = 0
        if !transaction.isShipped {
            connection.output.append(transaction.bytes.bytes)
            dropped = transaction.count + 1
        }
        connection.output.append(Transaction.end)
        let kind: Ticket.Kind = isRead ? .read : .write
        let hasWritten = transaction.writesEverything || !transaction.written.isEmpty
        noteSent(client, kind, on: connection)
        connection.specials.append(.block(BlockReply(dropping: dropped)))
        leaveTicket(
            Ticket(
                client: client.id, kind: kind, delivery: .special, attempts: 0, replies: 1,
                start: start, since: now.instant, isWithheld: withholdsReplies && hasWritten,
                isSilent: client.isSilent), on: connection)
        return nil
    }

    private func discard(
        _ transaction: Transaction, of client: ClientSession
    ) -> ClientSession.Pause? {
        client.extras?.watchIsLost = false
        abandon(transaction, of: client)
        reply(to: client) { $0.append("+OK\r\n") }
        return nil
    }

    /// EXEC with arguments ends what there is to end, watching too.
    private func refuseExec(_ client: ClientSession) {
        client.extras?.watchIsLost = false
        abandon(client.extras?.transaction, of: client)
        reply(to: client) {
            $0.append("-EXECABORT Transaction discarded because of: ")
            $0.append("wrong number of arguments for 'exec' command\r\n")
        }
    }

    /// Ends a transaction that does not run; the server forgets what it was told to watch or to queue.
    func abandon(_ transaction: Transaction?, of client: ClientSession) {
        let isBegun = transaction.map { $0.isShipped && !$0.isLost } ?? false
        guard isBegun || client.extras?.pin?.isWatching == true else {
            return end(transaction, of: client)
        }
        end(transaction, of: client)
        guard let pin = client.extras?.pin else { return }
        let forget = isBegun ? "*1\r\n$7\r\nDISCARD\r\n" : "*1\r\n$7\r\nUNWATCH\r\n"
        sendUnanswered(Array(forget.utf8).span, replies: 1, on: pin.link)
    }

    private func end(_ transaction: Transaction?, of client: ClientSession) {
        client.extras?.transaction = nil
        client.extras?.pin?.isWatching = false
        if client.extras?.pin?.purpose == .watch || client.extras?.pin?.purpose == .transaction {
            client.extras?.pin?.purpose = .oneAnswer
        }
    }

    // MARK: WATCH

    private func watch(_ request: Request, of client: ClientSession) -> ClientSession.Pause? {
        let connection: BackendConnection
        if let pin = client.extras?.pin, let own = links[Int(pin.link.number)] {
            if pin.purpose == .oneAnswer { return .drained }
            connection = own
        } else {
            guard client.owed == 0 else { return .drained }
            if let refuge = refuge(for: request, of: client) { return refuge.pause }
            guard let own = takePrivate(for: client, of: master) else {
                reply(to: client) { $0.append(ProxyCore.tooManyPrivate) }
                return nil
            }
            connection = own
            client.rare.pin = Pin(link: own.link, purpose: .watch)
        }
        if let pause = mayNotSend(on: connection, client) { return pause }
        client.rare.pin?.isWatching = true
        send(request, as: nil, .write, on: connection, for: client)
        return nil
    }

    private func unwatch(_ request: Request, of client: ClientSession) -> ClientSession.Pause? {
        client.extras?.watchIsLost = false
        guard let pin = client.extras?.pin, pin.purpose != .oneAnswer,
            let connection = links[Int(pin.link.number)]
        else {
            reply(to: client) { $0.append("+OK\r\n") }
            return nil
        }
        if let pause = mayNotSend(on: connection, client) { return pause }
        client.extras?.pin?.isWatching = false
        if pin.purpose == .watch { client.extras?.pin?.purpose = .oneAnswer }
        send(request, as: nil, .write, on: connection, for: client)
        return nil
    }
}
