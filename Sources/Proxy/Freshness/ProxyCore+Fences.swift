// Fences: what every write raises before it leaves, what lowers it, and what a read must therefore know.
//
//     a write is put on a connection ── raiseFences ──▶ its slots are pending, the connection remembers them
//     its reply has come ── lowerFences ──▶ they stand behind the next watermark, which is published soon
//     no reply will come ── doubt ──▶ they stay pending until it is certain that it will never run
//     a read is to be sent ── need ──▶ who must have applied what

import RESP

/// What a server must have applied to answer a read.
enum Need: Equatable {
    /// Any server will do that may be read.
    case nothing
    case applied(Watermark)
    /// What the master had not longer ago than the configuration allows, and this watermark.
    case recent(behind: Watermark)
    /// Only the master can answer.
    case master

    /// This and the other.
    func joined(with other: Need) -> Need {
        switch (self, other) {
        case (.nothing, let need), (let need, .nothing): need
        case (.master, _), (_, .master): .master
        case (.applied(let left), .applied(let right)): .applied(max(left, right))
        case (.recent(let left), .applied(let right)), (.applied(let left), .recent(let right)),
            (.recent(let left), .recent(let right)):
            .recent(behind: max(left, right))
        }
    }

    /// What a replica must be proved to have applied, if one can answer.
    var watermark: Watermark? {
        switch self {
        case .applied(let watermark): watermark
        case .recent(let watermark): watermark == .none ? nil : watermark
        case .nothing, .master: nil
        }
    }
}

/// Writes that may run yet, on a connection that is gone: only when the server has forgotten it they cannot.
struct Doubt {
    /// Which process has them, and what it calls the connection.
    let process: ProcessMark
    let connection: Int
    let lane: Int
    let slots: [FenceTable.Slot]
    /// The server is being told to close it.
    var isAsked = false
}

extension ProxyCore {
    // MARK: Raising

    /// Marks what a request may write, before it can leave.
    func raiseFences(_ request: Request, _ command: CommandID?, on connection: BackendConnection) {
        guard marksWrites, connection.server == master.index else { return }
        var entries = 0
        switch written(by: request, command) {
        case .nothing: break
        case .everything:
            connection.marks.append(freshness.fences.mark(.everything))
            entries = 1
        case .key(let place):
            let slot = FenceTable.slot(of: request[place])
            connection.marks.append(freshness.fences.mark(slot))
            entries = 1
        case .keys:
            for position in foundKeys.positions {
                let slot = FenceTable.slot(of: request[position.index])
                connection.marks.append(freshness.fences.mark(slot))
            }
            entries = foundKeys.positions.count
        }
        endMarks(entries, on: connection)
        noteCall(command, isFenced: entries > 0)
    }

    /// The same for a transaction, which runs as one request.
    func raiseFences(_ transaction: Transaction, on connection: BackendConnection) {
        guard marksWrites, connection.server == master.index else { return }
        let slots = transaction.writesEverything ? [.everything] : transaction.written
        for slot in slots { connection.marks.append(freshness.fences.mark(slot)) }
        endMarks(slots.count, on: connection)
        noteCalls(transaction, on: connection, areFenced: !slots.isEmpty)
    }

    /// Counts what the master counts as a write, whatever it does: SORT without STORE is one too.
    func noteCall(_ command: CommandID?, isFenced: Bool) {
        guard isFencing else { return }
        switch tally.count(command) {
        case .nothing: break
        case .write: trace.noteSent(isFenced ? 1 : 0, unfenced: isFenced ? 0 : 1)
        case .opaque: trace.noteOpaque()
        }
    }

    func noteCalls(
        _ transaction: Transaction, on connection: BackendConnection, areFenced: Bool
    ) {
        guard isFencing, connection.server == master.index else { return }
        let writes = transaction.writes
        trace.noteSent(areFenced ? writes : 0, unfenced: areFenced ? 0 : writes)
        if transaction.isOpaque || transaction.writesEverything { trace.noteOpaque() }
    }

    private func endMarks(_ entries: Int, on connection: BackendConnection) {
        connection.marks.endRequest(entries: entries)
        if entries > 0 { trace.begin(entries) }
    }

    /// What a request may write; the keys are in `foundKeys`.
    func written(by request: Request, _ command: CommandID?) -> KeyScope {
        guard let command else {
            guard let learnt = classifier.learnt else { return .everything }
            return learnt.readsOnly(request)
                ? .nothing : learnt.keys(of: request, into: &foundKeys)
        }
        if request.part == .head { return writtenLargely(by: request, command) }
        return table.written(
            by: request, command, scripts: configuration.scripts, into: &foundKeys)
    }

    /// Of a request that is too large to be kept only the beginning is there: enough when its one key is.
    private func writtenLargely(by request: Request, _ command: CommandID) -> KeyScope {
        let row = table[command]
        switch command {
        // They write without saying so in their flags.
        case .eval, .evalsha, .fcall, .pfcount: return .everything
        default: guard row.flags.contains(.write) else { return .nothing }
        }
        guard row.firstKey == 1, row.lastKey == 1, !row.flags.contains(.movableKeys),
            request.count > 1
        else { return .everything }
        return .key(1)
    }

    /// A request is queued: its keys are marked when the transaction leaves.
    func noteKeys(of request: Request, _ command: CommandID?, in transaction: Transaction) {
        switch tally.count(command) {
        case .nothing: break
        case .write: transaction.writes += 1
        case .opaque: transaction.isOpaque = true
        }
        switch written(by: request, command) {
        case .nothing: break
        case .everything: transaction.writesEverything = true
        case .key(let place): transaction.written.append(FenceTable.slot(of: request[place]))
        case .keys: transaction.written += foundKeys.positions.map { slot(of: request, $0) }
        }
        if transaction.written.count > Transaction.mostSlots {
            transaction.writesEverything = true
            transaction.written = []
        }
        switch read(by: request, command) {
        case .nothing: break
        case .everything: transaction.readsEverything = true
        case .key(let place): transaction.read.append(FenceTable.slot(of: request[place]))
        case .keys: transaction.read += foundKeys.positions.map { slot(of: request, $0) }
        }
        if transaction.read.count > Transaction.mostSlots {
            transaction.readsEverything = true
            transaction.read = []
        }
    }

    private func slot(of request: Request, _ position: KeyPosition) -> FenceTable.Slot {
        FenceTable.slot(of: request[position.index])
    }

    private func read(by request: Request, _ command: CommandID?) -> KeyScope {
        guard request.part == .whole else { return .everything }
        guard let command else {
            return classifier.learnt?.keys(of: request, into: &foundKeys) ?? .everything
        }
        return table.read(
            by: request, command, scripts: configuration.scripts, into: &foundKeys)
    }

    // MARK: Lowering

    /// So many writes of a connection have been answered.
    func lowerFences(_ replies: Int, on connection: BackendConnection) {
        guard !connection.marks.isEmpty else { return }
        if !isFencing { countWrites() }
        let next = freshness.next
        let fences = freshness.fences
        var lowered = 0
        connection.marks.settle(replies) { slot in
            fences.resolve(slot, behind: next)
            lowered += 1
        }
        guard lowered > 0 else { return }
        trace.end(lowered, behind: next)
        if isFencing { wantWatermark() }
    }

    /// Where nothing is published numbers are given out all the same: by them the audit tells writes apart, and when
    /// they were.
    private func countWrites() {
        guard audits.times.isDue(at: now.instant) else { return }
        audits.times.note(freshness.give(), at: now.instant)
    }

    /// A connection is gone, with writes on it that are not answered. What never left will never run.
    func doubtWrites(of connection: BackendConnection, wereSent: Bool) {
        let slots = connection.marks.takeAll()
        guard !slots.isEmpty else { return }
        guard wereSent else { return lower(slots, behind: .none) }
        // No promise hangs on them where no level asks for fences.
        guard isFencing else { return lower(slots, behind: freshness.next) }
        let server = servers[connection.server]
        guard let number = connection.clientNumber, connection.process != .unknown,
            !server.health.isMute
        else { return despair(of: slots, by: connection.process, at: server) }
        server.doubts.append(
            Doubt(
                process: connection.process, connection: number, lane: connection.lane,
                slots: slots))
        settleDoubts(of: server)
    }

    private func lower(_ slots: [FenceTable.Slot], behind watermark: Watermark) {
        for slot in slots { freshness.fences.resolve(slot, behind: watermark) }
        trace.end(slots.count, behind: watermark)
    }

    // MARK: Writes that may run yet

    /// Has the server close what is left of lost connections, as far as it can be asked; over the connection for
    /// questions, since only the proxy's own user is sure to have the right.
    func settleDoubts(of server: BackendServer) {
        // What the connection for questions leads to must have said who it is: its numbers mean nothing to another.
        guard let control = server.control, control.isReady,
            let runID = server.health.report?.runID
        else { return }
        let process = ProcessMark(runID: runID.span)
        // What another process was told died with it.
        let dead = server.doubts.filter { $0.process != process }
        server.doubts.removeAll { $0.process != process }
        for doubt in dead { forget(doubt) }
        endDespair(of: server) { $0 != process && $0 != .unknown }
        for (place, doubt) in server.doubts.enumerated() where !doubt.isAsked {
            let number = doubt.connection
            server.doubts[place].isAsked = true
            let errand = beginErrand(.death(server: server.index, of: number), parts: 1)
            let words = [Array("CLIENT".utf8), Array("KILL".utf8), Array("ID".utf8)]
            ask(words + [Array(String(number).utf8)], part: 0, of: errand, on: control)
        }
        letWait(server)
    }

    /// The server has answered whether it has closed a connection that was lost here; whether it was there still or
    /// not, nothing more will run that came over it.
    func learnDeath(_ answer: [UInt8]?, of number: Int, at server: BackendServer) {
        let isDead = answer?.first == UInt8(ascii: ":")
        for place in server.doubts.indices.reversed()
        where server.doubts[place].connection == number && server.doubts[place].isAsked {
            guard isDead else {
                // To be asked again when it can answer, or refused for good: then nothing waits for it.
                if answer.map({ Complaint($0.span) != nil }) ?? true {
                    server.doubts[place].isAsked = false
                } else {
                    let doubt = server.doubts.remove(at: place)
                    despair(of: doubt.slots, by: doubt.process, at: server)
                }
                continue
            }
            forget(server.doubts.remove(at: place))
        }
        if let answer, !isDead {
            let said = ErrorText.string(answer.span, upTo: 120)
            pending.log(
                .warning,
                "\(server.name) answered '\(said)' to CLIENT KILL: until it begins anew, "
                    + "keys of writes on a lost connection are read there only"
            )
        }
        letWait(server)
    }

    /// Writes that may run yet, and that the server cannot be asked about: they end with its process. Kept as one set
    /// for each, so that they do not grow with each lost connection.
    private func despair(
        of slots: [FenceTable.Slot], by process: ProcessMark, at server: BackendServer
    ) {
        for slot in slots where !server.despaired[process, default: []].insert(slot).inserted {
            lower([slot], behind: .none)
        }
    }

    /// Nothing that a server was told before can run any more, or it does not count.
    func endDoubts(of server: BackendServer) {
        for doubt in server.doubts { forget(doubt) }
        server.doubts = []
        endDespair(of: server) { _ in true }
    }

    private func endDespair(of server: BackendServer, by isOver: (ProcessMark) -> Bool) {
        for (process, slots) in server.despaired where isOver(process) {
            server.despaired[process] = nil
            lower(Array(slots), behind: freshness.next)
            wantWatermark()
        }
    }

    /// Another process answers under the server's name: what those were told that did not say who they are died too.
    func endNamelessDoubts(of server: BackendServer) {
        endDespair(of: server) { $0 == .unknown }
    }

    func forget(_ doubt: Doubt) {
        lower(doubt.slots, behind: freshness.next)
        wantWatermark()
    }

    /// New writes follow old ones only when these cannot run any more.
    func isHeldByDoubt(_ connection: BackendConnection) -> Bool {
        guard connection.use == .writes else { return false }
        let server = servers[connection.server]
        // One that does not say which process it is is never asked.
        if server.health.isMute { return false }
        return server.doubts.contains { $0.lane == connection.lane }
    }

    /// Connections that waited for a doubt to end carry what they were made for.
    private func letWait(_ server: BackendServer) {
        for case let connection? in links
        where connection.server == server.index && connection.use == .writes {
            becomeReadyIfGreeted(connection)
        }
    }

    // MARK: What a read needs

    /// What a server must have applied to answer this request at the level of its client.
    func need(of request: Request, _ command: CommandID?, for client: ClientSession) -> Need {
        guard mayHaveReplicas else { return .nothing }
        switch client.consistency {
        case .eventual: return client.after
        case .bounded: return Need.recent(behind: .none).joined(with: client.after)
        case .master: return .master
        case .session: return Need.applied(client.position).joined(with: client.after)
        case .fresh: if freshness.heedsForeignWrites { return .master }
        }
        let need = freshNeed(of: request, command)
        return client.after == .nothing ? need : need.joined(with: client.after)
    }

    private func freshNeed(of request: Request, _ command: CommandID?) -> Need {
        switch read(by: request, command) {
        case .nothing: return .nothing
        case .everything: return needOfEverything
        case .key(let place):
            switch freshness.fences.fence(of: FenceTable.slot(of: request[place])) {
            case .pending: return .master
            case .behind(let watermark): return .applied(watermark)
            }
        case .keys:
            var highest = Watermark.none
            for position in foundKeys.positions {
                switch freshness.fences.fence(of: FenceTable.slot(of: request[position.index])) {
                case .pending: return .master
                case .behind(let watermark): highest = max(highest, watermark)
                }
            }
            return .applied(highest)
        }
    }

    /// What a transaction that only reads needs.
    func need(of transaction: Transaction, for client: ClientSession) -> Need {
        guard mayHaveReplicas else { return .nothing }
        switch client.consistency {
        case .eventual: return client.after
        case .bounded: return Need.recent(behind: .none).joined(with: client.after)
        case .master: return .master
        case .session: return Need.applied(client.position).joined(with: client.after)
        case .fresh:
            if freshness.heedsForeignWrites { return .master }
            return freshNeed(of: transaction).joined(with: client.after)
        }
    }

    private func freshNeed(of transaction: Transaction) -> Need {
        if transaction.readsEverything { return needOfEverything }
        var highest = Watermark.none
        for slot in transaction.read {
            switch freshness.fences.fence(of: slot) {
            case .pending: return .master
            case .behind(let watermark): highest = max(highest, watermark)
            }
        }
        return .applied(highest)
    }

    /// Keys that cannot be told may be any: all that was ever written must be there, and nothing on its way.
    private var needOfEverything: Need {
        if case .pending = freshness.fences.fence(of: .everything) { return .master }
        return freshness.everythingResolved.map { .applied($0) } ?? .master
    }

    /// Whether the server at the other end of a connection has applied what a read needs.
    func meets(_ need: Need, _ connection: BackendConnection) -> Bool {
        if connection.server == master.index { return need == .nothing || !isMasterDeposed }
        switch need {
        case .nothing: return true
        case .master: return false
        case .recent(let watermark):
            return isRecent(servers[connection.server])
                && (watermark == .none || meets(.applied(watermark), connection))
        case .applied(let watermark):
            guard let applied = freshness.proofs[connection.server].applied(by: connection.process)
            else { return false }
            return watermark <= applied && mayAskForVeto(of: watermark, on: connection)
        }
    }
}
