// From a server's bytes to the clients that are owed them.

import RESP

extension ProxyCore {
    /// Hands bytes from a server to whom they belong to. The connection may be lost on the way.
    func deliver(_ bytes: Span<UInt8>, from connection: BackendConnection) {
        connection.heardAt = now.instant
        var index = 0
        if case .greeting = connection.state {
            guard let end = readGreeting(bytes, of: connection) else { return }
            index = end
        }
        if connection.isStream { return deliverStream(bytes, from: index, of: connection) }
        let id = connection.id
        while index < bytes.count, connection.id == id {
            if !connection.gathered.isEmpty,
                connection.gathered.bytes[0] == ReplyKind.push.rawValue
            {
                guard let end = takeFrame(bytes, from: index, of: connection) else { return }
                index = end
                continue
            }
            guard let ticket = connection.tickets.first else {
                guard let end = takeUnasked(bytes, from: index, of: connection) else { return }
                index = end
                continue
            }
            switch ticket.delivery {
            case .plain, .dropped:
                index = deliverRun(bytes, from: index, of: ticket, connection)
            case .audited:
                index = deliverAudited(bytes, from: index, of: ticket, connection)
            case .special:
                index = deliverSpecial(bytes, from: index, of: ticket, connection)
            }
        }
        guard connection.id == id else { return }
        if connection.tickets.isEmpty {
            hasAnsweredAll(connection)
        } else if connection.use == .retired {
            leaveIfUnwanted(connection)
        } else if connection.scanner.announced > configuration.limits.replyPrivateAbove {
            retire(connection)
        }
        // What was kept to be sent again is let go of, and fewer replies are owed.
        if !connection.waiting.isEmpty, hasMuchRoom(connection) {
            wakeThoseWaiting(for: connection)
        }
    }

    /// Passes on replies of one ticket as they come, and returns where the first byte is that is not of it.
    private func deliverRun(
        _ bytes: Span<UInt8>, from start: Int, of ticket: Ticket, _ connection: BackendConnection
    ) -> Int {
        if !connection.gathered.isEmpty {
            return readError(bytes, from: start, of: ticket, connection)
        }
        let most = Int(ticket.replies)
        // A withheld reply that comes in parts may be replaced: what is behind it is passed apart from it.
        let isContinued = ticket.isWithheld && !connection.scanner.isAtStart
        var index = start
        var whole = 0
        while whole < most, index < bytes.count {
            if connection.scanner.isAtStart {
                let run = connection.scanner.scanRun(bytes, from: index, most: most - whole)
                index = run.end
                whole += run.count
                guard whole < most, index < bytes.count else { break }
                let first = bytes[index]
                if first == ReplyKind.error.rawValue || first == ReplyKind.push.rawValue {
                    pass(bytes.extracting(start..<index), whole, of: ticket, connection)
                    if first == ReplyKind.push.rawValue {
                        return takeFrame(bytes, from: index, of: connection) ?? bytes.count
                    }
                    // What is left of the ticket is looked up again: passing may have settled it.
                    guard let rest = connection.tickets.first else { return index }
                    return readError(bytes, from: index, of: rest, connection)
                }
            }
            do {
                guard case .reply(let end) = try connection.scanner.scan(bytes, from: index) else {
                    if ticket.isWithheld, whole > 0 {
                        pass(bytes.extracting(start..<index), whole, of: ticket, connection)
                        pass(bytes.extracting(index..<bytes.count), 0, of: ticket, connection)
                        return bytes.count
                    }
                    index = bytes.count
                    break
                }
                index = end
                whole += 1
                if isContinued { break }
            } catch {
                distrust(connection, "it sent what is not a reply")
                return bytes.count
            }
        }
        pass(bytes.extracting(start..<index), whole, of: ticket, connection)
        return index
    }

    /// Hands bytes of replies to their client, `replies` of which end in them, and notes it on the ticket. Those of
    /// a client that has gone are dropped here: the generation in its id says so even when its slot has a new owner.
    private func pass(
        _ bytes: Span<UInt8>, _ replies: Int, of ticket: Ticket, _ connection: BackendConnection
    ) {
        // The ticket first: a client that is done takes its own connection with it.
        if replies > 0 { settle(replies, of: ticket, on: connection) }
        if let client = clients[ticket.client] {
            if ticket.isWithheld, ticket.delivery == .plain {
                withhold(bytes, replies, of: ticket, client, connection)
            } else if ticket.delivery != .dropped {
                client.replies.append(bytes)
                client.isMidReply = !connection.scanner.isAtStart
            }
            if isFencing, replies > 0 { noteSeen(by: client, on: connection) }
            noteDelivered(replies, to: client, ticket.kind)
            stallIfTooMuch(connection, for: client)
            settle(client)
        } else if ticket.kind != .errand {
            counters.tombstones += replies
        }
    }

    /// So many replies of a client's ticket have been put into its output.
    func noteDelivered(_ replies: Int, to client: ClientSession, _ kind: Ticket.Kind) {
        client.delivered += replies
        if kind == .write { client.writes -= Int32(replies) }
        if !client.held.isEmpty { client.releaseHeld() }
        if !client.isMidReply, let extras = client.extras, !extras.deferred.isEmpty {
            client.replies.append(extras.deferred.bytes)
            extras.deferred.release()
        }
        if client.pause != nil { resumable.append(client.id) }
    }

    /// So many replies of the first ticket have come.
    private func settle(_ replies: Int, of ticket: Ticket, on connection: BackendConnection) {
        let server = servers[connection.server]
        server.outstanding -= replies
        if ticket.kind != .errand {
            server.counters.replies += replies
            counters.replies += replies
        }
        let took = now.instant.nanoseconds - ticket.since.nanoseconds
        if took + Int64(ticket.waited) * 1_000 >= operators.slowThreshold,
            ticket.replies == replies
        {
            noteSlow(ticket, on: connection)
        }
        if ticket.kind == .write || ticket.kind == .blocking {
            lowerFences(replies, on: connection)
        }
        guard connection.tickets.settle(replies) else { return }
        if connection.use != .acknowledger {
            if ticket.kind != .blocking, ticket.attempts == 0 {
                server.noteLatency(now.instant - ticket.since)
            }
            noteAnswer(ticket, took: now.instant - ticket.since, on: connection)
        }
        connection.output.release(
            upTo: min(
                connection.output.sent, connection.tickets.first?.start ?? connection.output.end))
    }

    /// Everything that was asked on a connection has been answered.
    private func hasAnsweredAll(_ connection: BackendConnection) {
        switch connection.use {
        case .retired: discard(connection)
        case .alone:
            // What the client has on it is lost with it, as with any other loss.
            if connection.hasMoved { return follow(connection) }
            becameFree(connection)
        case .reads, .writes, .control, .publisher, .watcher, .acknowledger:
            if connection.hasMoved { follow(connection) }
        }
    }

    /// Passes on a reply that is compared with the master's, and returns where the first byte is that is not of it.
    private func deliverAudited(
        _ bytes: Span<UInt8>, from start: Int, of ticket: Ticket, _ connection: BackendConnection
    ) -> Int {
        if connection.scanner.isAtStart {
            if bytes[start] == ReplyKind.push.rawValue {
                return takeFrame(bytes, from: start, of: connection) ?? bytes.count
            }
            // An error tells nothing of the data; what follows from it does so as ever.
            if bytes[start] == ReplyKind.error.rawValue {
                dropAudit(ticket, on: connection)
                connection.tickets.makeFirstPlain()
                return start
            }
        }
        guard let (end, isWhole) = scanOne(bytes, from: start, connection) else {
            return bytes.count
        }
        let part = bytes.extracting(start..<end)
        // Before the request is let go of.
        noteAudited(part, isWhole: isWhole, of: ticket, connection)
        pass(part, isWhole ? 1 : 0, of: ticket, connection)
        return end
    }

    // MARK: Errors

    /// Reads an error, which is kept until its line is whole, and judges it.
    private func readError(
        _ bytes: Span<UInt8>, from start: Int, of ticket: Ticket, _ connection: BackendConnection
    ) -> Int {
        var end = start
        while end < bytes.count, bytes[end] != UInt8(ascii: "\n") { end += 1 }
        let isWhole = end < bytes.count
        if isWhole { end += 1 }
        let part = bytes.extracting(start..<end)
        guard isWhole, connection.gathered.isEmpty else {
            connection.gathered.append(part)
            guard connection.gathered.count <= RequestLimits.lineLength else {
                distrust(connection, "it sent an error without an end")
                return bytes.count
            }
            if isWhole {
                var line = ByteBuffer()
                swap(&line, &connection.gathered)
                judge(line.bytes, of: ticket, connection)
            }
            return end
        }
        judge(part, of: ticket, connection)
        return end
    }

    /// Passes an error on, or has the read done elsewhere when it says only that this server cannot.
    private func judge(_ line: Span<UInt8>, of ticket: Ticket, _ connection: BackendConnection) {
        if ticket.delivery == .plain, moveElsewhere(becauseOf: line, to: ticket, on: connection) {
            return dropFirstReply(of: connection)
        }
        if ticket.kind == .write, giveBack(becauseOf: line, ticket, on: connection) {
            return dropFirstReply(of: connection)
        }
        if clients[ticket.client] != nil { counters.errors.count(line) }
        if connection.use == .alone { unsoil(connection, by: line) }
        pass(line, 1, of: ticket, connection)
    }

    /// Notes an error of a server. When it says only that this server cannot, what its client waits for on this
    /// connection is done elsewhere, and the result is true.
    private func moveElsewhere(
        becauseOf line: Span<UInt8>, to ticket: Ticket, on connection: BackendConnection
    ) -> Bool {
        let server = servers[connection.server]
        server.counters.errors += 1
        guard let complaint = Complaint(line) else { return false }
        note(complaint, of: server) { isServersOwn(ticket, on: connection) }
        // What is cheap to know comes first: a server that loads may complain of very many.
        guard ticket.kind == .read, Int(ticket.attempts) < configuration.reads.retries,
            let client = clients[ticket.client]
        else { return false }
        let isRepaired = complaint == .noScript && ticket.delivery == .plain
        let other = isRepaired ? nil : otherReader(than: connection, for: client, .complaint)
        guard isRepaired || other != nil, mayMoveReads(of: client, from: connection),
            let target = isRepaired ? repair(ticket, on: connection, of: client) : other
        else { return false }
        moveReads(of: client, from: connection, to: target)
        server.counters.retriedAway += 1
        return true
    }

    /// Whether an error was worded by the server: a script answers what its author likes, and what a command does that
    /// is not in the table nobody knows.
    func isServersOwn(_ ticket: Ticket, on connection: BackendConnection) -> Bool {
        guard connection.output.retains else { return false }
        var isKnown = false
        let end = connection.tickets.second?.start ?? connection.output.end
        visitUnanswered(ticket, until: end, on: connection) {
            isKnown = table.find($0).map { !$0.runsScripts } ?? false
            return false
        }
        return isKnown
    }

    /// The reply at hand is the first of those that nobody waits for any more.
    private func dropFirstReply(of connection: BackendConnection) {
        guard let dropped = connection.tickets.first else { return }
        settle(1, of: dropped, on: connection)
    }

    // MARK: Replies that are not passed on as they come

    /// Where the part of one reply ends that has come, and whether that is all of it; nil when it is no reply.
    private func scanOne(
        _ bytes: Span<UInt8>, from start: Int, _ connection: BackendConnection
    ) -> (end: Int, isWhole: Bool)? {
        do {
            switch try connection.scanner.scan(bytes, from: start) {
            case .reply(let end): return (end, true)
            case .incomplete: return (bytes.count, false)
            }
        } catch {
            distrust(connection, "it sent what is not a reply")
            return nil
        }
    }

    private func deliverSpecial(
        _ bytes: Span<UInt8>, from start: Int, of ticket: Ticket, _ connection: BackendConnection
    ) -> Int {
        if connection.scanner.isAtStart, bytes[start] == ReplyKind.push.rawValue {
            return takeFrame(bytes, from: start, of: connection) ?? bytes.count
        }
        guard let (end, isWhole) = scanOne(bytes, from: start, connection) else {
            return bytes.count
        }
        let part = bytes.extracting(start..<end)
        switch connection.specials[0] {
        case .block(let block):
            passBlock(block, part, isWhole: isWhole, of: ticket, connection)
        case .cursor:
            rewriteCursor(part, isWhole: isWhole, of: ticket, connection)
        case .gathered:
            connection.gathered.append(part)
            if isWhole { finishGathering(ticket, connection) }
        case .acknowledgement(let isCount):
            readWhole(part, isWhole: isWhole, of: ticket, connection) {
                acknowledged($0, isCount: isCount, on: connection)
            }
        case .beforeWait:
            readWhole(part, isWhole: isWhole, of: ticket, connection) {
                judgeWait($0, on: connection)
            }
        case .published:
            let isRefused = connection.scanner.kind == .error
            if isWhole {
                endSpecial(ticket, connection)
                published(isRefused)
            }
        case .veto(let seen):
            readWhole(part, isWhole: isWhole, of: ticket, connection) {
                judgeVeto($0, seen, on: connection)
            }
        case .compared(let audit):
            noteCompared(part, in: audit)
            guard isWhole else { break }
            let isError = connection.scanner.kind == .error
            endSpecial(ticket, connection)
            compare(audit, isError: isError, on: connection)
        }
        return end
    }

    /// Of a transaction only EXEC's answer is passed on; when a command was refused on the way, the reason for that in
    /// its place. A block of reads that this server cannot do now is done elsewhere.
    private func passBlock(
        _ block: BlockReply, _ part: Span<UInt8>, isWhole: Bool, of ticket: Ticket,
        _ connection: BackendConnection
    ) {
        let isError = connection.scanner.kind == .error
        guard block.dropped == 0 else {
            var rest = block
            rest.drop(part, isError: isError, isWhole: isWhole)
            connection.specials[0] = .block(rest)
            return
        }
        guard isError, !block.error.isEmpty else {
            return pass(part, isWhole ? 1 : 0, ofSpecial: ticket, connection)
        }
        guard isWhole else { return }
        if moveElsewhere(becauseOf: block.error.span, to: ticket, on: connection) {
            connection.specials.removeFirst()
            return dropFirstReply(of: connection)
        }
        if let client = clients[ticket.client], !ticket.isSilent {
            block.appendRefusal(to: &client.replies)
        }
        pass(Span(), 1, ofSpecial: ticket, connection)
    }

    /// As `pass`, for a ticket whose one reply ends its entry in `specials`.
    func pass(
        _ bytes: Span<UInt8>, _ replies: Int, ofSpecial ticket: Ticket,
        _ connection: BackendConnection
    ) {
        if replies > 0 {
            connection.specials.removeFirst()
            settle(1, of: ticket, on: connection)
        }
        if let client = clients[ticket.client] {
            if ticket.isWithheld, !ticket.isSilent {
                withhold(bytes, replies, of: ticket, client, connection)
            } else if !ticket.isSilent {
                client.replies.append(bytes)
                client.isMidReply = !connection.scanner.isAtStart
            }
            if isFencing, replies > 0 { noteSeen(by: client, on: connection) }
            noteDelivered(replies, to: client, ticket.kind)
            stallIfTooMuch(connection, for: client)
            settle(client)
        }
    }

    /// A connection whose next replies are for a client that does not take what it has is not read from.
    private func stallIfTooMuch(_ connection: BackendConnection, for client: ClientSession) {
        if client.untaken > 4 * configuration.limits.clientOutput,
            connection.tickets.first?.client == client.id
        {
            stall(connection, on: client)
        }
    }

    private func rewriteCursor(
        _ part: Span<UInt8>, isWhole: Bool, of ticket: Ticket, _ connection: BackendConnection
    ) {
        guard case .cursor(var rewriter, let begins) = connection.specials[0] else { return }
        if connection.scanner.kind == .error {
            connection.gathered.append(part)
            guard connection.gathered.count <= RequestLimits.lineLength else {
                return distrust(connection, "it sent an error without an end")
            }
            guard isWhole else { return }
            var line = ByteBuffer()
            swap(&line, &connection.gathered)
            return judgeWalk(line.bytes, of: ticket, connection)
        }
        if let client = clients[ticket.client], !ticket.isSilent {
            rewriter.rewrite(part, to: &client.replies)
        }
        connection.specials[0] = .cursor(rewriter, begins: begins)
        pass(Span(), isWhole ? 1 : 0, ofSpecial: ticket, connection)
    }

    /// An error in place of a cursor and what comes with it. A walk that begins may begin elsewhere.
    private func judgeWalk(
        _ line: Span<UInt8>, of ticket: Ticket, _ connection: BackendConnection
    ) {
        if moveElsewhere(becauseOf: line, to: ticket, on: connection) {
            connection.specials.removeFirst()
            return dropFirstReply(of: connection)
        }
        if clients[ticket.client] != nil { counters.errors.count(line) }
        pass(line, 1, ofSpecial: ticket, connection)
    }

    private func endSpecial(_ ticket: Ticket, _ connection: BackendConnection) {
        connection.specials.removeFirst()
        settle(1, of: ticket, on: connection)
    }

    /// An answer to a question of the proxy's own, which is judged when all of it is there.
    private func readWhole(
        _ part: Span<UInt8>, isWhole: Bool, of ticket: Ticket, _ connection: BackendConnection,
        _ judge: (Span<UInt8>) -> Void
    ) {
        guard isWhole, connection.gathered.isEmpty else {
            connection.gathered.append(part)
            guard isWhole else { return }
            var reply = ByteBuffer()
            swap(&reply, &connection.gathered)
            endSpecial(ticket, connection)
            return judge(reply.bytes)
        }
        endSpecial(ticket, connection)
        judge(part)
    }

    private func finishGathering(_ ticket: Ticket, _ connection: BackendConnection) {
        var reply = ByteBuffer()
        swap(&reply, &connection.gathered)
        connection.specials.removeFirst()
        settle(1, of: ticket, on: connection)
        if let step = ticket.errand { hear(reply.bytes, for: step, from: connection) }
    }

    // MARK: What nobody asked for

    /// Bytes on a connection that owes nothing: pushes belong to its owner, anything else is a breach. Returns where
    /// they end, or nil when the connection is gone.
    private func takeUnasked(
        _ bytes: Span<UInt8>, from start: Int, of connection: BackendConnection
    ) -> Int? {
        if connection.scanner.isAtStart, bytes[start] != ReplyKind.push.rawValue {
            let said = ErrorText.string(bytes.extracting(start..<bytes.count), upTo: 80)
            distrust(connection, "it said unasked '\(said)'")
            return nil
        }
        return takeFrame(bytes, from: start, of: connection)
    }
}
