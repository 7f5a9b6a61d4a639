// How a client judges what it is answered, and the end of its connection.

import RESP

extension Client {
    func report(_ law: Law, _ text: String) {
        world.report(law, "\(name): \(text)")
    }

    func judge(_ reply: Reply, on end: End) {
        guard waitsForReplies else { return report(.replyUnasked, "\(reply) answers nothing") }
        let asked = unanswered[firstUnanswered]
        firstUnanswered += 1
        if firstUnanswered == unanswered.count {
            unanswered.removeAll(keepingCapacity: true)
            firstUnanswered = 0
        }
        answered += 1
        world.answered()
        if case .error(let text) = reply, text.starts(with: "TIMEOUT ".utf8) {
            judgeTimeout(of: asked, wasSent: !isPromisedUnsent(text))
        } else if case .error(let text) = reply, isAboutTheRole(text, of: asked.question) {
            judgeRole(of: asked, text)
        } else if case .error(let text) = reply, isAboutReplicas(text) {
            judgeComplaint(about: asked, text)
        } else if case .error(let text) = reply, isAboutTheBackend(text) {
            judgeFailure(of: asked, text, on: end)
        } else {
            judge(reply, to: asked, on: end)
            judgeFreshness(of: reply, to: asked)
        }
        follow(asked.question, reply, on: end)
    }

    /// What comes next depends on what was answered.
    private func follow(_ question: Question, _ reply: Reply, on end: End) {
        switch (question, reply) {
        case (.watch, .simple): watch?.isConfirmed = true
        case (.readShared, _):
            watch?.isRead = true
            if reply == .null { watch?.value = 0 }
            if case .bulk = reply { watch?.value = reply.number }
        case (.execute(let parts), _):
            if parts.contains(where: \.raisesShared) { watch = nil }
        case (.pop, .array): if phase == .auditing { askMoreToPop(on: end) }
        default: break
        }
    }

    /// The fate of a request will never be known.
    func lostTrack(of question: Question) {
        ledger.lostTrack(of: question)
        if case .pop = question {
            world.commons.lostPop()
            world.coverage.reach(.lostPop)
        }
    }

    /// The proxy's own words for a request that it could not pass on.
    private func isAboutTheBackend(_ text: [UInt8]) -> Bool {
        text.starts(with: "ERR cannot reach the master at ".utf8)
            || text.starts(with: "ERR cannot reach the replica at ".utf8)
    }

    /// What a server says that is not the master any more, to whoever does not know that yet. Nothing was done.
    private func isAboutTheRole(_ text: [UInt8], of question: Question) -> Bool {
        // A transaction that writes hears first of what its reads may not have.
        if case .execute(let parts) = question, !parts.allSatisfy(\.isRead),
            isAboutReplicas(text), text.starts(with: Client.discarded.utf8)
        {
            return true
        }
        return text == Following.readOnly.dropFirst().dropLast(2)
            || text == SmallServer.unblockedByRole.dropFirst().dropLast(2)
            || text.starts(with: "\(Client.discarded) of: READONLY ".utf8)
    }

    private func judgeRole(of asked: Asked, _ text: [UInt8]) {
        let isUnblocked = text.starts(with: "UNBLOCKED ".utf8)
        world.coverage.reach(.toldOfRole)
        let isRight =
            switch asked.question {
            case .pop: true
            case .set, .delete, .increment, .push, .setOpen, .script, .raiseShared: !isUnblocked
            case .queued: !isUnblocked
            case .execute(let parts): !isUnblocked && !parts.allSatisfy(\.isRead)
            default: false
            }
        if case .queued = asked.question { mayBeAborted = true }
        if !isRight || !world.roleMayBeUnknown(to: asked.at) || phase == .auditing {
            report(.failsWithReason, "\(asked.question) failed: \(text.shown)")
        }
    }

    /// What only reads are answered with, when no replica can do them.
    private func isAboutReplicas(_ text: [UInt8]) -> Bool {
        text.starts(with: "LOADING ".utf8) || text.starts(with: "NOTFRESH ".utf8)
            || text.starts(with: "MASTERDOWN ".utf8)
            || text.starts(with: "ERR no replica can be read".utf8)
            || text.starts(with: "\(Client.discarded) of: LOADING ".utf8)
            || text.starts(with: "\(Client.discarded) of: MASTERDOWN ".utf8)
    }

    /// These words are a promise: the request was never sent, so it has not run and never will.
    private func isPromisedUnsent(_ text: [UInt8]) -> Bool {
        text.reversed().starts(with: "; nothing was sent".utf8.reversed())
    }

    /// A request was given up: it must have waited for long, or stand right behind one that had. Once it was sent, its
    /// fate will never be known.
    private func judgeTimeout(of asked: Asked, wasSent: Bool) {
        if case .unwatch = asked.question { mayStillWatch = true }
        if phase == .auditing {
            report(.answers, "\(asked.question) was given up, although nothing breaks")
        }
        let hasWaited = world.now - asked.at >= .milliseconds(60)
        if wasSent {
            world.coverage.reach(.timedOut)
            lostTrack(of: asked.question)
            if case .pop = asked.question {
                report(.failsWithReason, "\(asked.question) was given up, and may take its time")
            }
            if !hasWaited { report(.failsWithReason, "\(asked.question) was given up too soon") }
            return
        }
        world.coverage.reach(.timedOutUnsent)
        if case .queued = asked.question { mayBeAborted = true }
        let isBehindOne = refusedAt.map { asked.at <= $0 } ?? false
        if !hasWaited, !isBehindOne {
            report(.failsWithReason, "\(asked.question) was refused too soon")
        }
        refusedAt = world.now
    }

    private func judgeComplaint(about asked: Asked, _ text: [UInt8]) {
        let isNobody = text.starts(with: "ERR ".utf8)
        let isOld = text.starts(with: "NOTFRESH ".utf8)
        // It may have waited, and what stands behind it as well.
        if isOld || isNobody { refusedAt = world.now }
        world.coverage.reach(isNobody ? .nobodyToRead : isOld ? .notFresh : .replicaComplaint)
        if !asked.question.mayFailAtReplicas {
            report(.failsWithReason, "\(asked.question) failed: \(text.shown)")
        }
    }

    /// True when a replica may have answered that was behind its master. At the end all have caught up.
    var mayBeStale: Bool { world.replicas > 0 && phase != .auditing }

    private func judgeFailure(of asked: Asked, _ text: [UInt8], on end: End) {
        guard end.programWasTroubled(since: asked.at) else {
            return report(.failsWithReason, "\(asked.question) failed: \(text.shown)")
        }
        guard isPromisedUnsent(text) else {
            return report(.failsWithReason, "\(asked.question) failed with \(text.shown)")
        }
        world.coverage.reach(.neverSentReply)
        refusedAt = world.now
        if case .queued = asked.question { mayBeAborted = true }
    }

    private func judge(_ reply: Reply, to asked: Asked, on end: End) {
        let isCertain = asked.serverLife == world.serverLife
        switch asked.question {
        case .multi, .queued, .execute, .discard, .watch, .unwatch, .readShared, .raiseShared:
            judgeTransaction(reply, to: asked, isCertain: isCertain, on: end)
        case .push, .pop, .publish: judgeShared(reply, to: asked, isCertain: isCertain)
        default:
            judge(reply, to: asked.question, isCertain: isCertain, mayBeStale: mayBeStale)
        }
    }

    /// What is about one key or about none, within a transaction or without.
    func judge(_ reply: Reply, to question: Question, isCertain: Bool, mayBeStale: Bool) {
        let isRight: Bool
        switch (question, reply) {
        case (.ping, .simple(let text)): isRight = text == [UInt8]("PONG")
        case (.pingWith(let payload), .bulk(let bytes)), (.echo(let payload), .bulk(let bytes)):
            isRight = payload.matches(bytes)
        case (.setOpen, .simple(let text)), (.script, .simple(let text)):
            isRight = text == [UInt8]("OK")
        case (.getOpen, .bulk), (.getOpen, .null), (.readByScript, .bulk), (.readByScript, .null),
            (.peek, .bulk), (.peek, .null), (.glance, .bulk), (.glance, .null):
            isRight = true
        case (.set(let key, let payload), .simple(let text)):
            isRight = text == [UInt8]("OK")
            ledger.keys[key].wrote(payload, certainly: isCertain)
        case (.get(let key), .bulk(let bytes)):
            return judge(bytes, in: key, mayBeStale: mayBeStale)
        case (.get(let key), .null): return judge(nil, in: key, mayBeStale: mayBeStale)
        case (.delete(let key), .integer(let count)):
            return judgeRemoval(of: count, in: key, isCertain: isCertain)
        case (.increment(let counter), .integer(let value)):
            let before = ledger.counters[counter]
            if !ledger.counters[counter].incremented(to: value, certainly: isCertain) {
                report(.counter, "INCR gave \(value), but \(before)")
            }
            return
        case (.readCounter(let counter), .bulk), (.readCounter(let counter), .null):
            return judgeCounter(reply, counter, isCertain: isCertain, mayBeStale: mayBeStale)
        case (.nonsense(let payload), .error(let text)):
            let token = payload.token
            isRight =
                text
                == [UInt8](
                    "ERR unknown command 'NONSENSE', with args beginning with: '\(token)' ")
            world.coverage.reach(.unknownCommand)
        case (.tooFewArguments, .error(let text)):
            isRight = text == [UInt8]("ERR wrong number of arguments for 'get' command")
            world.coverage.reach(.wrongArity)
        case (.setName(let payload), .simple(let text)):
            isRight = text == [UInt8]("OK")
            connectionName = [UInt8](payload.token)
        case (.getName, .bulk(let bytes)):
            isRight = bytes == connectionName
            world.coverage.reach(.answeredByProxy)
        case (.getName, .null): isRight = connectionName.isEmpty
        case (.quit, .simple(let text)): isRight = text == [UInt8]("OK")
        case (.garbage(_, let error), .error(let text)):
            isRight = text == [UInt8](error)
            world.coverage.reach(.protocolError)
        default: isRight = false
        }
        if !isRight { reportMismatch(question, reply) }
    }

    func reportMismatch(_ question: Question, _ reply: Reply) {
        report(.replyMatches, "\(question) was answered by \(reply)")
    }

    private func judge(_ bytes: [UInt8]?, in key: Int, mayBeStale: Bool) {
        let before = ledger.keys[key]
        switch mayBeStale ? before.sawOnReplica(bytes) : ledger.keys[key].saw(bytes) {
        case .expected: break
        case .unknownWrite: world.coverage.reach(.unknownWriteSeen)
        case .stale: world.coverage.reach(.staleRead)
        case .impossible:
            report(.value, "key \(key) holds \(bytes.map(\.shown) ?? "nothing"), but \(before)")
        }
    }

    private func judgeRemoval(of count: Int, in key: Int, isCertain: Bool) {
        let before = ledger.keys[key]
        if !before.mayHaveRemoved(count) {
            report(.value, "DEL of key \(key) removed \(count), but \(before)")
        }
        ledger.keys[key].wrote(nil, certainly: isCertain)
    }

    private func judgeCounter(
        _ reply: Reply, _ counter: Int, isCertain: Bool, mayBeStale: Bool
    ) {
        var value: Int? = 0
        if case .bulk(let bytes) = reply { value = Int(String(decoding: bytes, as: UTF8.self)) }
        let before = ledger.counters[counter]
        guard let value else { return report(.replyMatches, "counter holds \(reply)") }
        if mayBeStale {
            if !before.mayHaveBeen(value) {
                report(.counter, "GET gave \(value), but \(before)")
            }
            return
        }
        if !ledger.counters[counter].read(value, certainly: isCertain) {
            report(.counter, "GET gave \(value), but \(before)")
        }
    }

    /// A connection came to its end: was there a reason?
    func judgeEnd(of end: End) {
        if end.wasHarmed || isToldOfEnd { return }
        if waitsForReplies {
            let asked = unanswered[firstUnanswered]
            if isHalfClosed, unanswered[firstUnanswered...].contains(where: \.question.mayBlock) {
                // Who may be gone would take away from others what it waits for.
                return
            }
            if end.programWasTroubled(since: asked.at), end.mayHavePassedOn(since: asked.at) {
                world.coverage.reach(.closedForUnknownFate)
            } else {
                report(.closesWithReason, "closed while it waited for \(asked.question)")
            }
        } else if reader.unfinished > 0 {
            report(.replyMatches, "closed inside a reply, and nothing had broken")
        } else if !isLeaving {
            report(.closesWithReason, "closed, and it had not asked for it")
        }
    }
}

extension End {
    /// Whether the program at the other end has missed a connection that it wants.
    func programWasTroubled(since start: Instant) -> Bool {
        guard let node = peer.host as? Node else { return false }
        return node.isInTrouble || node.lastTrouble >= start
    }

    /// False when the program at the other end has had nobody to pass a request on to all the while: then it has
    /// to say so, and need not close the connection.
    func mayHavePassedOn(since start: Instant) -> Bool {
        guard let node = peer.host as? Node, node.role == .proxy else { return true }
        return node.linksUp > 0 || node.lastUp >= start
    }
}
