// A client of the workload: it connects, asks, remembers what it asked, and judges every reply.

import RESP

/// One client, over all the connections that it makes in a run.
final class Client: Host {
    enum State {
        case away
        case connecting(Attempt)
        case talking(End)
    }

    /// What it was told to do.
    enum Phase {
        /// Ask whatever comes to mind, leave and come back.
        case busy
        /// Ask nothing more, and wait for what is owed.
        case waiting
        /// Look at everything that it has written, over a new connection if there is none.
        case auditing
        case finished
    }

    struct Asked {
        let question: Question
        let at: Instant
        /// How often the server had been restarted when it was asked.
        let serverLife: Int
    }

    let number: Int
    private let endpoint: Endpoint
    private let behaviour: Behaviour
    private var random: Random
    private(set) var state = State.away
    private(set) var phase = Phase.busy
    private(set) var unanswered: [Asked] = []
    private var firstUnanswered = 0
    private var ledger = Ledger()
    private var reader = ReplyReader()
    /// What the connection was named last, among the requests that were answered.
    private var connectionName: [UInt8] = []
    private var unsent: [UInt8] = []
    /// How many bytes of `unsent` have been written.
    private var written = 0
    private var payloads = 0
    private var asksLeft = 0
    /// It has said that it will send no more, and waits for the end of the connection.
    private var isLeaving = false
    private var closesWhenSent = false
    private var willLook = false
    private var willAct = false
    /// Replies that were judged.
    private(set) var answered = 0

    init(number: Int, in world: World, behaviour: Behaviour, random: Random, endpoint: Endpoint) {
        self.number = number
        self.behaviour = behaviour
        self.random = random
        self.endpoint = endpoint
        super.init("client \(number)", role: .client, in: world)
    }

    private var waitsForReplies: Bool { firstUnanswered < unanswered.count }

    /// True when nothing is owed to it.
    var isSettled: Bool {
        switch phase {
        case .busy: false
        case .waiting: !waitsForReplies && unsent.isEmpty && !isConnecting
        case .auditing: false
        case .finished: true
        }
    }

    /// What it waits for, in words.
    var waitsFor: String {
        let owed = unanswered.count - firstUnanswered
        let oldest = waitsForReplies ? ", first \(unanswered[firstUnanswered].question)" : ""
        return "\(name), \(phase), \(owed) requests unanswered\(oldest)"
    }

    private var isConnecting: Bool {
        if case .connecting = state { true } else { false }
    }

    // MARK: Acting

    func start() {
        plan(in: random.wait(mean: .milliseconds(2)))
    }

    private func plan(in delay: Duration) {
        guard !willAct else { return }
        willAct = true
        world.schedule(.act(self), in: delay)
    }

    func act() {
        willAct = false
        switch (phase, state) {
        case (.busy, .away), (.auditing, .away):
            state = .connecting(world.network.connect(from: self, link: nil, to: endpoint))
        case (.busy, .talking(let end)):
            if !isLeaving { askSome(on: end) }
            plan(in: random.wait(mean: behaviour.thinks))
        default: break
        }
    }

    /// Nothing breaks any more, and it shall ask nothing more.
    func fallQuiet() {
        phase = .waiting
        if case .talking(let end) = state { look(at: end) }
    }

    func audit() {
        phase = .auditing
        switch state {
        case .away: plan(in: .zero)
        case .connecting: break
        case .talking(let end):
            // One that is on its way out asks over a new connection, when this one has come to its end.
            if !isLeaving { askEverything(on: end) }
        }
    }

    func leave() {
        if case .talking(let end) = state { world.network.close(end) }
        state = .away
    }

    private func askSome(on end: End) {
        let room = behaviour.depth - (unanswered.count - firstUnanswered)
        guard room > 0, unsent.count - written < 1 << 20 else { return }
        for _ in 0..<min(random.size(upTo: room), asksLeft) {
            asksLeft -= 1
            ask(anyQuestion())
        }
        if asksLeft == 0 { beginToLeave(end) }
        flush(end)
    }

    private func askEverything(on end: End) {
        for key in 0..<Ledger.keyCount { ask(.get(key: key)) }
        for counter in 0..<Ledger.counterCount {
            ask(.readCounter(counter))
            ask(.increment(counter: counter))
        }
        ask(.echo(payload(size: 40)))
        flush(end)
    }

    private func beginToLeave(_ end: End) {
        isLeaving = true
        switch behaviour.leave(from: &random) {
        case .halfClose:
            world.coverage.reach(.halfClose)
            closesWhenSent = true
        case .quit:
            world.coverage.reach(.quit)
            ask(.quit)
            if random.chance(0.3) { askInVain(on: end) }
        case .garbage:
            world.coverage.reach(.garbage)
            let garbage = random.pick(Question.garbage)
            ask(.garbage([UInt8](garbage.bytes), error: garbage.error))
        case .abruptly:
            world.coverage.reach(.abruptClose)
            world.network.close(end)
            gone()
        case .vanish:
            world.coverage.reach(.vanish)
            world.network.vanish(end)
            gone()
        }
    }

    /// Asks behind its QUIT: that must not be answered. The connection may then be reset, and take the reply to
    /// QUIT with it, since the other side closes with bytes unread.
    private func askInVain(on end: End) {
        world.coverage.reach(.askedAfterQuit)
        _ = RequestForm.multibulk.write([[UInt8]("ECHO"), [UInt8]("in vain")], to: &unsent)
        end.wasHarmed = true
    }

    private func anyQuestion() -> Question {
        let key = random.below(Ledger.keyCount)
        let counter = random.below(Ledger.counterCount)
        switch random.below(100) {
        case ..<20: return .set(key: key, payload(size: behaviour.size(from: &random)))
        case ..<40: return .get(key: key)
        case ..<60: return .increment(counter: counter)
        case ..<65: return .readCounter(counter)
        case ..<70: return .delete(key: key)
        case ..<86: return .echo(payload(size: behaviour.size(from: &random)))
        case ..<88: return .setName(payload(size: 20))
        case ..<90: return .getName
        case ..<94: return .pingWith(payload(size: 20))
        case ..<97: return .ping
        case ..<99: return .nonsense(payload(size: 20))
        default: return .tooFewArguments
        }
    }

    private func payload(size: Int) -> Payload {
        payloads += 1
        if size > 10_000 { world.coverage.reach(.largeValue) }
        if size == 0 { world.coverage.reach(.emptyValue) }
        return Payload(client: number, number: payloads, size: size)
    }

    private func ask(_ question: Question) {
        guard case .talking = state else { return }
        unanswered.append(
            Asked(question: question, at: world.now, serverLife: world.serverLife))
        if case .garbage(let bytes, _) = question {
            unsent.append(contentsOf: bytes)
            return
        }
        var form = RequestForm.multibulk
        if random.chance(behaviour.inlineShare) { form = random.chance(0.5) ? .inline : .quoted }
        switch form.write(question.arguments(of: number), to: &unsent) {
        case .multibulk: break
        case .inline: world.coverage.reach(.inlineRequest)
        case .quoted: world.coverage.reach(.quotedRequest)
        }
    }

    private func flush(_ end: End) {
        guard !end.isClosed else { return }
        if !unsent.isEmpty {
            written += world.network.write(unsent, from: written, to: end)
            if written == unsent.count { dropUnsent() }
        }
        if unsent.isEmpty, closesWhenSent {
            closesWhenSent = false
            world.network.finish(end)
        }
    }

    private func dropUnsent() {
        unsent.removeAll(keepingCapacity: true)
        written = 0
    }

    // MARK: What the network says

    override func connected(_ attempt: Attempt, _ end: End) {
        state = .talking(end)
        asksLeft = behaviour.stays
        switch phase {
        case .busy: plan(in: random.wait(mean: behaviour.thinks))
        case .waiting, .finished: break
        case .auditing: askEverything(on: end)
        }
    }

    override func refused(_ attempt: Attempt, reason: String) {
        state = .away
        plan(in: random.wait(mean: .milliseconds(10)))
    }

    override func writable(_ end: End) {
        flush(end)
    }

    override func readable(_ end: End) {
        guard behaviour.readsSlowly, phase == .busy else { return look(at: end) }
        guard !willLook else { return }
        willLook = true
        world.coverage.reach(.slowReader)
        world.schedule(.look(self), in: random.wait(mean: behaviour.pauses))
    }

    /// The pause of a client that reads slowly is over.
    func look() {
        willLook = false
        if case .talking(let end) = state { look(at: end) }
    }

    private func look(at end: End) {
        guard case .talking(let current) = state, current === end else { return }
        read(from: end)
        guard case .talking(let current) = state, current === end else { return }
        if end.incoming.arrived > 0 { return readable(end) }
        if end.isLost || end.incoming.hasEnded { ended(end) }
    }

    private func read(from end: End) {
        let arrived = end.incoming.arrived
        guard arrived > 0 else { return }
        let isSlow = behaviour.readsSlowly && phase == .busy
        let count = isSlow ? random.size(upTo: arrived) : arrived
        var bytes: [UInt8] = []
        end.incoming.bytes.copy(count, to: &bytes)
        world.network.consume(count, from: end)
        world.delivered(bytes.span, to: self, on: end)
        reader.append(bytes.span)
        while !world.isOver, let reply = reader.next() { judge(reply, on: end) }
        if phase == .auditing, !waitsForReplies, !isLeaving { phase = .finished }
    }

    /// The other side has closed, or the connection was lost.
    private func ended(_ end: End) {
        judgeEnd(of: end)
        world.network.close(end)
        gone()
    }

    private func gone() {
        for asked in unanswered[firstUnanswered...] { ledger.lostTrack(of: asked.question) }
        unanswered.removeAll(keepingCapacity: true)
        firstUnanswered = 0
        dropUnsent()
        reader = ReplyReader()
        connectionName = []
        isLeaving = false
        closesWhenSent = false
        state = .away
        switch phase {
        case .busy, .auditing: plan(in: random.wait(mean: .milliseconds(5)))
        case .waiting, .finished: break
        }
    }

    func serverRestarted() {
        ledger.serverRestarted()
    }

    // MARK: Judging

    private func report(_ law: Law, _ text: String) {
        world.report(law, "\(name): \(text)")
    }

    private func judge(_ reply: Reply, on end: End) {
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
            judgeTimeout(of: asked)
        } else if case .error(let text) = reply, isAboutReplicas(text) {
            judgeComplaint(about: asked, text)
        } else if case .error(let text) = reply, isAboutTheBackend(text) {
            judgeFailure(of: asked, text, on: end)
        } else {
            judge(reply, to: asked)
        }
    }

    /// The proxy's own words for a request that it could not pass on.
    private func isAboutTheBackend(_ text: [UInt8]) -> Bool {
        text.starts(with: "ERR cannot reach the master at ".utf8)
            || text.starts(with: "ERR cannot reach the replica at ".utf8)
    }

    /// What only reads are answered with, when no replica can do them.
    private func isAboutReplicas(_ text: [UInt8]) -> Bool {
        text.starts(with: "LOADING ".utf8) || text.starts(with: "MASTERDOWN ".utf8)
            || text.starts(with: "ERR no replica can be read".utf8)
    }

    /// The fate of the request will never be known; it must have waited for long.
    private func judgeTimeout(of asked: Asked) {
        world.coverage.reach(.timedOut)
        ledger.lostTrack(of: asked.question)
        if world.now - asked.at < .milliseconds(60) {
            report(.failsWithReason, "\(asked.question) was given up too soon")
        }
    }

    private func judgeComplaint(about asked: Asked, _ text: [UInt8]) {
        world.coverage.reach(text[0] == UInt8(ascii: "E") ? .nobodyToRead : .replicaComplaint)
        switch asked.question {
        case .set, .delete, .increment, .setName, .getName, .quit:
            report(.failsWithReason, "\(asked.question) failed: \(text.shown)")
        default: break
        }
    }

    /// True when a replica may have answered that was behind its master. At the end all have caught up.
    private var mayBeStale: Bool { world.replicas > 0 && phase != .auditing }

    private func judgeFailure(of asked: Asked, _ text: [UInt8], on end: End) {
        guard wasTroubled(end, since: asked.at) else {
            return report(.failsWithReason, "\(asked.question) failed: \(text.shown)")
        }
        // These words are a promise: the request was never sent, so it has not run and never will.
        guard text.reversed().starts(with: "; nothing was sent".utf8.reversed()) else {
            return report(.failsWithReason, "\(asked.question) failed with \(text.shown)")
        }
        world.coverage.reach(.neverSentReply)
    }

    private func wasTroubled(_ end: End, since start: Instant) -> Bool {
        guard let node = end.peer.host as? Node else { return false }
        return node.isInTrouble || node.lastTrouble >= start
    }

    /// False when the program at the other end has had nobody to pass a request on to all the while: then it has
    /// to say so, and need not close the connection.
    private func mayHaveBeenSent(since start: Instant, by end: End) -> Bool {
        guard let node = end.peer.host as? Node, node.role == .proxy else { return true }
        return node.linksUp > 0 || node.lastUp >= start
    }

    private func judge(_ reply: Reply, to asked: Asked) {
        let isCertain = asked.serverLife == world.serverLife
        let isRight: Bool
        switch (asked.question, reply) {
        case (.ping, .simple(let text)): isRight = text == [UInt8]("PONG")
        case (.pingWith(let payload), .bulk(let bytes)), (.echo(let payload), .bulk(let bytes)):
            isRight = payload.matches(bytes)
        case (.set(let key, let payload), .simple(let text)):
            isRight = text == [UInt8]("OK")
            ledger.keys[key].wrote(payload, certainly: isCertain)
        case (.get(let key), .bulk(let bytes)): return judge(bytes, in: key)
        case (.get(let key), .null): return judge(nil, in: key)
        case (.delete(let key), .integer(let count)):
            return judgeRemoval(of: count, in: key, isCertain: isCertain)
        case (.increment(let counter), .integer(let value)):
            let before = ledger.counters[counter]
            if !ledger.counters[counter].incremented(to: value, certainly: isCertain) {
                report(.counter, "INCR gave \(value), but \(before)")
            }
            return
        case (.readCounter(let counter), .bulk), (.readCounter(let counter), .null):
            return judgeCounter(reply, counter, isCertain: isCertain)
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
        if !isRight { report(.replyMatches, "\(asked.question) was answered by \(reply)") }
    }

    private func judge(_ bytes: [UInt8]?, in key: Int) {
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

    private func judgeCounter(_ reply: Reply, _ counter: Int, isCertain: Bool) {
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
    private func judgeEnd(of end: End) {
        if end.wasHarmed { return }
        if waitsForReplies {
            let asked = unanswered[firstUnanswered]
            if wasTroubled(end, since: asked.at), mayHaveBeenSent(since: asked.at, by: end) {
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
