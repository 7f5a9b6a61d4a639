// The connections to the sentinels: made, asked over, given up and made again.

import RESP

extension SentinelCore {
    /// What makes it worth asking at once. Each names the master that it is about.
    static let channels = [
        "+switch-master", "+promoted-slave", "+config-update-from", "+failover-end",
        "+sdown", "-sdown", "+odown", "-odown", "+slave", "+sentinel", "+reset-master",
        "+convert-to-slave", "+role-change", "-role-change", "+reboot",
    ]

    static let firstDelay = Duration.milliseconds(100)
    static let longestDelay = Duration.seconds(1)
    /// What a person has to put right takes a while: so that no sentinel's log is filled meanwhile.
    static let refusedDelay = Duration.seconds(5)

    // MARK: Time

    /// Does what is due.
    func lookAfter(_ peer: SentinelPeer) {
        for line in peer.lines {
            switch line.state {
            case .waiting(let due?) where due <= now.instant: connect(line)
            case .standing:
                if let askedAt = line.askedAt, askedAt + timeouts.probe <= now.instant {
                    lose(line, .silent)
                }
            case .waiting, .connecting: break
            }
        }
        if peer.questions.id != nil, peer.questions.askedAt == nil, peer.nextRound <= now.instant {
            beginRound(peer)
        }
    }

    /// When something of it is next due.
    func deadline(of peer: SentinelPeer) -> Instant? {
        var dues: [Instant] = []
        for line in peer.lines {
            switch line.state {
            case .waiting(let due?): dues.append(due)
            case .standing:
                if let askedAt = line.askedAt { dues.append(askedAt + timeouts.probe) }
            case .waiting, .connecting: break
            }
        }
        if peer.questions.id != nil, peer.questions.askedAt == nil { dues.append(peer.nextRound) }
        return dues.min()
    }

    // MARK: Connections

    private func connect(_ line: SentinelLine) {
        lastLink += 1
        let link = LinkID(number: lastLink)
        line.state = .connecting(link)
        pending.wishes.append(.connect(link, line.peer.endpoint))
    }

    func line(connecting link: LinkID) -> SentinelLine? {
        peers.lazy.flatMap(\.lines).first {
            if case .connecting(link) = $0.state { true } else { false }
        }
    }

    func line(standing link: LinkID) -> SentinelLine? {
        peers.lazy.flatMap(\.lines).first {
            if case .standing(link, _) = $0.state { true } else { false }
        }
    }

    func welcome(_ link: LinkID, as id: ConnectionID) {
        // Given up meanwhile, when the driver had said so already.
        guard let line = line(connecting: link) else {
            pending.wishes.append(.close(id))
            return
        }
        line.state = .standing(link, id)
        connections.insert(line, for: id)
        let isOpen = line.use == .events && line.peer.isKnownOpen
        if let password = settings.password, !isOpen {
            var words = [Array("AUTH".utf8)]
            if let name = settings.username { words.append(Array(name.utf8)) }
            words.append(password.bytes)
            say(words, on: line)
        }
        switch line.use {
        case .questions:
            line.peer.isAuthenticating = settings.password != nil
            line.peer.nextRound = now.instant
        case .events:
            say((["SUBSCRIBE"] + SentinelCore.channels).map { Array($0.utf8) }, on: line)
        }
    }

    /// Lets go of a connection, or of the attempt to make one.
    func cut(_ line: SentinelLine) {
        switch line.state {
        case .waiting: break
        case .connecting(let link): pending.wishes.append(.abandon(link))
        case .standing(_, let id):
            connections.remove(id)
            pending.wishes.append(.close(id))
        }
        line.reset()
        line.state = .waiting(until: nil)
    }

    /// A connection is of no use any more, or was not to be had.
    func lose(_ line: SentinelLine, _ trouble: SentinelTrouble, _ reason: String = "") {
        let peer = line.peer
        cut(line)
        let isRefusal = if case .refuses = trouble { true } else { false }
        let delay =
            isRefusal
            ? SentinelCore.refusedDelay
            : min(SentinelCore.firstDelay * (1 << min(line.failures, 8)), SentinelCore.longestDelay)
        line.failures += 1
        line.state = .waiting(until: now.instant + delay)
        // Without its answers its events are of no use either; those alone are only missed.
        guard line.use == .questions else { return }
        cut(peer.events)
        peer.replies = []
        loseOrder(of: peer)
        note(trouble, reason, of: peer)
        guard peer.testimony != nil else { return }
        peer.testimony = nil
        deliberate()
    }

    private func note(_ trouble: SentinelTrouble, _ reason: String, of peer: SentinelPeer) {
        guard peer.trouble != trouble else { return }
        peer.trouble = trouble
        let what =
            switch trouble {
            case .unreachable: "cannot be asked: \(reason)"
            case .silent: "does not answer"
            case .refuses(let refusal): refusal.explanation(of: settings.masterName)
            }
        pending.log(.warning, "Sentinel \(peer.endpoint) \(what)")
    }

    private func say(_ words: [[UInt8]], on line: SentinelLine) {
        guard let id = line.id else { preconditionFailure("words for a line that does not stand") }
        line.output.appendArrayHeader(words.count)
        for word in words { line.output.appendBulk(word.span) }
        line.askedAt = line.askedAt ?? now.instant
        if line.isListed { return }
        line.isListed = true
        pending.output.append(id)
    }

    // MARK: Questions

    private func beginRound(_ peer: SentinelPeer) {
        peer.lastRound = now.instant
        peer.nextRound = now.instant + max(timeouts.probeInterval, SentinelCore.shortestInterval)
        for question in SentinelQuestion.allCases {
            say(question.words(of: settings.masterName).map { Array($0.utf8) }, on: peer.questions)
        }
        if peer.order == .waiting {
            peer.order = .sent
            let words = ["SENTINEL", "FAILOVER", settings.masterName]
            say(words.map { Array($0.utf8) }, on: peer.questions)
        }
        // Whoever says nothing for a long time may be gone without a word.
        if peer.events.id != nil { say([Array("PING".utf8)], on: peer.events) }
    }

    /// Asks again as soon as that is decent, since something has happened.
    func hasten(_ peer: SentinelPeer) {
        let soonest = peer.lastRound.map { $0 + SentinelCore.shortestInterval } ?? now.instant
        peer.nextRound = min(peer.nextRound, max(soonest, now.instant))
    }

    // MARK: Answers

    func take(_ bytes: Span<UInt8>, from line: SentinelLine) {
        line.parser.append(bytes)
        do throws(ReplyError) {
            // A line that was lost in between has a new parser, which has nothing.
            while let reply = try line.parser.next() { take(reply, from: line) }
        } catch {
            let refusal = SentinelRefusal.unreadable("what it sends is no reply")
            lose(line, .refuses(refusal))
        }
    }

    private func take(_ reply: Reply, from line: SentinelLine) {
        switch line.use {
        case .questions: takeAnswer(reply, from: line.peer)
        case .events:
            line.askedAt = nil
            takeEvent(reply, from: line)
        }
    }

    private func takeAnswer(_ reply: Reply, from peer: SentinelPeer) {
        guard peer.questions.askedAt != nil else {
            let refusal = SentinelRefusal.unreadable("it answers what it was not asked")
            return lose(peer.questions, .refuses(refusal))
        }
        if peer.isAuthenticating {
            peer.isAuthenticating = false
            peer.questions.askedAt = nil
            return judgeAuthentication(reply, of: peer)
        }
        peer.replies.append(reply)
        let isOrdered = peer.order == .sent
        guard peer.replies.count == SentinelQuestion.allCases.count + (isOrdered ? 1 : 0) else {
            return
        }
        if isOrdered { takeAnswer(toOrder: peer.replies.removeLast(), from: peer) }
        let replies = peer.replies
        peer.replies = []
        peer.questions.askedAt = nil
        do throws(SentinelRefusal) {
            accept(try SentinelTestimony(replies).translated(by: addresses), of: peer)
        } catch {
            lose(peer.questions, .refuses(error))
        }
    }

    /// While passwords are being introduced, some sentinels do not have one yet: what they say is good all the same.
    private func judgeAuthentication(_ reply: Reply, of peer: SentinelPeer) {
        guard case .error(let line) = reply else {
            peer.isKnownOpen = false
            return
        }
        let text = String(decoding: line, as: UTF8.self)
        if text.hasPrefix("WRONGPASS") {
            lose(peer.questions, .refuses(.wrongPassword))
        } else if !peer.isKnownOpen {
            peer.isKnownOpen = true
            pending.log(
                .warning,
                "Sentinel \(peer.endpoint) takes no password (\(text)): give it one, or leave 'password' out of "
                    + "backends.sentinel")
        }
    }

    private func accept(_ testimony: SentinelTestimony, of peer: SentinelPeer) {
        if peer.trouble != nil {
            peer.trouble = nil
            pending.log(.notice, "Sentinel \(peer.endpoint) answers again")
        }
        peer.questions.failures = 0
        if peer.testimony == nil { peer.events.state = .waiting(until: now.instant) }
        peer.id = testimony.id
        guard testimony != peer.testimony else { return }
        peer.testimony = testimony
        deliberate()
    }

    // MARK: Events

    private func takeEvent(_ reply: Reply, from line: SentinelLine) {
        line.failures = 0
        switch reply {
        case .error(let text):
            if !line.peer.isKnownMute {
                line.peer.isKnownMute = true
                pending.log(
                    .warning,
                    "Sentinel \(line.peer.endpoint) tells no events (\(String(decoding: text, as: UTF8.self))): "
                        + "what happens is noticed by asking alone")
            }
            lose(line, .refuses(.unreadable("")))
        case .array(let parts):
            guard parts.count == 3, parts[0] == .bulk(Array("message".utf8)),
                case .bulk(let text) = parts[2],
                text.split(separator: UInt8(ascii: " ")).contains(where: {
                    $0.elementsEqual(settings.masterName.utf8)
                })
            else { return }
            // What one has seen the others will know in a moment.
            for peer in peers { hasten(peer) }
        default: break
        }
    }
}
