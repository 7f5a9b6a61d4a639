// The simulator's counterpart of the event loop: it drives one core over the virtual network and disk, through the
// same calls in the same order, and watches that the core keeps its side of the interface.

import RESP

/// One core, its connections and its disk.
final class Node: Host {
    private var random: Random
    private unowned var machine: Machine!
    /// Its place among the nodes of its machine: the number of its worker.
    private var number = 0
    /// When the last message to each node of the machine arrives; none overtakes it.
    private var lastArrival: [Instant] = []
    private(set) var core: (any Core)?
    private var inspectable: (any Inspectable)?
    private(set) lazy var disk = Disk(of: self, random: random.split())
    /// Which life of its machine this is.
    private(set) var life = 0

    // Connections by slot. A slot is used again as soon as it is free, the newest first or any: cores must not care.
    private var ends: [End?] = []
    private var generations: [UInt32] = []
    private var freeSlots: [Int] = []
    /// Attempts to connect that are under way, in the order of their wishes.
    private var attempts: [Attempt] = []

    // What waits for the next turn.
    private var opened: [End] = []
    private var ready: [End] = []
    private var news: [News] = []
    private var roomFor: [End] = []
    /// Connections that were closed in this turn; the core may still name them until the turn is over.
    private var closedThisTurn: [ConnectionID] = []
    /// Connections whose output was taken in the last round.
    private var drained: [ConnectionID] = []

    private var turnAt: Instant?
    private var stalledUntil = Instant(nanoseconds: 0)
    /// What the core asked to be told when; the last of its asking.
    private var wakeAt: Instant?
    /// Reads are handed over in this memory, which is overwritten afterwards.
    private var scratch: [UInt8] = []

    /// The last time at which a wished connection was missing, for judging who may fail for what.
    private(set) var lastTrouble = Instant(nanoseconds: 0)
    private(set) var linksUp = 0 { didSet { lastUp = world.now } }
    /// When a wished connection last came or went; since then there have been `linksUp`.
    private(set) var lastUp = Instant(nanoseconds: 0)

    init(_ name: String, role: Role, in world: World, random: Random) {
        self.random = random
        super.init(name, role: role, in: world)
    }

    func join(_ machine: Machine, as number: Int) {
        self.machine = machine
        self.number = number
    }

    /// True while a connection that the core wished is not there.
    var isInTrouble: Bool {
        core == nil || !attempts.isEmpty || (inspectable?.missesServers ?? false)
    }

    private func noteTrouble() {
        lastTrouble = world.now
    }

    // MARK: Living and dying

    func start(_ core: any Core, life: Int) {
        self.life = life
        self.core = core
        lastArrival = Array(repeating: world.now, count: machine.nodes.count)
        inspectable = core as? any Inspectable
        noteTrouble()
        wakeAt = world.now
        wake(in: .zero)
    }

    func crash() {
        for end in world.network.ends(of: self) { abandon(end) }
        for attempt in attempts { attempt.isAbandoned = true }
        attempts.removeAll()
        generations = generations.map { $0 &+ 1 }
        ends = Array(repeating: nil, count: generations.count)
        freeSlots = Array(generations.indices)
        opened.removeAll()
        ready.removeAll()
        news.removeAll()
        roomFor.removeAll()
        linksUp = 0
        wakeAt = nil
        turnAt = nil
        disk.crash()
        noteTrouble()
        weak let ghost = core
        core = nil
        inspectable = nil
        if ghost != nil { world.report(.leaks, "the core of \(name) outlives its node") }
    }

    /// The kernel of a dead process closes its connections; a dead machine leaves them hanging.
    private func abandon(_ end: End) {
        end.peer.wasHarmed = true
        if random.chance(0.5) { world.network.vanish(end) } else { world.network.close(end) }
    }

    /// Nothing is done until `instant`, as when the machine is busy elsewhere.
    func stall(until instant: Instant) {
        stalledUntil = max(stalledUntil, instant)
    }

    // MARK: What the world says

    override func connected(_ attempt: Attempt, _ end: End) {
        attempts.removeAll { $0 === attempt }
        linksUp += 1
        noteTrouble()
        giveName(to: end)
        news.append(.connected(attempt.link!, end.id))
        wake()
    }

    override func refused(_ attempt: Attempt, reason: String) {
        attempts.removeAll { $0 === attempt }
        noteTrouble()
        news.append(.refused(attempt.link!, reason: reason))
        world.coverage.reach(.refusedBackend)
        wake()
    }

    override func accepted(_ end: End) {
        precondition(core != nil, "\(name) is down and accepts")
        opened.append(end)
        wake()
    }

    override func readable(_ end: End) {
        guard !end.isReady else { return }
        end.isReady = true
        ready.append(end)
        wake()
    }

    override func writable(_ end: End) {
        roomFor.append(end)
        wake()
    }

    /// Something was done to the core from outside: what it has to say goes out.
    func rouse() {
        if let core { settle(core, at: world.moment) }
        wake()
    }

    func hear(_ word: News) {
        news.append(word)
        wake()
    }

    /// Plans a turn: what comes in the meantime is handled in the same one.
    private func wake() {
        wake(in: .nanoseconds(random.below(20_000)))
    }

    private func wake(in delay: Duration) {
        let at = max(world.now + delay, stalledUntil)
        if let turnAt, turnAt <= at { return }
        turnAt = at
        world.schedule(.turn(self), at: at)
    }

    // MARK: A turn

    func turn() {
        // Turns that were planned and then overtaken by an earlier one come to nothing.
        guard let core, turnAt == world.now else { return }
        turnAt = nil
        if stalledUntil > world.now { return wake(in: stalledUntil - world.now) }
        let moment = world.moment
        if isInTrouble { noteTrouble() }
        for end in take(&opened) where !end.isClosed {
            giveName(to: end)
            let connection = end.connection
            core.open(
                end.id, through: .clients, from: connection.local, to: connection.remote,
                at: moment)
            check()
        }
        for word in take(&news) {
            core.hear(word, at: moment)
            check()
        }
        let arrivals = take(&ready)
        if arrivals.count > 1 { world.coverage.reach(.manyPiecesAtOnce) }
        for end in arrivals {
            end.isReady = false
            handOver(end, to: core, at: moment)
        }
        tick(core, at: moment)
        settle(core, at: moment)
        closedThisTurn.removeAll(keepingCapacity: true)
        checkHoldUps()
        if isInTrouble { noteTrouble() }
        if let wakeAt { wake(in: max(.microseconds(1), wakeAt - world.now)) }
    }

    private func take<Element>(_ queue: inout [Element]) -> [Element] {
        let taken = queue
        queue.removeAll(keepingCapacity: true)
        return taken
    }

    private func tick(_ core: any Core, at moment: Moment) {
        let isDue = wakeAt.map { $0 <= moment.instant } ?? false
        if !isDue, !random.chance(world.faults.ticksEarly) { return }
        if !isDue { world.coverage.reach(.earlyTick) }
        core.pending.wakeAt = nil
        noteHoldUps()
        core.tick(at: moment)
        check()
        if let next = core.pending.wakeAt, next <= moment.instant {
            world.report(.contract, "\(name) wants to be woken in the past")
        }
    }

    /// Reads once from a connection, as the event loop does it: a piece of what has arrived, or its end.
    private func handOver(_ end: End, to core: any Core, at moment: Moment) {
        guard !end.isClosed else { return }
        let pipe = end.incoming
        if !end.isPaused, pipe.arrived > 0 {
            let count = pieceSize(pipe.arrived)
            if count == 1 { world.coverage.reach(.singleByte) }
            read(count, from: end)
            world.delivered(scratch.span, to: self, on: end)
            core.receive(scratch.span, from: end.id, at: moment)
            // A core that kept the bytes themselves and not a copy finds others in their place.
            for index in scratch.indices { scratch[index] = 0xAA }
            check()
            if !end.isClosed, pipe.arrived > 0 || pipe.hasEnded || end.isLost { readable(end) }
            return
        }
        if end.isLost {
            if end.isPaused, pipe.arrived > 0 { world.coverage.reach(.unreadDropped) }
            forget(end, of: core, at: moment)
        } else if pipe.hasEnded, end.isPaused, !end.hasSeenEnd, !end.hasToldHangUp {
            end.hasToldHangUp = true
            core.hear(.hungUp(end.id), at: moment)
            check()
        } else if pipe.hasEnded, pipe.arrived == 0, !end.hasSeenEnd, !end.isPaused {
            end.hasSeenEnd = true
            core.end(end.id, at: moment)
            check()
        }
    }

    private func pieceSize(_ arrived: Int) -> Int {
        guard random.chance(world.faults.cutsReads) else { return min(arrived, 64 * 1024) }
        return random.size(upTo: arrived)
    }

    private func read(_ count: Int, from end: End) {
        scratch.removeAll(keepingCapacity: true)
        scratch.reserveCapacity(count)
        end.incoming.bytes.copy(count, to: &scratch)
        world.network.consume(count, from: end)
    }

    /// Carries out what the core left, until it leaves nothing more or the turn has been long enough.
    private func settle(_ core: any Core, at moment: Moment) {
        var roundsLeft = random.within(2...16)
        while hasWork(core) {
            // The event loop, too, goes on next turn at some point; `World` notices a core that never has enough.
            guard roundsLeft > 0 else {
                wakeAt = world.now
                return
            }
            roundsLeft -= 1
            let output = core.pending.output
            let wishes = core.pending.wishes
            core.pending.output.removeAll(keepingCapacity: true)
            core.pending.wishes.removeAll(keepingCapacity: true)
            checkNames(output)
            drained.removeAll(keepingCapacity: true)
            for id in output {
                if let end = end(named: id) { drain(end, of: core, at: moment) }
            }
            for end in take(&roomFor) where !end.isClosed && !output.contains(end.id) {
                drain(end, of: core, at: moment)
            }
            for wish in wishes { carryOut(wish, of: core, at: moment) }
            check()
        }
        wakeAt = core.pending.wakeAt
    }

    private func hasWork(_ core: any Core) -> Bool {
        !roomFor.isEmpty || !core.pending.output.isEmpty || !core.pending.wishes.isEmpty
    }

    private func checkNames(_ output: [ConnectionID]) {
        // One that was drained several times since may have become ready each time anew.
        for (index, id) in output.enumerated()
        where output[..<index].contains(id) && !drained.contains(id) {
            world.report(.contract, "\(name) names \(id) twice in a turn")
        }
    }

    /// The core offers, the driver writes, until nothing waits or the socket is full; or the driver has had enough
    /// for this turn.
    private func drain(_ end: End, of core: any Core, at moment: Moment) {
        // A full socket is asked again when it has room, and not before.
        guard !end.wantsRoom else { return }
        drained.append(end.id)
        var writesLeft = random.within(1...4)
        var isDone = false
        while !isDone {
            guard writesLeft > 0 else { return world.network.askAgain(end) }
            writesLeft -= 1
            isDone = true
            core.drain(end.id, at: moment) { pieces in
                let taken = world.network.write(pieces, to: end)
                isDone = taken < pieces.total
                return taken
            }
        }
        check()
    }

    private func check() {
        inspectable?.checkInvariants()
    }

    /// True when, at the last look, a client that does not read held up others.
    private var isHoldingUp: Bool { ends.contains { $0?.heldUpSince != nil } }

    /// Writes down which connections are held up, and since when.
    private func noteHoldUps() {
        guard let inspectable else { return }
        for end in ends {
            guard let end else { continue }
            guard end.isPaused, inspectable.isHeldUp(end.id) else {
                end.heldUpSince = nil
                continue
            }
            guard end.heldUpSince == nil else { continue }
            end.heldUpSince = world.now
            world.coverage.reach(.othersHeldUp)
        }
    }

    /// A turn comes late when the node was stalled; but in the first one that comes, a hold-up that has lasted for
    /// too long ends.
    private func checkHoldUps() {
        noteHoldUps()
        guard let inspectable else { return }
        for end in ends {
            guard let end, let since = end.heldUpSince else { continue }
            let lasted = world.now - since
            guard lasted > inspectable.longestHoldUp else { continue }
            let number = end.connection.number
            world.report(.stall, "\(name) does not read connection \(number) for \(lasted)")
        }
    }

    // MARK: Wishes

    private func carryOut(_ wish: Wish, of core: any Core, at moment: Moment) {
        switch wish {
        case .connect(let link, let endpoint):
            if attempts.contains(where: { $0.link == link }) {
                world.report(.contract, "\(name) connects link \(link.number) twice at once")
            }
            if life > 1 || world.now > Instant(nanoseconds: 0) {
                world.coverage.reach(.reconnectedBackend)
            }
            attempts.append(world.network.connect(from: self, link: link, to: endpoint))
        case .abandon(let link):
            for attempt in attempts where attempt.link == link { attempt.isAbandoned = true }
            attempts.removeAll { $0.link == link }
        case .close(let id):
            guard let end = end(named: id) else { return }
            world.trace("\(name) closes connection \(end.connection.number)")
            world.coverage.reach(.closedByProgram)
            forget(end, of: core, at: moment)
        case .pause(let id):
            guard let end = end(named: id) else { return }
            world.trace("\(name) pauses connection \(end.connection.number)")
            end.isPaused = true
            end.hasToldHangUp = false
            if end.incoming.hasEnded { readable(end) }
            world.coverage.reach(.pausedReading)
        case .resume(let id):
            guard let end = end(named: id) else { return }
            world.trace("\(name) resumes connection \(end.connection.number)")
            end.isPaused = false
            world.coverage.reach(.resumedReading)
            readable(end)
        case .log(let level, let line):
            log(level, line)
        case .openFile(let id, let path, let size): disk.open(id, path: path, size: size)
        case .append(let id, let bytes): disk.append(bytes, to: id)
        case .sync(let id): disk.sync(id)
        case .closeFile(let id): disk.close(id)
        case .replaceFile(let id, let path, let contents):
            disk.replace(id, path: path, contents: contents)
        case .send(let message, let receiver): send(message, to: receiver)
        case .exit(let status):
            world.report(.contract, "\(name) wants to leave with status \(status)")
        }
    }

    /// Nothing that a simulated program meets is beyond what may happen: such a line is a mistake of the program.
    private func log(_ level: LogLevel, _ line: String) {
        world.trace("\(name) logs: \(line)")
        // The second is what the audit of reads says of a broken promise: nobody writes past the proxy here.
        if line.contains("should not happen") || line.contains("at level fresh with data that was")
        {
            world.report(.log, "\(name) says: \(line)")
        }
        if line.hasPrefix("Closing client ") { noteClosing(line) }
    }

    /// A program that closes a client of its own accord says whom and why, and here are the reasons that count.
    private func noteClosing(_ line: String) {
        if line.hasSuffix("others waited behind replies it does not read"), !isHoldingUp {
            world.report(.closesWithReason, "\(name) says '\(line)', and nobody waited")
        }
        for end in world.network.ends(of: self) {
            let start = "Closing client \(end.connection.local): "
            if line.hasPrefix(start + "others waited behind") {
                end.peer.wasHarmed = true
                world.coverage.reach(.slowClientClosed)
            } else if line.hasPrefix(start + "it does not read its messages") {
                end.peer.wasHarmed = true
                if role == .proxy { world.coverage.reach(.slowListenerClosed) }
            }
        }
    }

    // MARK: Messages between workers

    /// It takes its time, as if the other worker were busy, and overtakes no earlier one to the same worker.
    private func send(_ message: any CoreMessage, to receiver: Int) {
        guard receiver != number, machine.nodes.indices.contains(receiver) else {
            return world.report(.contract, "\(name) sends a message to worker \(receiver)")
        }
        let delay = random.between(.zero, world.faults.mostDelay)
        lastArrival[receiver] = max(lastArrival[receiver], world.now + delay)
        let letter = Letter(message, from: number, to: machine.nodes[receiver], life: life)
        world.schedule(.deliver(letter), at: lastArrival[receiver])
    }

    func receive(_ letter: Letter) {
        guard core != nil, letter.life == life else { return }
        hear(.message(letter.message, from: letter.sender))
    }

    // MARK: Names of connections

    private func giveName(to end: End) {
        let slot: Int
        if freeSlots.isEmpty {
            slot = ends.count
            ends.append(nil)
            generations.append(1)
        } else {
            let index = random.chance(0.5) ? freeSlots.count - 1 : random.below(freeSlots.count)
            slot = freeSlots.remove(at: index)
            generations[slot] &+= 1
        }
        ends[slot] = end
        end.id = ConnectionID(slot: UInt32(slot), generation: generations[slot])
    }

    /// The end with this name; nil, and a broken contract, when the core should know that there is none.
    private func end(named id: ConnectionID) -> End? {
        let slot = Int(id.slot)
        if slot < ends.count, let end = ends[slot], end.id == id { return end }
        if !closedThisTurn.contains(id) {
            world.report(.contract, "\(name) names \(id), which is gone since an earlier turn")
        }
        return nil
    }

    /// A connection is over for this node: the core hears of it once, and its slot is free.
    private func forget(_ end: End, of core: any Core, at moment: Moment) {
        if end.side == 0 {
            linksUp -= 1
            noteTrouble()
        }
        let slot = Int(end.id.slot)
        ends[slot] = nil
        freeSlots.append(slot)
        closedThisTurn.append(end.id)
        world.network.close(end)
        core.close(end.id, at: moment)
        check()
    }

    // MARK: At rest

    var connectionsOpen: Int { ends.count - freeSlots.count }

    /// What a core at rest still holds, in words; nil when it holds nothing.
    var unrest: String? {
        guard let inspectable else { return nil }
        if inspectable.requestsWaiting > 0 { return "\(inspectable.requestsWaiting) tickets" }
        if inspectable.fencesRaised > 0 { return "\(inspectable.fencesRaised) fences" }
        if inspectable.doubtsLeft > 0 { return "\(inspectable.doubtsLeft) doubts" }
        if inspectable.replicasBehind > 0 { return "\(inspectable.replicasBehind) stale replicas" }
        if inspectable.bytesHeld > 0 { return "\(inspectable.bytesHeld) bytes" }
        return nil
    }

    func checkBounds() {
        guard let inspectable else { return }
        let most = inspectable.mostBytesHeld(connections: connectionsOpen)
        if inspectable.bytesHeld > most {
            world.report(.bounds, "\(name) holds \(inspectable.bytesHeld) bytes of \(most)")
        }
    }
}
