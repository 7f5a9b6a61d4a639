// The virtual network: it makes connections, carries bytes, and breaks what the faults tell it to break.

import RESP

/// All connections of a world.
final class Network {
    unowned let world: World
    private var random: Random
    private var made = 0
    /// Those of which at least one end is still open, oldest first.
    private var connections: [Connection] = []

    init(in world: World, random: Random) {
        self.world = world
        self.random = random
    }

    private var faults: Faults { world.faults }

    // MARK: Making connections

    /// Begins to connect; `host` hears later what became of it.
    func connect(from host: Host, link: LinkID?, to endpoint: Endpoint) -> Attempt {
        var outcome = Attempt.Outcome.succeeds
        var delay = random.between(faults.leastDelay, faults.mostDelay)
        if random.chance(faults.refusesConnect) {
            outcome = .fails(reason: "Connection refused")
            world.coverage.reach(.refusedConnect)
        } else if random.chance(faults.hangsConnect) {
            outcome = .fails(reason: "Connection timed out")
            delay = random.between(.milliseconds(200), .seconds(2))
            world.coverage.reach(.hangingConnect)
        }
        let attempt = Attempt(host: host, link: link, endpoint: endpoint, outcome: outcome)
        world.schedule(.answer(attempt), in: delay)
        return attempt
    }

    func answer(_ attempt: Attempt) {
        guard !attempt.isAbandoned else { return }
        if case .fails(let reason) = attempt.outcome {
            return attempt.host.refused(attempt, reason: reason)
        }
        guard let machine = world.machine(at: attempt.endpoint), machine.isUp else {
            return attempt.host.refused(attempt, reason: "Connection refused")
        }
        // The kernel spreads connections over listeners by a hash of their addresses: as good as by chance.
        let connection = join(attempt.host, random.pick(machine.nodes))
        attempt.host.connected(attempt, connection.ends[0])
        let delay = random.between(.zero, faults.mostDelay)
        world.schedule(.accept(connection.ends[1]), in: delay)
    }

    /// Makes a connection that neither host has heard of yet.
    func join(_ connecting: Host, _ accepting: Host) -> Connection {
        made += 1
        world.trace("connection \(made): \(connecting.name) to \(accepting.name)")
        let connection = Connection(
            number: made, from: connecting, to: accepting, faults: faults)
        connections.append(connection)
        return connection
    }

    /// The accepting side takes a connection from its queue; it may be lost by now.
    func accept(_ end: End) {
        guard !end.isClosed else { return }
        end.isAccepted = true
        end.host.accepted(end)
        if end.isLost || end.incoming.arrived > 0 || end.incoming.hasEnded { announce(end) }
    }

    // MARK: Bytes

    /// Takes as many of the bytes as the socket has room for, and sends them on their way.
    func write(_ pieces: borrowing OutputPieces, to end: End) -> Int {
        let taken = roomToday(in: end, for: pieces.total)
        var left = taken
        for index in 0..<pieces.count where left > 0 {
            let count = min(left, pieces[index].count)
            end.outgoing.bytes.append(pieces[index].extracting(0..<count))
            left -= count
        }
        dispatch(taken, on: end.outgoing)
        return taken
    }

    func write(_ bytes: [UInt8], from start: Int, to end: End) -> Int {
        let taken = roomToday(in: end, for: bytes.count - start)
        end.outgoing.bytes.append(bytes.span.extracting(start..<start + taken))
        dispatch(taken, on: end.outgoing)
        return taken
    }

    private func roomToday(in end: End, for wanted: Int) -> Int {
        precondition(!end.isClosed, "\(end.host.name) writes to a connection that it closed")
        var taken = min(wanted, end.outgoing.room)
        if taken < wanted { world.coverage.reach(.fullSocket) }
        if taken > 1, random.chance(faults.cutsWrites) {
            taken = random.size(upTo: taken)
            world.coverage.reach(.shortWrite)
        }
        if taken < wanted {
            end.wantsRoom = true
            if end.outgoing.room > 0 { giveRoom(to: end) }
        }
        return taken
    }

    /// Cuts what was written into at most four segments, each with its own delay, none overtaking another.
    private func dispatch(_ count: Int, on pipe: Pipe) {
        if pipe.survivors != nil {
            world.coverage.reach(.lostBytes)
            return
        }
        var left = count
        var cuts = random.below(4)
        while left > 0 {
            let size = cuts > 0 ? random.size(upTo: left) : left
            cuts -= 1
            send(Pipe.Segment(count: size), on: pipe)
            left -= size
        }
    }

    private func send(_ segment: Pipe.Segment, on pipe: Pipe) {
        let transfer = Duration.nanoseconds(segment.count * faults.nanosecondsPerByte)
        let soonest = world.now + random.between(faults.leastDelay, faults.mostDelay)
        pipe.latest = max(pipe.latest, soonest) + transfer
        pipe.underWay.append(segment)
        world.schedule(.arrive(pipe), at: pipe.latest)
    }

    func arrive(_ pipe: Pipe) {
        guard pipe.next < pipe.underWay.count else { return }
        if pipe.cloggedUntil > world.now {
            world.schedule(.arrive(pipe), at: pipe.cloggedUntil)
            return
        }
        var count = pipe.underWay[pipe.next].count
        let isEnd = count == 0
        pipe.next += 1
        if pipe.next == pipe.underWay.count {
            pipe.underWay.removeAll(keepingCapacity: true)
            pipe.next = 0
        }
        if let survivors = pipe.survivors {
            count = min(count, survivors)
            pipe.survivors = survivors - count
            if isEnd || count == 0 { return }
        }
        let receiver = pipe.receiver
        if receiver.isClosed {
            // Nobody is there to read it: the other side is told so, at once.
            pipe.bytes.removeFirst(min(count, pipe.bytes.count))
            if !isEnd { reset(receiver.peer) }
            return
        }
        if isEnd { pipe.hasEnded = true }
        pipe.arrived += count
        announce(receiver)
    }

    private func announce(_ end: End) {
        guard end.isAccepted, !end.isClosed else { return }
        end.host.readable(end)
    }

    /// Takes `count` arrived bytes out of the pipe, after they were read.
    func consume(_ count: Int, from end: End) {
        end.incoming.bytes.removeFirst(count)
        end.incoming.arrived -= count
        if end.peer.wantsRoom { giveRoom(to: end.peer) }
    }

    /// The owner may have more to write, and wants to be called about it soon.
    func askAgain(_ end: End) {
        end.wantsRoom = true
        giveRoom(to: end)
    }

    private func giveRoom(to end: End) {
        guard !end.willHaveRoom, !end.isClosed else { return }
        end.willHaveRoom = true
        world.schedule(.room(end), in: random.between(faults.leastDelay, faults.mostDelay))
    }

    func room(_ end: End) {
        end.willHaveRoom = false
        guard !end.isClosed, end.wantsRoom else { return }
        end.wantsRoom = false
        end.host.writable(end)
    }

    // MARK: Ends of connections

    /// The owner will write no more, but still reads.
    func finish(_ end: End) {
        precondition(!end.isClosed, "\(end.host.name) ends a connection that it closed")
        guard !end.outgoing.isFinished else { return }
        end.outgoing.isFinished = true
        if end.outgoing.survivors == nil { send(Pipe.Segment(count: 0), on: end.outgoing) }
    }

    /// The owner closes its end, as the kernel does it: in peace, or, when it has not read everything, with a reset
    /// that may take with it what was written last.
    func close(_ end: End) {
        guard !end.isClosed else { return }
        end.isClosed = true
        if end.incoming.arrived > 0 {
            world.coverage.reach(.resetAfterClose)
            reset(end.peer)
        } else if !end.outgoing.isFinished, end.outgoing.survivors == nil {
            end.outgoing.isFinished = true
            send(Pipe.Segment(count: 0), on: end.outgoing)
        }
        release(end.incoming)
        retireIfOver(end.connection)
    }

    /// The owner is gone without a word: the other side learns of it much later.
    func vanish(_ end: End) {
        guard !end.isClosed else { return }
        end.isClosed = true
        breakPipes(of: end.connection)
        release(end.incoming)
        learn(end.peer, in: random.between(.milliseconds(5), .seconds(1)))
        retireIfOver(end.connection)
    }

    /// Breaks a connection at any byte; each end learns of it at its own time, one of them perhaps much later.
    func cut(_ connection: Connection) {
        world.trace("connection \(connection.number) is cut")
        breakPipes(of: connection)
        let isHalfOpen = random.chance(faults.staysHalfOpen)
        let late = random.below(2)
        if isHalfOpen { world.coverage.reach(.halfOpen) }
        // What is under way then may come long after the sender knows that the connection is lost.
        if isHalfOpen, late == 1, connection.isBackendLink, random.chance(0.5) {
            let until = world.now + random.between(.milliseconds(1), .milliseconds(300))
            clog(connection.ends[0].outgoing, until: until)
            world.coverage.reach(.lateBytes)
        }
        for end in connection.ends where !end.isClosed {
            end.wasHarmed = true
            let isLate = isHalfOpen && end.side == late
            learn(end, in: random.between(.zero, isLate ? .seconds(1) : .milliseconds(2)))
        }
    }

    private func reset(_ end: End) {
        guard !end.isClosed, !end.isLost else { return }
        breakPipes(of: end.connection)
        learn(end, in: random.between(faults.leastDelay, faults.mostDelay))
    }

    private func breakPipes(of connection: Connection) {
        for end in connection.ends where end.outgoing.survivors == nil {
            let flying = end.outgoing.flying
            let survivors = random.below(flying + 1)
            if survivors < flying { world.coverage.reach(.lostBytes) }
            end.outgoing.survivors = survivors
        }
    }

    private func learn(_ end: End, in delay: Duration) {
        guard !end.willLearn, !end.isClosed else { return }
        end.willLearn = true
        world.schedule(.learn(end), in: delay)
    }

    func learn(_ end: End) {
        guard !end.isClosed, !end.isLost else { return }
        end.isLost = true
        if end.incoming.arrived > 0, random.chance(0.5) {
            world.coverage.reach(.unreadDropped)
            consume(end.incoming.arrived, from: end)
            // What comes behind a gap must not be read either.
            end.incoming.survivors = 0
        }
        announce(end)
    }

    private func release(_ pipe: Pipe) {
        pipe.bytes.removeFirst(pipe.arrived)
        pipe.arrived = 0
    }

    private func retireIfOver(_ connection: Connection) {
        guard connection.isOver else { return }
        for end in connection.ends { end.outgoing.bytes.release() }
        world.retire(connection)
        connections.removeAll { $0 === connection }
    }

    /// Whether a peer, as the accepting side knows it, belongs to an earlier life of its program.
    func isStray(_ peer: PeerAddress) -> Bool {
        guard let connection = connections.first(where: { $0.local == peer }),
            let node = connection.ends[0].host as? Node
        else { return false }
        return node.core == nil || node.life != connection.life
    }

    // MARK: Faults

    /// One of the connections that `isWanted`, if there is any.
    func anyConnection(where isWanted: (Connection) -> Bool) -> Connection? {
        let wanted = connections.filter(isWanted)
        return wanted.isEmpty ? nil : random.pick(wanted)
    }

    /// Nothing arrives on any of the pipes of `host` until `instant`.
    func clog(_ host: Host, until instant: Instant) {
        for connection in connections
        where connection.ends[0].host === host || connection.ends[1].host === host {
            for end in connection.ends { clog(end.outgoing, until: instant) }
        }
    }

    func clog(_ pipe: Pipe, until instant: Instant) {
        pipe.cloggedUntil = max(pipe.cloggedUntil, instant)
    }

    /// Every clog ends, and the sockets are of a good size again.
    func heal() {
        for end in connections.flatMap(\.ends) {
            end.outgoing.cloggedUntil = world.now
            end.outgoing.capacity = max(end.outgoing.capacity, faults.socketCapacity)
            if end.wantsRoom { giveRoom(to: end) }
        }
    }

    /// The connections that `host` has a part in and has not closed.
    func ends(of host: Host) -> [End] {
        connections.flatMap(\.ends).filter { $0.host === host && !$0.isClosed }
    }

    /// True when a client's connection is still open at the side of a program.
    var hasClientLinks: Bool {
        connections.contains { $0.ends[0].host.role == .client }
    }
}
