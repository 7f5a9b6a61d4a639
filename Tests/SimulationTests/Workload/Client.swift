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
        /// What it could count on then: a place for each of its keys.
        let known: [Int]
    }

    /// What it knows of the key that it watches.
    struct Watch {
        let since: Instant
        var isConfirmed = false
        /// The key was read, or could not be.
        var isRead = false
        var value: Int?
        /// The transaction is asked that it was for.
        var isOver = false
    }

    let number: Int
    private let endpoint: Endpoint
    private let behaviour: Behaviour
    private var random: Random
    private(set) var state = State.away
    private(set) var phase = Phase.busy
    var unanswered: [Asked] = []
    var firstUnanswered = 0
    var ledger = Ledger()
    var reader = ReplyReader()
    /// What the connection was named last, among the requests that were answered.
    var connectionName: [UInt8] = []
    /// What it was told on the connection at hand of each key: a place in the chronicle.
    var told: [[UInt8]: Int] = [:]
    private var unsent: [UInt8] = []
    /// How many bytes of `unsent` have been written.
    private var written = 0
    private var payloads = 0
    private var asksLeft = 0
    /// It has said that it will send no more, and waits for the end of the connection.
    private(set) var isLeaving = false
    private var closesWhenSent = false
    /// It has said that it will send no more.
    private(set) var isHalfClosed = false
    /// It was told that its connection has come to its end.
    var isToldOfEnd = false
    /// It watches the shared key: meanwhile it begins no other transaction.
    var watch: Watch?
    /// An UNWATCH was refused: the next EXEC may still be about what was watched.
    var mayStillWatch = false
    /// A request of the transaction was refused, so that EXEC will not run it.
    var mayBeAborted = false
    /// When it last read that a request was refused, which may have waited for long: what it sent before that may be
    /// refused with it.
    var refusedAt: Instant?
    private var connections = 0
    private var editions = 0
    private var willLook = false
    private var willAct = false
    /// Replies that were judged.
    var answered = 0

    init(number: Int, in world: World, behaviour: Behaviour, random: Random, endpoint: Endpoint) {
        self.number = number
        self.behaviour = behaviour
        self.random = random
        self.endpoint = endpoint
        super.init("client \(number)", role: .client, in: world)
    }

    var waitsForReplies: Bool { firstUnanswered < unanswered.count }

    override var isSettled: Bool {
        switch phase {
        case .busy: false
        case .waiting: !waitsForReplies && unsent.isEmpty && !isConnecting
        case .auditing: false
        case .finished: true
        }
    }

    override var isFinished: Bool { phase == .finished }

    override var waitsFor: String {
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

    override func act() {
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
        if let watch, !watch.isOver {
            goOn(watch)
            return flush(end)
        }
        let room = behaviour.depth - (unanswered.count - firstUnanswered)
        guard room > 0, unsent.count - written < 1 << 20 else { return }
        for _ in 0..<min(random.size(upTo: room), asksLeft) {
            asksLeft -= 1
            if world.isChronicled, random.chance(0.35) {
                ask(openQuestion())
            } else if world.asksMore, random.chance(0.25) {
                askMore()
            } else {
                ask(anyQuestion())
            }
        }
        if asksLeft == 0 { beginToLeave(end) }
        flush(end)
    }

    private func askEverything(on end: End) {
        for key in 0..<Ledger.keyCount { ask(.get(key: key)) }
        if world.isChronicled { for key in Commons.openKeys.indices { ask(.getOpen(key)) } }
        for counter in 0..<Ledger.counterCount {
            ask(.readCounter(counter))
            ask(.increment(counter: counter))
        }
        ask(.echo(payload(size: 40)))
        if world.asksMore { askForWhatIsShared() }
        flush(end)
    }

    private func askForWhatIsShared() {
        if watch != nil { endWatch() }
        askTransaction([.readCounter(Ledger.twins[0]), .readCounter(Ledger.twins[1])])
        askTransaction(Ledger.twins.map(Question.increment))
        ask(.publish(nextEdition(isLast: true)))
        askToPop()
    }

    /// In the audit it pops until nothing is left.
    private func askToPop() {
        ask(.pop(patience: phase == .auditing ? .milliseconds(1) : random.pick(Client.patiences)))
    }

    func askMoreToPop(on end: End) {
        askToPop()
        flush(end)
    }

    private static let patiences: [Duration] = [
        .milliseconds(2), .milliseconds(20), .milliseconds(100),
    ]

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

    /// About keys that all write and all read.
    private func openQuestion() -> Question {
        let key = random.below(Commons.openKeys.count)
        switch random.below(20) {
        case ..<6: return .setOpen(key, payload(size: 24))
        case ..<15: return .getOpen(key)
        case ..<16: return .script(key, payload(size: 24))
        case ..<17: return .readByScript(key)
        case ..<18: return .peek
        default: return .glance
        }
    }

    /// About what clients share, and about more than one key at once.
    private func askMore() {
        switch random.below(10) {
        case ..<3: askTransaction(transactionParts())
        case ..<5: beginWatch()
        case ..<7:
            let element = payload(size: 40 + random.size(upTo: 64))
            world.commons.willPush(element.bytes)
            ask(.push(element))
        case ..<8: askToPop()
        default:
            for _ in 0..<random.within(1...8) { ask(.publish(nextEdition(isLast: false))) }
        }
    }

    /// The twins are incremented together, and with nothing else than transactions.
    private func transactionParts() -> [Question] {
        let key = random.below(Ledger.keyCount)
        if random.chance(0.4) {
            let open = Question.getOpen(random.below(Commons.openKeys.count))
            return [
                .readCounter(Ledger.twins[0]), .get(key: key), open, .readCounter(Ledger.twins[1]),
            ]
        }
        let open = random.below(Commons.openKeys.count)
        var parts = [Question.increment(counter: Ledger.twins[0])]
        if random.chance(0.5) { parts.append(.setOpen(open, payload(size: 24))) }
        if random.chance(0.3) { parts.append(.getOpen(open)) }
        if random.chance(0.5) { parts.append(.set(key: key, payload(size: random.size(upTo: 64)))) }
        if random.chance(0.5) { parts.append(.get(key: key)) }
        if random.chance(0.5) { parts.append(.increment(counter: 0)) }
        return parts + [.increment(counter: Ledger.twins[1])]
    }

    private func askTransaction(_ parts: [Question]) {
        // What is watched would decide on this one.
        guard watch == nil else { return }
        ask(.multi)
        for part in parts { ask(.queued(part)) }
        ask(phase == .busy && random.chance(0.1) ? .discard : .execute(parts))
    }

    private func beginWatch() {
        guard watch == nil else { return }
        watch = Watch(since: world.now)
        ask(.watch)
        ask(.readShared)
    }

    /// When the shared key was read it is raised, after a while, unless somebody has been faster.
    private func goOn(_ watch: Watch) {
        guard watch.isRead else { return }
        guard let value = watch.value, watch.isConfirmed else { return endWatch() }
        guard random.chance(0.3) else { return }
        let parts: [Question] = [
            .increment(counter: Ledger.twins[0]), .raiseShared(to: value + 1),
            .setOpen(random.below(Commons.openKeys.count), payload(size: 24)),
            .increment(counter: Ledger.twins[1]),
        ]
        ask(.multi)
        for part in parts { ask(.queued(part)) }
        ask(.execute(parts))
        self.watch?.isOver = true
    }

    private func endWatch() {
        watch = nil
        ask(.unwatch)
    }

    private func nextEdition(isLast: Bool) -> Edition {
        editions += 1
        return Edition(client: number, connection: connections, number: editions, isLast: isLast)
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
            Asked(
                question: question, at: world.now, serverLife: world.serverLife,
                known: question.parts.map(known)))
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
            isHalfClosed = true
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
        connections += 1
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
    override func look() {
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
        for asked in unanswered[firstUnanswered...] { lostTrack(of: asked.question) }
        unanswered.removeAll(keepingCapacity: true)
        firstUnanswered = 0
        dropUnsent()
        reader = ReplyReader()
        connectionName = []
        told = [:]
        isLeaving = false
        closesWhenSent = false
        isHalfClosed = false
        isToldOfEnd = false
        watch = nil
        mayStillWatch = false
        mayBeAborted = false
        refusedAt = nil
        state = .away
        switch phase {
        case .busy, .auditing: plan(in: random.wait(mean: .milliseconds(5)))
        case .waiting, .finished: break
        }
    }

    func serverRestarted(mayKeep: Bool) {
        ledger.serverRestarted(mayKeep: mayKeep)
    }
}
