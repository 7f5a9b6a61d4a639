// Scripts and functions: where they run, and where they must be known.
//
// A script that may write runs at the master; one that promises not to, by its command or its first line, anywhere.
// Servers do not tell each other of scripts, so SCRIPT LOAD goes to all of them, and where one is missing all the same
// (a server that was away, or has begun anew) it is loaded there and the call repeated.

import RESP

/// All scripts were forgotten by a client's wish; other workers forget them too.
struct ScriptsForgotten: CoreMessage {}

/// SCRIPT LOAD or SCRIPT FLUSH on its way to the master.
struct ScriptChange {
    let words: [[UInt8]]
    /// What is loaded; nil when all are forgotten.
    let body: [UInt8]?
    /// The client's when it asked.
    let lane: Int32
}

extension ProxyCore {
    func sendScript(
        _ request: Request, _ call: ScriptCall, of client: ClientSession
    ) -> ClientSession.Pause? {
        if readsOnly(request, call) {
            let pause = sendRead(request, .asItIs, of: client)
            if pause == nil { counters.reads += 1 }
            return pause
        }
        let pause = sendWrite(request, of: client)
        if pause == nil { counters.writes += 1 }
        return pause
    }

    /// Whether a replica may run a call; of a digest that is told by the script.
    func readsOnly(_ request: Request, _ call: ScriptCall) -> Bool {
        guard call.source == .digest, !call.readsOnly, request.count > 1 else {
            return call.readsOnly
        }
        return scripts[request[1]]?.readsOnly ?? false
    }

    func administerScripts(
        _ request: Request, _ command: CommandID, of client: ClientSession
    ) -> ClientSession.Pause? {
        switch command {
        case .scriptLoad, .scriptFlush:
            guard table[command].accepts(argumentCount: request.count) else { break }
            return changeScripts(request, command, of: client)
        case .scriptKill, .functionKill: return kill(request, of: client)
        default: break
        }
        return sendWrite(request, of: client)
    }

    // MARK: Loading and forgetting

    /// The master goes first: what it refuses, its user may not do anywhere.
    private func changeScripts(
        _ request: Request, _ command: CommandID, of client: ClientSession
    ) -> ClientSession.Pause? {
        guard client.owed == 0 else { return .drained }
        let connection = connectionForMaster(of: client)
        guard hasRoom(connection) else { return .backend(connection.link) }
        if case .waiting(_, let reason) = connection.state {
            reply(to: client) { appendUnreachable(connection, reason, to: &$0) }
            return nil
        }
        let words = request.words
        let change = ScriptChange(
            words: words, body: command == .scriptLoad ? words[2] : nil, lane: client.lane)
        let errand = beginErrand(.scripts(change), for: client.id, parts: 1)
        ask(words, part: 0, of: errand, on: connection)
        pause(client, .answer)
        return nil
    }

    /// The master has answered. What it did is remembered here, and done at the replicas without a word to the client,
    /// who may have gone: what one of them misses is mended when it matters.
    func finish(_ change: ScriptChange, _ answer: [UInt8]?, of client: ClientSession?) {
        if let answer, answer.first != ReplyKind.error.rawValue {
            if let body = change.body {
                scripts.remember(body.span)
            } else {
                scripts.forgetAll()
                for other in 0..<workers where other != worker {
                    pending.wishes.append(.send(ScriptsForgotten(), to: other))
                }
            }
            tellReplicas(change)
        }
        guard let client else { return }
        reply(to: client) {
            if let answer { return $0.append(answer.span) }
            $0.append("-ERR the master did not answer; it may have done it, or may still do so\r\n")
        }
        answered(client)
    }

    private func tellReplicas(_ change: ScriptChange) {
        var request = ByteBuffer()
        request.append(request: change.words)
        for replica in replicas {
            // As the client's own user, who may have fewer rights there.
            let connection = lane(change.lane, of: replica).readers[0]
            guard connection.isComing, hasRoom(connection) else { continue }
            sendUnanswered(request.bytes, replies: 1, on: connection.link)
        }
    }

    // MARK: Ending what runs too long

    /// A script that runs too long may run anywhere: all servers are told, on connections that no call waits on.
    private func kill(_ request: Request, of client: ClientSession) -> ClientSession.Pause? {
        guard client.owed == 0 else { return .drained }
        let reached = servers.compactMap { server in
            server.control.flatMap { $0.isReady ? $0 : nil }
        }
        guard !reached.isEmpty else { return sendWrite(request, of: client) }
        let errand = beginErrand(.kill, for: client.id, parts: reached.count)
        let words = request.words
        for (part, connection) in reached.enumerated() {
            ask(words, part: part, of: errand, on: connection)
        }
        pause(client, .answer)
        return nil
    }

    /// OK when one of the servers had something to end; otherwise what one says that could not end it, or that there
    /// is nothing.
    func finishKill(_ answers: [[UInt8]?], of client: ClientSession) {
        let given = answers.compactMap { $0 }
        let notBusy = Array("-NOTBUSY".utf8)
        let answer =
            given.first { $0.first == UInt8(ascii: "+") }
            ?? given.first { !$0.starts(with: notBusy) } ?? given.first
        reply(to: client) {
            if let answer {
                $0.append(answer.span)
            } else {
                $0.append("-ERR no server answered; nothing was ended\r\n")
            }
        }
        answered(client)
    }

    // MARK: Where a script is missing

    /// A replica lacks the script that the first unanswered call of this client names. Loads it there, if it is known,
    /// and returns where all that the client waits for is to be sent again.
    func repair(
        _ ticket: Ticket, on connection: BackendConnection, of client: ClientSession
    ) -> BackendConnection? {
        var script: ScriptMemory.Script?
        visitUnanswered(ticket, until: connection.output.end, on: connection) { request in
            let isKept = connection.use == .reads && request.count > 1
            script = isKept ? scripts[request[1]] : nil
            return false
        }
        let newest = freshness.next
        let mayStay = !client.asksForFreshness || mayAskForVeto(of: newest, on: connection)
        guard let script, mayStay else {
            let lane = lane(Int32(connection.lane), of: master)
            let target = lane.readers[connectionNumber(of: client)]
            return target.isComing && target !== connection ? target : nil
        }
        // It may have been pointed elsewhere since the call was sent.
        if client.asksForFreshness { askForVeto(.applied(newest), on: connection) }
        var load = ByteBuffer()
        load.append(request: [Array("SCRIPT".utf8), Array("LOAD".utf8), script.body])
        sendUnanswered(load.bytes, replies: 1, on: connection.link)
        return connection
    }
}
