// Scripts and functions: where they run, and where they must be known.
//
// A script that may write runs at the master; one that promises not to, by its command or its first line, anywhere.
// Servers do not tell each other of scripts, so SCRIPT LOAD goes to all of them, and where one is missing all the same
// (a server that was away, or has begun anew) it is loaded there and the call repeated.

import RESP

/// All scripts were forgotten by a client's wish; other workers forget them too.
struct ScriptsForgotten: CoreMessage {}

extension ProxyCore {
    func sendScript(
        _ request: Request, _ call: ScriptCall, of client: ClientSession
    ) -> ClientSession.Pause? {
        var readsOnly = call.readsOnly
        if call.source == .digest, !readsOnly, request.count > 1, let script = scripts[request[1]] {
            readsOnly = script.readsOnly
        }
        if readsOnly {
            let pause = sendRead(request, .asItIs, of: client)
            if pause == nil { counters.reads += 1 }
            return pause
        }
        let pause = sendWrite(request, of: client)
        if pause == nil { counters.writes += 1 }
        return pause
    }

    func administerScripts(
        _ request: Request, _ command: CommandID, of client: ClientSession
    ) -> ClientSession.Pause? {
        switch command {
        case .scriptLoad, .scriptFlush:
            guard table[command].accepts(argumentCount: request.count) else { break }
            let pause = sendWrite(request, of: client)
            if pause == nil { tellReplicas(request, command, of: client) }
            return pause
        case .scriptKill, .functionKill: return kill(request, of: client)
        default: break
        }
        return sendWrite(request, of: client)
    }

    /// Has the replicas do what the master was told, without a word to the client: what one of them misses is mended
    /// when it matters.
    private func tellReplicas(
        _ request: Request, _ command: CommandID, of client: ClientSession
    ) {
        if command == .scriptLoad {
            scripts.remember(request[2])
        } else {
            scripts.forgetAll()
            for other in 0..<workers where other != worker {
                pending.wishes.append(.send(ScriptsForgotten(), to: other))
            }
        }
        for replica in servers.dropFirst() {
            // As the client's own user: a replica refuses what the master refuses.
            let connection = lane(client.lane, of: replica).readers[0]
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
        var words: [[UInt8]] = []
        for index in 0..<request.count { words.append([UInt8](copying: request[index])) }
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
        let script = withFirstUnanswered(ticket, on: connection) { request in
            connection.use == .reads && request.count > 1 ? scripts[request[1]] : nil
        }
        guard let script else {
            let lane = lane(Int32(connection.lane), of: master)
            let target = lane.readers[connectionNumber(of: client)]
            return target.isComing && target !== connection ? target : nil
        }
        var load = ByteBuffer()
        load.append("*3\r\n$6\r\nSCRIPT\r\n$4\r\nLOAD\r\n$")
        for byte in String(script.body.count).utf8 { load.append(byte) }
        load.append("\r\n")
        load.append(script.body.span)
        load.append("\r\n")
        sendUnanswered(load.bytes, replies: 1, on: connection.link)
        return connection
    }
}
